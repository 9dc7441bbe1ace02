//! Somebody who takes messages for a time, and deletes them, gives them back, extends their time, or lets it
//! pass. Others may have had them in the meantime.

use std::future::ready;
use std::time::Duration;

use forebay_broker::host::{
    HostError, Lease, LeaseError, LeaseOutcome, Receive, Received, StoredMessage,
};
use forebay_broker::queue::Outcome;

use super::host;
use crate::context::Context;
use crate::ledger::{Key, Sighting};
use crate::queues::{Kind, LEASE_MS};
use crate::schedule::Down;

/// Takes messages for a while.
pub(super) fn lease(cx: &mut Context) -> Result<(), Down> {
    let mut held = Vec::new();
    for _ in 0..cx.random.between(1, 6) {
        let since = cx.ledger.lock().queues.asks();
        let lock_ms = cx.random.between(1, LEASE_MS);
        let until_ms = cx.wall_ms().saturating_add_unsigned(lock_ms);
        let receive = Receive {
            queue: Kind::Leased.name().into(),
            messages_max: cx.random.between(1, 6) as u32,
            lock_ms: Some(lock_ms),
            default_lock_ms: LEASE_MS,
            in_flight_max: None,
        };
        let virtual_host = host(cx);
        let received = match cx.random.one_in(2) {
            true => cx.ask(virtual_host.take(receive))?,
            false => cx.ask(virtual_host.receive(receive, ready(())))?,
        };
        match received {
            Ok(Some(received)) => held.extend(see(cx, &received, since, until_ms)?),
            Ok(None) => {}
            Err(HostError::Stopped | HostError::NoQueue(_)) => return Ok(()),
            Err(error) => panic!("{}: {error}", Kind::Leased.name()),
        }
        let count = cx.random.below(held.len() as u64 + 1) as usize;
        let some: Vec<_> = held.drain(..count).collect();
        settle(cx, some)?;
        let rest = Duration::from_micros(cx.plan.rest_micros / 4);
        cx.rest(rest)?;
    }
    Ok(())
}

fn see(
    cx: &Context,
    received: &Received,
    since: u64,
    until_ms: i64,
) -> Result<Vec<(Lease, Key)>, Down> {
    let read = received.read();
    if cx.schedule.is_down() {
        return Err(Down);
    }
    let mut ledger = cx.ledger.lock();
    // What is seen so late is somebody else's by now.
    if cx.wall_ms() >= until_ms {
        return Ok(Vec::new());
    }
    let mut held = Vec::new();
    for (leased, message) in read {
        let sighting = sighting(&message, leased.deliveries);
        // Whoever has had it before may delete it while it is on its way.
        if !ledger
            .queues
            .is_untouched(Kind::Leased, sighting.number, since)
        {
            continue;
        }
        cx.schedule
            .note("leased", &[sighting.number, sighting.offset]);
        let key = ledger.queues.see(Kind::Leased, &sighting, cx.wall_ms());
        held.push((leased.lease, key));
        ledger.counts.delivered += 1;
    }
    Ok(held)
}

fn sighting(message: &StoredMessage, returns: u32) -> Sighting {
    let number = message.body[..8].try_into().map(u64::from_le_bytes);
    Sighting {
        number: number.expect("eight bytes"),
        offset: message.offset,
        returns,
        deaths: message.deaths.clone(),
    }
}

/// Does the same with each of the messages.
fn settle(cx: &mut Context, held: Vec<(Lease, Key)>) -> Result<(), Down> {
    if held.is_empty() {
        return Ok(());
    }
    let outcome = match cx.random.below(6) {
        0 => LeaseOutcome::Extend { lock_ms: 0 },
        1 => LeaseOutcome::Extend {
            lock_ms: cx.random.between(1, LEASE_MS),
        },
        // They come back when their time is over.
        2 => return Ok(()),
        kind => LeaseOutcome::Delete {
            even_if_stale: kind > 3,
        },
    };
    let deletes = matches!(outcome, LeaseOutcome::Delete { .. });
    let keys: Vec<_> = held.iter().map(|(_, key)| *key).collect();
    let asked = {
        let mut ledger = cx.ledger.lock();
        match deletes {
            true => ledger.queues.settle(&keys, Outcome::Ack),
            false => ledger.queues.asks(),
        }
    };
    cx.schedule
        .note("settle leases", &[asked, keys.len() as u64]);
    let leases = held.iter().map(|(lease, _)| (*lease, outcome)).collect();
    let queue = Kind::Leased.name().into();
    let results = match cx.ask(host(cx).settle_leases(queue, leases))? {
        Ok(results) => results,
        Err(HostError::Stopped | HostError::NoQueue(_)) => return Ok(()),
        Err(error) => panic!("{}: {error}", Kind::Leased.name()),
    };
    if !deletes {
        return Ok(());
    }
    let mut ledger = cx.ledger.lock();
    let mut is_promised = false;
    for (key, result) in keys.iter().zip(results) {
        match result {
            Ok(()) | Err(LeaseError::Gone) => is_promised = true,
            Err(LeaseError::Stale) => {
                let even_if_stale = LeaseOutcome::Delete {
                    even_if_stale: true,
                };
                assert!(
                    outcome != even_if_stale,
                    "{key:?} is kept from who has had it"
                );
                ledger.queues.stays(*key);
            }
            Err(LeaseError::Unknown) => panic!("{key:?} is of another queue"),
        }
    }
    if is_promised {
        ledger.queues.answers(asked + 1);
    }
    Ok(())
}
