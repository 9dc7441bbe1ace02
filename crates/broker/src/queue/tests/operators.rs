//! What operators do.

use super::harness::*;
use crate::queue::*;

#[test]
fn a_purge_drops_what_is_ready() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(5);
    bench.get(ANNA, 2);
    let delayed = Attributes {
        not_before_ms: Some(bench.now_ms + 10),
        ..Attributes::default()
    };
    bench.enqueue_with(1, delayed);
    let lost = bench.turn(|queue, turn| queue.purge(turn));
    let expected = Lost {
        ready: 3,
        ..Lost::default()
    };
    assert_eq!(lost, expected);
    let counters = *bench.queue.counters();
    assert_eq!((counters.ready, counters.ready_bytes), (0, 0));
    assert_eq!((counters.locked, counters.delayed), (2, 1));
    assert_eq!(counters.totals.purged, 3);
    bench.ack(ANNA, 0..2);
    assert_eq!(bench.queue.log_start(), 5);
}

#[test]
fn whoever_deletes_a_queue_is_told_what_it_held() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(5);
    bench.get(ANNA, 2);
    bench.subscribe(BERT, 1);
    let Bench {
        queue, mut pools, ..
    } = bench;
    let mut out = Effects::default();
    let lost = queue.delete(&mut Turn {
        now_ms: 0,
        pools: &mut pools,
        out: &mut out,
    });
    let expected = Lost {
        ready: 2,
        locked: 3,
        delayed: 0,
    };
    assert_eq!(lost, expected);
    assert_eq!(out.effects, [Effect::Cancelled { consumer: BERT }]);
}
