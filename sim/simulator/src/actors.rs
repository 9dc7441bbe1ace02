//! Those who use the broker, and those who make its life hard.

mod administrator;
mod consumer;
mod follower;
mod keeper;
mod lessee;
mod member;
mod producer;
mod publisher;
mod saboteur;
mod subscriber;

pub use administrator::{AGED_MS, administrate};
pub(crate) use consumer::committed;
pub use consumer::consume;
pub use follower::follow;
pub(crate) use follower::look_at_followed;
pub use keeper::keep;
pub use member::{MEMBERS_TOPIC, belong};
pub use producer::{Producer, produce};
pub use publisher::publish;
pub use saboteur::{ROOMY_BYTES, sabotage};
pub use subscriber::subscribe;
pub(crate) use subscriber::{Holder, host, subscribed};

use std::sync::Arc;

use forebay_broker::topic::Topic;

use crate::context::Context;
use crate::ledger::{Kind, Place, Presence};

/// A partition of a topic that both the broker and the ledger know, with what it promises.
fn any_partition(cx: &mut Context) -> Option<(Arc<Topic>, Place, Kind)> {
    let topics = cx.broker.catalog().all();
    let ledger = cx.ledger.lock();
    let usable = |topic: &&Arc<Topic>| {
        let known = ledger.topics.get(&topic.id);
        known.is_some_and(|known| {
            let wanted = cx.plan.focus.is_none_or(|focus| focus == known.kind);
            wanted && known.presence == Presence::Exists
        })
    };
    let topics: Vec<_> = topics.iter().filter(usable).cloned().collect();
    let topic = cx.random.pick(&topics)?.clone();
    let known = &ledger.topics[&topic.id];
    // It may have grown without the ledger's knowing yet.
    let count = known.partitions.len().min(topic.partitions.len());
    let index = cx.random.below(count as u64) as i32;
    let kind = known.kind;
    Some((topic.clone(), (topic.id, index), kind))
}
