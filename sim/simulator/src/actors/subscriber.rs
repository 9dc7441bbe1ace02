//! Somebody who consumes from queues: subscribed or message by message, and settles what it is given in
//! every way there is, or leaves without a word.

use std::time::Duration;

use bytes::Bytes;
use forebay_broker::host::{
    GetMessage, HostError, Notice, Settlement, Subscribe, VirtualHost, VirtualHostId,
};
use forebay_broker::queue::{Credit, Delivery, HolderId, Outcome, Subscription};
use forebay_broker::storage::{LogReader, ReadError};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::lessee::lease;
use super::publisher::any_queue;
use crate::context::Context;
use crate::ledger::Key;
use crate::messages::delivered;
use crate::queues::{CONNECTION, Kind};
use crate::schedule::Down;

/// Consumes for one life of the broker.
pub fn subscribe(mut cx: Context) -> Result<(), Down> {
    for _ in 0..cx.plan.queues.acts / 3 + 1 {
        let queue = any_queue(&mut cx);
        if queue == Kind::Leased {
            lease(&mut cx)?;
        } else if queue != Kind::Single && cx.random.one_in(3) {
            get(&mut cx, queue)?;
        } else {
            consume(&mut cx, queue)?;
        }
        cx.rest_between_acts()?;
    }
    Ok(())
}

/// Somebody who was given messages of a queue.
pub(crate) struct Holder {
    pub(crate) queue: Kind,
    pub(crate) id: HolderId,
    pub(crate) log: LogReader,
    pub(crate) notices: UnboundedReceiver<Notice>,
    /// The life of the queue that it subscribed to.
    incarnation: u64,
    /// Messages by the number of their delivery.
    pub(crate) held: Vec<(u64, Key)>,
}

/// Subscribes to a queue, if it is there.
pub(crate) fn subscribed(
    cx: &Context,
    queue: Kind,
    credit: Credit,
) -> Result<Option<Holder>, Down> {
    let (sender, notices) = unbounded_channel();
    let id = HolderId(cx.broker.next_id());
    let (incarnation, exists) = {
        let ledger = cx.ledger.lock();
        let queues = &ledger.queues;
        (queues.incarnation(queue), queues.exists(queue))
    };
    let subscribe = Subscribe {
        queue: queue.name().into(),
        holder: id,
        subscription: Subscription {
            credit,
            ..Subscription::default()
        },
        notices: sender,
        connection: CONNECTION,
    };
    match cx.ask(host(cx).subscribe(subscribe))? {
        Ok(subscribed) => Ok(Some(Holder {
            queue,
            id,
            log: subscribed.log,
            notices,
            incarnation,
            held: Vec::new(),
        })),
        Err(HostError::NoQueue(_)) => {
            let same = cx.ledger.lock().queues.incarnation(queue) == incarnation;
            assert!(!(exists && same), "queue {} is not there", queue.name());
            Ok(None)
        }
        Err(HostError::Stopped) => Ok(None),
        Err(error) => panic!("{}: {error}", queue.name()),
    }
}

impl Holder {
    /// Takes what it was given since, in order.
    pub(crate) fn take(&mut self, cx: &Context) -> Result<Vec<(u8, u64)>, Down> {
        let mut ranks = Vec::new();
        while let Ok(Notice::Delivered(delivery)) = self.notices.try_recv() {
            ranks.extend(self.see(cx, &delivery)?);
        }
        Ok(ranks)
    }

    fn see(&mut self, cx: &Context, delivery: &Delivery) -> Result<Vec<(u8, u64)>, Down> {
        let read = delivered(&self.log, delivery);
        if cx.schedule.is_down() {
            return Err(Down);
        }
        let seen = match read {
            Ok(seen) => seen,
            Err(ReadError::Deleted) => return Ok(Vec::new()),
            // A log that is deleted while it is read may lose its files before its name.
            Err(_) if self.log.is_deleted() => return Ok(Vec::new()),
            Err(error) => panic!("{}: {delivery:?}: {error}", self.queue.name()),
        };
        let mut ledger = cx.ledger.lock();
        // What came of a queue that is gone says nothing of the one there is.
        if ledger.queues.incarnation(self.queue) != self.incarnation {
            return Ok(Vec::new());
        }
        let mut ranks = Vec::new();
        let first = delivery.number.expect("deliveries to be settled");
        for (number, sighting) in (first..).zip(&seen) {
            cx.schedule
                .note("delivered", &[sighting.number, sighting.offset]);
            let key = ledger.queues.see(self.queue, sighting, cx.wall_ms());
            ranks.push(ledger.queues.rank(self.queue, sighting));
            self.held.push((number, key));
            ledger.counts.delivered += 1;
        }
        Ok(ranks)
    }

