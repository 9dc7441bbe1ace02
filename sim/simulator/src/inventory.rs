//! The look into all queues while nobody uses them: everything is taken out and put back, or kept out at
//! the very end, and held against the ledger.

use std::time::Duration;

use forebay_broker::host::HostError;
use forebay_broker::queue::{Credit, Outcome};

use crate::actors::{Holder, host, subscribed};
use crate::context::Context;
use crate::ledger::Look;
use crate::queues::{CONNECTION, Kind, RETRY_MS};
use crate::schedule::Down;

/// How often a look waits for what may be on its way from a queue to the grave.
const PATIENCE: u32 = 20;

/// What becomes of everything that a look finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// It is put back.
    PutBack,
    /// It is put back, and one of the queues is purged.
    PurgeOne,
    /// It is acknowledged.
    Drain,
}

/// Looks into every queue.
pub fn look(cx: &mut Context, afterwards: Afterwards) -> Result<(), Down> {
    if release_all(cx)?.is_none() {
        return Ok(());
    }
    // What came back late is ready by then.
    cx.schedule.sleep(Duration::from_millis(RETRY_MS + 100))?;
    let Some(mut holders) = subscribe_all(cx)? else {
        return Ok(());
    };
    let mut look = Look::default();
    for holder in &mut holders {
        take(cx, holder, &mut look)?;
    }
    for attempt in 0.. {
        let now_ms = cx.wall_ms();
        let missing = cx.ledger.lock().queues.missing(&look, now_ms);
        let Some(missing) = missing else { break };
        assert!(attempt < PATIENCE, "{missing}");
        cx.schedule.sleep(Duration::from_millis(100))?;
        for holder in &mut holders {
            take(cx, holder, &mut look)?;
        }
    }
    put_back(cx, &mut holders, afterwards)?;
    cx.ledger.lock().queues.looked(&look);
    cx.ledger.lock().counts.looked_at += look.found.len() as u64;
    if afterwards == Afterwards::PurgeOne {
        purge_one(cx, &holders, &look)?;
    }
    Ok(())
}

/// Whoever still holds something is gone. None if the broker has stopped.
fn release_all(cx: &Context) -> Result<Option<()>, Down> {
    let stragglers = std::mem::take(&mut cx.ledger.lock().queues.stragglers);
    match cx.ask(cx.broker.release(stragglers, Vec::new()))? {
        Ok(()) => Ok(Some(())),
        Err(HostError::Stopped) => Ok(None),
        Err(error) => panic!("holders cannot be released: {error}"),
    }
}

fn subscribe_all(cx: &Context) -> Result<Option<Vec<Holder>>, Down> {
    let mut holders = Vec::new();
    let queues = cx.ledger.lock().queues.queues();
    for queue in queues {
        let name = queue.name().into();
        let status = cx.ask(host(cx).check_queue(name, CONNECTION))?;
        match &status {
            Ok(status) => {
                let most = cx.ledger.lock().queues.most(queue);
                let ready = status.ready;
                assert!(
                    most.is_none_or(|most| ready <= most),
                    "{} has {ready} messages, and is bound to have {most:?}",
                    queue.name()
                );
            }
            Err(HostError::NoQueue(_)) => {}
            Err(HostError::Stopped) => return Ok(None),
            Err(error) => panic!("{}: {error}", queue.name()),
        }
        cx.ledger.lock().queues.found(queue, status.is_ok());
        if status.is_ok() {
            holders.extend(subscribed(cx, queue, Credit::Unlimited)?);
        }
    }
    Ok(Some(holders))
}

/// Takes what a queue gives, which is in its order if all of it was ready.
fn take(cx: &Context, holder: &mut Holder, look: &mut Look) -> Result<(), Down> {
    // Its answer comes after everything that was delivered before.
    let name = holder.queue.name().into();
    let _ = cx.ask(host(cx).check_queue(name, CONNECTION))?;
    let before = holder.held.len();
    let ranks = holder.take(cx)?;
    for (_, key) in &holder.held[before..] {
        look.add(*key);
    }
    let in_order = ranks.windows(2).all(|pair| pair[0] < pair[1]);
    assert!(
        in_order || holder.queue == Kind::Limited,
        "{} is not in order: {ranks:?}",
        holder.queue.name()
    );
    Ok(())
}

fn put_back(cx: &mut Context, holders: &mut [Holder], afterwards: Afterwards) -> Result<(), Down> {
    for holder in holders.iter() {
        let _ = cx.ask(cx.broker.cancel(holder.id))?;
    }
    let outcome = match afterwards {
        Afterwards::Drain => Outcome::Ack,
        _ => Outcome::Nack { delay_ms: Some(0) },
    };
    for holder in holders {
        let count = holder.held.len();
        holder.settle(cx, count, outcome)?;
        let _ = cx.ask(cx.broker.release(vec![holder.id], Vec::new()))?;
    }
    Ok(())
}

fn purge_one(cx: &mut Context, holders: &[Holder], look: &Look) -> Result<(), Down> {
    let queues: Vec<_> = holders.iter().map(|holder| holder.queue).collect();
    let Some(queue) = cx.random.pick(&queues).copied() else {
        return Ok(());
    };
    let now_ms = cx.wall_ms();
    let asked = cx.ledger.lock().queues.purges(queue, now_ms);
    cx.schedule.note("purge", &[queue as u64]);
    let name = queue.name().into();
    let purged = match queue {
        Kind::Leased => cx.ask(host(cx).purge_everything(name))?,
        _ => cx.ask(host(cx).purge_queue(name, CONNECTION))?,
    };
    match purged {
        Ok(purged) => {
            let here = look.found.iter().filter(|key| {
                let is_here = key.origin == queue && !key.dead;
                is_here || queue == Kind::Grave
            });
            // To the grave others may have come since.
            let most = here.count() as u64;
            assert!(
                purged <= most || queue == Kind::Grave,
                "{purged} of {most} messages were purged"
            );
            let now_ms = cx.wall_ms();
            cx.ledger.lock().queues.purged_alone(queue, asked, now_ms);
        }
        Err(HostError::Stopped) => {}
        Err(error) => panic!("{} cannot be purged: {error}", queue.name()),
    }
    Ok(())
}
