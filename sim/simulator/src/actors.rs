//! Those who use the broker, and those who make its life hard.

mod administrator;
mod consumer;
mod member;
mod producer;
mod saboteur;

pub use administrator::{AGED_MS, administrate};
pub(crate) use consumer::committed;
pub use consumer::consume;
pub use member::{MEMBERS_TOPIC, belong};
pub use producer::{Producer, produce};
pub use saboteur::{ROOMY_BYTES, sabotage};

use std::sync::Arc;

use forebay_broker::topic::Topic;

use crate::context::Context;
use crate::ledger::{Kind, Place, Presence};

/// A partition of a topic that both the broker and the ledger know, with what it promises.
fn any_partition(cx: &mut Context) -> Option<(Arc<Topic>, Place, Kind)> {
    let topics = cx.broker.catalog().all();
    let topic = cx.random.pick(&topics)?.clone();
    let index = cx.random.below(topic.partitions.len() as u64) as i32;
    let ledger = cx.ledger.lock();
    let known = ledger.topics.get(&topic.id)?;
    let there = known.presence == Presence::Exists && (index as usize) < known.partitions.len();
    let kind = known.kind;
    there.then(|| (topic.clone(), (topic.id, index), kind))
}
