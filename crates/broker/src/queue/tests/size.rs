//! What a backlog costs.

use super::harness::*;
use crate::queue::*;

/// So many messages, appended `run` at a time, a hundred appends a millisecond.
fn backlog(
    messages: u64,
    run: u64,
    size: impl Fn(u64) -> u32,
    attributes: impl Fn(u64) -> Attributes,
) -> Bench {
    let mut bench = Bench::new(QueueSettings {
        max_priority: 255,
        order: Order::None,
        ttl_ms: Some(86_400_000),
        ..QueueSettings::default()
    });
    for first in (0..messages).step_by(run as usize) {
        let arrival = Arrival {
            first,
            count: run,
            bytes_each: size(first),
            attributes: attributes(first),
        };
        let now_ms = bench.now_ms + first as i64 / 100;
        bench.unseen_turn(now_ms, |queue, turn| queue.enqueue(&arrival, turn));
    }
    bench.queue.check().unwrap();
    bench
}

#[test]
fn ten_million_messages_cost_what_ten_thousand_cost() {
    let bytes = |messages| {
        let bench = backlog(messages, 50, |_| 1_000, |_| Attributes::default());
        assert_eq!(bench.ready(), messages);
        bench.queue.memory_bytes()
    };
    let (few, many) = (bytes(10_000), bytes(10_000_000));
    assert!(many < few + 4_096, "{few} and {many} bytes");
}

#[test]
fn a_backlog_of_all_sizes_and_priorities_costs_bytes_by_the_hundred() {
    let messages = 1_000_000;
    let bench = backlog(
        messages,
        1,
        |offset| (offset * 31 % 977) as u32,
        |offset| Attributes {
            priority: (offset * 7 % 10) as u8,
            ..Attributes::default()
        },
    );
    let sizes: u64 = (0..messages).map(|offset| offset * 31 % 977).sum();
    assert_eq!(bench.queue.counters().ready_bytes, sizes);
    // Ten levels of up to five bits a message, and three bits for its size.
    let bytes = bench.queue.memory_bytes() as u64;
    assert!(bytes < messages * 8, "{bytes} bytes");
}

#[test]
fn what_is_mixed_waits_on_disk_and_comes_in_its_turn() {
    let (messages, scratch) = (40_000, scratch());
    let priority = |offset: u64| (offset * 31 % 251) as u8;
    let mut bench = backlog(
        messages,
        1,
        |_| 100,
        |offset| Attributes {
            priority: priority(offset),
            ..Attributes::default()
        },
    );
    let in_memory = bench.queue.memory_bytes();
    bench.queue.page_out(&scratch);
    let bytes = bench.queue.memory_bytes();
    assert!(bytes < in_memory / 2, "{bytes} of {in_memory}");
    bench.queue.check().unwrap();
    bench.queue = restored(&snapshot(&bench.queue));
    let mut expected: Vec<u64> = (0..messages).collect();
    expected.sort_by_key(|offset| std::cmp::Reverse(priority(*offset)));
    for expected in expected.chunks(2_000) {
        assert_eq!(bench.get(ANNA, 2_000), expected);
    }
}

#[test]
fn a_stuck_message_does_not_make_those_that_pass_it_cost_anything() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.subscribe(ANNA, 2);
    bench.enqueue(1);
    for first in 1..1_000_000 {
        let arrival = Arrival {
            first,
            count: 1,
            ..Arrival::default()
        };
        bench.unseen_turn(bench.now_ms, |queue, turn| {
            queue.enqueue(&arrival, turn);
            let acked = queue.settle(ANNA, first..first + 1, Outcome::Ack, turn);
            acked.unwrap();
        });
    }
    assert_eq!(bench.queue.log_start(), 0);
    assert!(
        bench.queue.memory_bytes() < 16 << 10,
        "{}",
        bench.queue.memory_bytes()
    );
}
