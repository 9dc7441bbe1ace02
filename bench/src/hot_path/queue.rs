//! From a message's offset to its acknowledgement: the delivery state of a queue alone.

use forebay_broker::queue::{
    Arrival, Attributes, Credit, CreditPools, Effect, Effects, HolderId, Outcome, Queue,
    QueueSettings, Subscription, Turn,
};

use super::request::NOW_MS;

/// Messages that come in, go out and are acknowledged in one go.
pub(super) const RUN: u64 = 100;

const CONSUMER: HolderId = HolderId(1);
/// What consumers ask for that want to be fast.
const PREFETCH: u32 = 300;
/// Messages that share one journal entry.
const GROUP: u64 = 400;

pub(super) fn run(turns: u64) {
    deliver(turns, RUN);
}

pub(super) fn one(turns: u64) {
    deliver(turns, 1);
}

fn deliver(turns: u64, count: u64) {
    let mut pools = CreditPools::default();
    let mut out = Effects::default();
    let mut queue = Queue::new(QueueSettings::default(), 0, 0);
    let settings = Subscription {
        credit: Credit::Window(PREFETCH),
        ..Subscription::default()
    };
    let mut turn = Turn {
        now_ms: NOW_MS,
        pools: &mut pools,
        out: &mut out,
    };
    let subscribed = queue.subscribe(CONSUMER, settings, &mut turn);
    subscribed.expect("the queue is empty");
    for index in 0..turns {
        let arrival = Arrival {
            first: index * count,
            count,
            bytes_each: 1_000,
            attributes: Attributes::default(),
        };
        queue.enqueue(&arrival, &mut turn);
        // As many are on their way as the consumer takes.
        if let Some(lag) = (index * count).checked_sub(u64::from(PREFETCH) - RUN) {
            let settled = queue.settle(CONSUMER, lag..lag + count, Outcome::Ack, &mut turn);
            settled.expect("it was delivered");
        }
        if (index * count).is_multiple_of(GROUP) {
            let delivers = |effect: &Effect| matches!(effect, Effect::Deliver(_));
            assert!(turn.out.effects.iter().all(delivers));
            turn.out.clear();
        }
    }
    assert!(queue.counters().ready == 0, "nothing waits");
}
