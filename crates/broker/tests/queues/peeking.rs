//! Messages that are looked at.

use forebay_broker::host::{HostError, Peek, PeekedMessages};
use forebay_broker::queue::{Outcome, Place};

use crate::harness::{Running, queue};

fn peek(name: &str, from: u64, limit: usize) -> Peek {
    Peek {
        queue: name.to_owned().into(),
        from,
        below: u64::MAX,
        limit,
    }
}

impl Running {
    /// What is found from an offset on: at most so many messages, and about so many bytes.
    async fn peek(&self, name: &str, from: u64, limit: usize, bytes_max: usize) -> PeekedMessages {
        let peeked = self.host.peek(peek(name, from, limit)).await.unwrap();
        peeked.read(bytes_max).unwrap()
    }
}

fn shown(found: &PeekedMessages) -> Vec<(u64, &str, Place)> {
    let messages = found.messages.iter();
    messages
        .map(|(standing, message)| {
            assert_eq!(standing.offset, message.offset);
            let body = std::str::from_utf8(&message.body).unwrap();
            (message.offset, body, standing.place)
        })
        .collect()
}

#[tokio::test]
async fn who_looks_sees_every_message_and_changes_nothing() {
    let running = Running::new();
    running.declare("q").await;
    for body in ["a", "b", "c", "d"] {
        running.publish("", "q", body).await;
    }
    let (got, _) = running.get("q").await.unwrap();
    let nack = Outcome::Nack { delay_ms: None };
    running.settle_delivery(&got.delivery, nack).await;
    let (held, _) = running.get("q").await.unwrap();
    let (second, _) = running.get("q").await.unwrap();
    running
        .settle_delivery(&second.delivery, Outcome::Ack)
        .await;
    let (locked, ready) = (Place::Locked, Place::Ready);
    for _ in 0..3 {
        let found = running.peek("q", 0, 100, 1 << 20).await;
        assert_eq!(
            shown(&found),
            [(0, "a", locked), (2, "c", ready), (3, "d", ready)]
        );
        assert_eq!(found.messages[0].0.mark.deliveries, 1);
        assert_eq!(found.messages[1].1.routing_key, "q");
        assert_eq!(found.next, None);
    }
    running.settle_delivery(&held.delivery, nack).await;
    assert_eq!(running.bodies("q").await, ["a", "c", "d"]);
}

#[tokio::test]
async fn a_look_is_bounded_by_messages_and_by_bytes() {
    let running = Running::new();
    running.declare("q").await;
    for body in ["aaaa", "bbbb", "cccc"] {
        running.publish("", "q", body).await;
    }
    let two = running.peek("q", 1, 2, 1 << 20).await;
    assert_eq!(two.messages.len(), 2);
    assert_eq!(two.messages[0].1.body, "bbbb");
    // At least one, and then as many as the bytes allow.
    for (bytes_max, count, next) in [(1, 1, Some(1)), (5, 2, Some(2)), (12, 3, None)] {
        let found = running.peek("q", 0, 100, bytes_max).await;
        assert_eq!(
            (found.messages.len(), found.next),
            (count, next),
            "{bytes_max}"
        );
    }
}

#[tokio::test]
async fn what_is_consumed_between_a_look_and_its_reading_is_left_out() {
    let running = Running::new();
    running.declare("q").await;
    for body in ["a", "b"] {
        running.publish("", "q", body).await;
    }
    let peeked = running.host.peek(peek("q", 0, 9)).await.unwrap();
    let (got, _) = running.get("q").await.unwrap();
    running.settle_delivery(&got.delivery, Outcome::Ack).await;
    // The log's front is given back, not too often.
    while peeked.log.start_offset() == 0 {
        running.pass(2_000).await;
    }
    assert_eq!(shown(&peeked.read(100).unwrap()), [(1, "b", Place::Ready)]);
}

#[tokio::test]
async fn what_is_not_there_or_another_connections_is_not_shown() {
    let running = Running::new();
    let mut mine = queue("mine");
    mine.exclusive = Some(crate::harness::ME);
    running.declare_as(mine).await.unwrap();
    let refused = running.host.peek(peek("mine", 0, 1)).await.unwrap_err();
    assert_eq!(refused, HostError::ExclusiveToOther("mine".into()));
    let refused = running.host.peek(peek("none", 0, 1)).await.unwrap_err();
    assert_eq!(refused, HostError::NoQueue("none".into()));
}
