//! From topics to the queues that are subscribed to them.
//!
//! ```text
//! log grows ─ news.rs ─ follower.rs: reads, makes messages (off the shard) ─ Forward ─ machine/host (shard)
//! ```
//!
//! A task a subscription waits for its topic to grow (`news`), reads what is behind the high watermark and
//! asks the shard to take it in, one question at a time (`follower`). It knows nothing that survives it:
//! how far it has come is the broker's state, in the same entry of the journal as the messages.
//!
//! | module | what it is |
//! |---|---|
//! | `follower` | one subscription |
//! | `message` | a record becomes a message |
//! | `news` | what wakes a follower |

mod follower;
mod message;
mod news;

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use forebay_storage::shard::Counter;
use tokio::sync::Semaphore;

use crate::broker::Broker;
use crate::host::{FollowedTopics, TopicSubscriptionId};
use crate::limits::FORWARD_READS_AT_ONCE;
use follower::Follower;
use news::News;

/// Something that goes on by itself.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The world in which records are forwarded: it has threads and time.
pub trait Forwarding: Send + Sync {
    /// Has a task run.
    fn spawn(&self, task: Task);
    /// Has work done where it may wait for the medium.
    fn block(&self, work: Box<dyn FnOnce() + Send>);
    /// Waits.
    fn pause(&self, time: Duration) -> Task;
}

/// What was forwarded since the process started.
#[derive(Debug, Default)]
pub struct ForwardMetrics {
    /// Records that queues were given.
    pub messages: Counter,
    /// Offsets that retention took before a queue was given what they had.
    pub skipped: Counter,
    /// Records that no queue can be given: batches that do not open, records that are too large.
    pub left_out: Counter,
}

/// What all followers share.
struct Shared {
    broker: Broker,
    world: Arc<dyn Forwarding>,
    /// Reads at a time.
    reads: Semaphore,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Forwarding({:?})", self.broker)
    }
}

impl Broker {
    /// Gives queues what the topics get that they are subscribed to, until the broker ends. To be run once.
    pub async fn forward(&self, world: Arc<dyn Forwarding>) {
        let shared = Arc::new(Shared {
            broker: self.clone(),
            world,
            reads: Semaphore::new(FORWARD_READS_AT_ONCE),
        });
        let mut followed = self.followed_topics();
        let mut followers = Followers::default();
        loop {
            let now = Arc::clone(&followed.borrow_and_update());
            followers.suit(&now, &shared);
            if followed.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Who follows what; dropped, they end.
#[derive(Debug, Default)]
struct Followers(BTreeMap<TopicSubscriptionId, Arc<News>>);

impl Followers {
    /// Has every subscription followed, and nothing else.
    fn suit(&mut self, wanted: &FollowedTopics, shared: &Arc<Shared>) {
        let wanted: BTreeMap<_, _> = wanted.iter().map(|topic| (topic.id, topic)).collect();
        self.0.retain(|id, news| {
            let stays = wanted.contains_key(id);
            if !stays {
                news.end();
            }
            stays
        });
        for (id, topic) in wanted {
            match self.0.get(&id) {
                // It may have grown.
                Some(news) => news.look_again(),
                None => {
                    let news = Arc::new(News::default());
                    self.0.insert(id, Arc::clone(&news));
                    let follower = Follower::new(Arc::clone(shared), topic.clone(), news);
                    shared.world.spawn(Box::pin(follower.follow()));
                }
            }
        }
    }
}

impl Drop for Followers {
    fn drop(&mut self) {
        self.0.values().for_each(|news| news.end());
    }
}
