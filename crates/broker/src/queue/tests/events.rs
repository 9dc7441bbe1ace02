//! What is written about a queue is read as it was written, and anything else is refused.

use forebay_storage::codec::{DecodeError, Decoder, Encoder};
use forebay_storage::limits::NUMBER_MAX;
use proptest::prelude::*;

use crate::queue::*;

fn encoded(events: &[QueueEvent]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    QueueEvent::encode_batch(events, &mut encoder);
    encoder.finish()
}

fn decoded(bytes: &[u8]) -> Result<Vec<QueueEvent>, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    let mut events = Vec::new();
    QueueEvent::decode_batch(&mut decoder, |event| events.push(event))?;
    decoder.finish()?;
    Ok(events)
}

fn one_of_each() -> Vec<QueueEvent> {
    let holder = HolderId(u64::MAX);
    let removals = [Removal::Acked, Removal::Purged, Removal::Moved].into_iter();
    let removals = removals.chain(DeathReason::ALL.map(Removal::Dead));
    let removals = removals.chain(DeathReason::ALL.map(Removal::Dropped));
    let settings = QueueSettings {
        lock_ms: Some(1),
        delivery_limit: Some(2),
        counted: Causes::ALL,
        retry: RetryPolicy {
            backoff: Backoff::Exponential {
                base_ms: 3,
                factor_percent: 200,
            },
            cap_ms: 4,
            jitter_percent: 5,
            after: Causes::FAILURES,
        },
        dead_letter: true,
        drops_expired: true,
        keeps_age: true,
        order: Order::PerGroup,
        max_priority: 6,
        delay_ms: 7,
        ttl_ms: Some(0),
        bounds: Bounds {
            messages: Some(u64::MAX),
            bytes: Some(8),
            overflow: Overflow::RejectPublishDeadLetter,
        },
        deduplication_ms: Some(9),
        single_active: true,
        expires_ms: Some(10),
        auto_delete: true,
    };
    let mut events = vec![
        QueueEvent::Locked {
            holder,
            number: 5,
            offset: 1 << 40,
            count: 3,
            until_ms: Some(i64::MAX - 1),
            at_ms: Some(7),
        },
        QueueEvent::Locked {
            holder,
            number: 8,
            offset: 9,
            count: 1,
            until_ms: None,
            at_ms: None,
        },
        QueueEvent::DeduplicationForgotten,
        QueueEvent::Returned {
            holder: HolderId(0),
            number: 7,
            count: 1,
            counted: true,
            until_ms: Some(i64::MIN),
        },
        QueueEvent::Attributed {
            offset: 3,
            count: 1,
            at_ms: 1_700_000_000_000,
            attributes: Attributes {
                priority: 255,
                ttl_ms: Some(u64::MAX),
                not_before_ms: Some(-1),
                group: Some(u64::MAX),
                key: None,
                deduplication: Some(u128::MAX),
                born_ms: None,
            },
        },
        QueueEvent::Attributed {
            offset: 4,
            count: 1,
            at_ms: 1_700_000_000_000,
            attributes: Attributes {
                born_ms: Some(1_699_999_999_999),
                ..Attributes::default()
            },
        },
        QueueEvent::Extended {
            holder,
            number: 0,
            count: 2,
            until_ms: 4,
        },
        QueueEvent::Woken {
            offset: 0,
            count: NUMBER_MAX,
        },
        QueueEvent::Purged { below: NUMBER_MAX },
        QueueEvent::Buried {
            offset: 0,
            count: 1,
        },
        QueueEvent::Reconfigured {
            settings: Box::new(settings),
        },
        QueueEvent::Reconfigured {
            settings: Box::default(),
        },
    ];
    for (index, removal) in (0..).zip(removals) {
        events.push(QueueEvent::Removed {
            offset: index,
            count: 1,
            removal,
        });
        events.push(QueueEvent::Settled {
            holder: HolderId(index),
            number: 2 * index,
            count: 1,
            removal,
        });
    }
    events
}

#[test]
fn every_event_comes_back_as_it_was_written() {
    let events = one_of_each();
    assert_eq!(decoded(&encoded(&events)), Ok(events));
}

#[test]
fn the_usual_event_is_a_few_bytes() {
    let settled = |number| QueueEvent::Settled {
        holder: HolderId(70_000),
        number,
        count: 1,
        removal: Removal::Acked,
    };
    let few = encoded(&[settled(1 << 40)]).len();
    let more = encoded(&[settled(1 << 40), settled((1 << 40) + 7)]).len();
    assert_eq!(more - few, 5);
}

#[test]
fn numbers_that_nobody_handed_out_are_refused() {
    let beyond = QueueEvent::Removed {
        offset: NUMBER_MAX,
        count: 1,
        removal: Removal::Acked,
    };
    assert!(decoded(&encoded(&[beyond])).is_err());
    let nothing = QueueEvent::Woken {
        offset: 1,
        count: 0,
    };
    assert!(decoded(&encoded(&[nothing])).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever decodes is applied without a panic and leaves a queue that is whole.
    #[test]
    fn any_events_leave_a_queue_whole(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
        order in prop::sample::select(vec![Order::None, Order::PerGroup, Order::FairGroups]),
    ) {
        let mut bytes = encoded(&one_of_each());
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let settings = QueueSettings {
            order,
            ..QueueSettings::default()
        };
        let mut queue = Queue::new(settings, 0, 0);
        let arrival = Arrival {
            first: 0,
            count: 20,
            ..Arrival::default()
        };
        queue.replay_arrival(&arrival, 0);
        let mut decoder = Decoder::new(&bytes);
        let _ = QueueEvent::decode_batch(&mut decoder, |event| queue.apply(&event));
        prop_assert_eq!(queue.check(), Ok(()));
    }
}