    /// Settles the first `count` messages that it holds.
    pub(crate) fn settle(
        &mut self,
        cx: &mut Context,
        count: usize,
        outcome: Outcome,
    ) -> Result<(), Down> {
        let settled: Vec<_> = self.held.drain(..count).collect();
        let settlements = settled.iter().map(|(number, _)| Settlement {
            holder: self.id,
            numbers: *number..number + 1,
            outcome,
        });
        let settlements: Vec<_> = settlements.collect();
        if settlements.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = settled.iter().map(|(_, key)| *key).collect();
        let asked = {
            let mut ledger = cx.ledger.lock();
            // Of a queue that is gone there is nothing to settle.
            match ledger.queues.incarnation(self.queue) == self.incarnation {
                true => ledger.queues.settle(&keys, outcome),
                false => ledger.queues.asks(),
            }
        };
        cx.schedule.note("settle", &[asked, keys.len() as u64]);
        let way = cx.random.below(3);
        if way == 0 {
            let answer = cx.ask(cx.broker.settle_durably(settlements))?;
            return self.answered(cx, asked + 1, answer);
        }
        // Nobody waits for that, as nobody does for `basic.ack`.
        drop(cx.broker.settle(settlements));
        cx.schedule.wake(cx.shard);
        if way == 1 {
            let asked = cx.ledger.lock().queues.asks();
            let answer = cx.ask(host(cx).check_exchange(Bytes::new()))?;
            return self.answered(cx, asked, answer);
        }
        Ok(())
    }

    /// Whatever was asked before `asked` is answered for.
    fn answered(
        &self,
        cx: &Context,
        asked: u64,
        answer: Result<(), HostError>,
    ) -> Result<(), Down> {
        match answer {
            Ok(()) => cx.ledger.lock().queues.answers(asked),
            Err(HostError::Stopped) => {}
            Err(error) => panic!("{}: {error}", self.queue.name()),
        }
        Ok(())
    }
}

/// Subscribes, and takes what comes for a while.
fn consume(cx: &mut Context, queue: Kind) -> Result<(), Down> {
    let window = cx.random.between(1, 6) as u32;
    let Some(mut holder) = subscribed(cx, queue, Credit::Window(window))? else {
        return Ok(());
    };
    for _ in 0..cx.random.between(1, 6) {
        holder.take(cx)?;
        let count = cx.random.below(holder.held.len() as u64 + 1) as usize;
        let outcome = outcome(cx);
        holder.settle(cx, count, outcome)?;
        let rest = Duration::from_micros(cx.plan.rest_micros / 4);
        cx.rest(rest)?;
    }
    leave(cx, holder)
}

/// Ends a subscription in one of three ways.
fn leave(cx: &mut Context, mut holder: Holder) -> Result<(), Down> {
    match cx.random.below(3) {
        // The connection is gone, and its gateway says so.
        0 => {
            drop(cx.broker.release(vec![holder.id], Vec::new()));
            cx.schedule.wake(cx.shard);
        }
        1 => {
            let _ = cx.ask(cx.broker.cancel(holder.id))?;
            holder.take(cx)?;
            let (count, outcome) = (holder.held.len(), outcome(cx));
            holder.settle(cx, count, outcome)?;
            drop(cx.broker.release(vec![holder.id], Vec::new()));
            cx.schedule.wake(cx.shard);
        }
        // It hangs.
        _ => cx.ledger.lock().queues.stragglers.push(holder.id),
    }
    Ok(())
}

/// Takes one message.
fn get(cx: &mut Context, queue: Kind) -> Result<(), Down> {
    let id = HolderId(cx.broker.next_id());
    let (incarnation, exists) = {
        let ledger = cx.ledger.lock();
        let queues = &ledger.queues;
        (queues.incarnation(queue), queues.exists(queue))
    };
    let get = GetMessage {
        queue: queue.name().into(),
        holder: id,
        auto_ack: false,
        connection: CONNECTION,
    };
    let got = match cx.ask(host(cx).get_message(get))? {
        Ok(Some(got)) => got,
        Ok(None) | Err(HostError::Stopped) => return Ok(()),
        Err(HostError::NoQueue(_)) => {
            let same = cx.ledger.lock().queues.incarnation(queue) == incarnation;
            assert!(!(exists && same), "queue {} is not there", queue.name());
            return Ok(());
        }
        Err(error) => panic!("{}: {error}", queue.name()),
    };
    let (_, notices) = unbounded_channel();
    let mut holder = Holder {
        queue,
        id,
        log: got.log,
        notices,
        incarnation,
        held: Vec::new(),
    };
    holder.see(cx, &got.delivery)?;
    let outcome = outcome(cx);
    let count = holder.held.len();
    if count == 0 || cx.random.one_in(4) {
        return leave(cx, holder);
    }
    holder.settle(cx, count, outcome)
}

fn outcome(cx: &mut Context) -> Outcome {
    match cx.random.below(8) {
        0 => Outcome::Reject,
        1 => Outcome::Nack { delay_ms: None },
        2 => Outcome::Fail { delay_ms: None },
        3 => Outcome::Nack {
            delay_ms: Some(cx.random.below(50)),
        },
        _ => Outcome::Ack,
    }
}

pub(crate) fn host(cx: &Context) -> VirtualHost {
    cx.broker.virtual_host(VirtualHostId::DEFAULT)
}
