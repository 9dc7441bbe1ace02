//! A queue, its journal, and a clock turned by hand.

use std::sync::Arc;

use forebay_storage::codec::{Decoder, Encoded, Encoder};
use forebay_storage::{Scratch, SimulatedDisk};

use crate::queue::*;

pub(super) const ANNA: HolderId = HolderId(1);
pub(super) const BERT: HolderId = HolderId(2);
pub(super) const CARL: HolderId = HolderId(3);
pub(super) const POOL: PoolId = PoolId(9);

/// What the journal has of a queue.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Arrived(Arrival, i64),
    Happened(QueueEvent),
}

pub(super) struct Bench {
    pub(super) queue: Queue,
    pub(super) pools: CreditPools,
    pub(super) now_ms: i64,
    pub(super) journal: Vec<Entry>,
    /// Since they were last taken.
    effects: Vec<Effect>,
    scratch: Arc<Scratch>,
}

impl Bench {
    pub(super) fn new(settings: QueueSettings) -> Self {
        let mut bench = Self {
            queue: Queue::new(settings, 0, 7),
            pools: CreditPools::default(),
            now_ms: 1_000_000,
            journal: Vec::new(),
            effects: Vec::new(),
            scratch: scratch(),
        };
        bench.turn(|queue, turn| queue.open(turn));
        bench
    }

    /// Changes the queue, moves the dead, journals what follows, and checks that everything is where it
    /// must be.
    pub(super) fn turn<T>(&mut self, change: impl FnOnce(&mut Queue, &mut Turn<'_>) -> T) -> T {
        let mut out = Effects::default();
        let mut turn = Turn {
            now_ms: self.now_ms,
            pools: &mut self.pools,
            out: &mut out,
        };
        let result = change(&mut self.queue, &mut turn);
        for effect in turn.out.effects.clone() {
            if let Effect::DeadLettered { offset, count, .. } = effect {
                self.queue.buried(offset..offset + count, &mut turn);
            }
        }
        // As much as can be is on disk.
        self.queue.messages.page_out(0, 0, &self.scratch);
        self.queue.check().unwrap();
        self.effects.extend(out.effects);
        self.journal
            .extend(through_bytes(&out.events).into_iter().map(Entry::Happened));
        result
    }

    /// The same without any of it, for what happens a million times.
    pub(super) fn unseen_turn(
        &mut self,
        now_ms: i64,
        change: impl FnOnce(&mut Queue, &mut Turn<'_>),
    ) {
        let mut turn = Turn {
            now_ms,
            pools: &mut self.pools,
            out: &mut Effects::default(),
        };
        change(&mut self.queue, &mut turn);
    }

    pub(super) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// What was delivered since effects were last taken, message by message.
    pub(super) fn taken(&mut self) -> Vec<(HolderId, u64)> {
        let effects = self.take_effects();
        deliveries(&effects)
            .map(|(holder, offset, _)| (holder, offset))
            .collect()
    }

    /// The offsets of what was delivered, to whomever.
    pub(super) fn offsets(&mut self) -> Vec<u64> {
        self.taken().into_iter().map(|(_, offset)| offset).collect()
    }

    /// The messages that died since effects were last taken, each with its reason.
    pub(super) fn dead(&mut self) -> Vec<(u64, DeathReason)> {
        let mut dead = Vec::new();
        for effect in self.take_effects() {
            if let Effect::DeadLettered {
                offset,
                count,
                reason,
                ..
            } = effect
            {
                dead.extend((offset..offset + count).map(|offset| (offset, reason)));
            }
        }
        dead
    }

    pub(super) fn enqueue_with(&mut self, count: u64, attributes: Attributes) {
        self.arrive(Arrival {
            first: self.queue.next_offset(),
            count,
            bytes_each: 10,
            attributes,
        });
    }

    pub(super) fn arrive(&mut self, arrival: Arrival) {
        self.journal.push(Entry::Arrived(arrival, self.now_ms));
        self.turn(|queue, turn| queue.enqueue(&arrival, turn));
    }

    pub(super) fn enqueue(&mut self, count: u64) {
        self.enqueue_with(count, Attributes::default());
    }

    pub(super) fn subscribe(&mut self, consumer: HolderId, window: u32) {
        let settings = Subscription {
            credit: Credit::Window(window),
            ..Subscription::default()
        };
        self.subscribe_with(consumer, settings).unwrap();
    }

    pub(super) fn subscribe_with(
        &mut self,
        consumer: HolderId,
        settings: Subscription,
    ) -> Result<(), SubscribeError> {
        self.turn(|queue, turn| queue.subscribe(consumer, settings, turn))
    }

    pub(super) fn settle(
        &mut self,
        holder: HolderId,
        numbers: std::ops::Range<u64>,
        outcome: Outcome,
    ) -> Result<(), SettleError> {
        self.turn(|queue, turn| queue.settle(holder, numbers, outcome, turn))
    }

    pub(super) fn ack(&mut self, holder: HolderId, numbers: std::ops::Range<u64>) {
        self.settle(holder, numbers, Outcome::Ack).unwrap();
    }

    pub(super) fn nack(&mut self, holder: HolderId, numbers: std::ops::Range<u64>) {
        let outcome = Outcome::Nack { delay_ms: None };
        self.settle(holder, numbers, outcome).unwrap();
    }

    pub(super) fn fail(&mut self, holder: HolderId, numbers: std::ops::Range<u64>) {
        let outcome = Outcome::Fail { delay_ms: None };
        self.settle(holder, numbers, outcome).unwrap();
    }

    pub(super) fn get(&mut self, holder: HolderId, messages_max: u64) -> Vec<u64> {
        self.take_effects();
        let get = Get {
            holder,
            messages_max,
            lock_ms: None,
            no_ack: false,
            auto_ack: false,
        };
        self.turn(|queue, turn| queue.get(get, turn));
        self.offsets()
    }

    /// Lets time pass as a caller does: whenever the queue wants a tick, and at the end.
    pub(super) fn pass(&mut self, ms: i64) {
        let end_ms = self.now_ms + ms;
        while let Some(due_ms) = self.queue.next_deadline().filter(|due| *due <= end_ms) {
            self.now_ms = self.now_ms.max(due_ms);
            self.turn(|queue, turn| queue.tick(turn));
            let next = self.queue.next_deadline();
            assert!(
                next.is_none_or(|next| next > due_ms),
                "a tick does what is due"
            );
        }
        self.now_ms = end_ms;
    }

    /// The same queue from its journal, as it is before it is opened.
    pub(super) fn replayed(&self, settings: QueueSettings) -> Queue {
        let mut queue = Queue::new(settings, 0, 7);
        replay(&mut queue, &self.journal);
        queue
    }

    /// Everybody is gone, and the queue comes to life from its journal.
    pub(super) fn restart(&mut self, settings: QueueSettings) {
        self.queue = self.replayed(settings);
        self.pools = CreditPools::default();
        self.take_effects();
        self.turn(|queue, turn| queue.open(turn));
    }

    pub(super) fn ready(&self) -> u64 {
        self.queue.counters().ready
    }
}

pub(super) fn replay(queue: &mut Queue, journal: &[Entry]) {
    for entry in journal {
        match entry {
            Entry::Arrived(arrival, at_ms) => queue.replay_arrival(arrival, *at_ms),
            Entry::Happened(event) => queue.apply(event),
        }
    }
    queue.check().unwrap();
}

/// Every message delivered, with its delivery and the number of its token.
pub(super) fn deliveries(
    effects: &[Effect],
) -> impl Iterator<Item = (HolderId, u64, Delivery)> + '_ {
    effects.iter().flat_map(|effect| {
        let delivery = match effect {
            Effect::Deliver(delivery) => Some(*delivery),
            _ => None,
        };
        delivery.into_iter().flat_map(|delivery| {
            (0..delivery.count).map(move |index| {
                let one = Delivery {
                    offset: delivery.offset + index,
                    count: 1,
                    number: delivery.number.map(|number| number + index),
                    ..delivery
                };
                (delivery.holder, one.offset, one)
            })
        })
    })
}

/// What is known of a queue, in one form whatever led to it.
pub(super) fn snapshot(queue: &Queue) -> Vec<u8> {
    let mut encoder = Encoder::new();
    restored(&as_is(queue)).snapshot(&mut encoder);
    all_of(&encoder.finish_with_pages())
}

/// The same with pages as they came about.
pub(super) fn as_is(queue: &Queue) -> Vec<u8> {
    let mut encoder = Encoder::new();
    queue.snapshot(&mut encoder);
    all_of(&encoder.finish_with_pages())
}

/// The bytes, those on disk too.
pub(in crate::queue) fn all_of(encoded: &Encoded) -> Vec<u8> {
    let mut bytes = Vec::new();
    let gathered = encoded.for_each_piece(|piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    });
    gathered.unwrap();
    bytes
}

pub(in crate::queue) fn scratch() -> Arc<Scratch> {
    Scratch::new(Arc::new(SimulatedDisk::new()))
}

pub(super) fn restored(bytes: &[u8]) -> Queue {
    let mut decoder = Decoder::new(bytes);
    let queue = Queue::restore(&mut decoder, &scratch()).unwrap();
    decoder.finish().unwrap();
    queue
}

fn through_bytes(events: &[QueueEvent]) -> Vec<QueueEvent> {
    let mut encoder = Encoder::new();
    QueueEvent::encode_batch(events, &mut encoder);
    let bytes = encoder.finish();
    let mut decoder = Decoder::new(&bytes);
    let mut decoded = Vec::new();
    QueueEvent::decode_batch(&mut decoder, |event| decoded.push(event)).unwrap();
    decoder.finish().unwrap();
    assert_eq!(decoded, events);
    decoded
}

/// What a message of a group brings with it.
pub(super) fn of_group(group: u64) -> Attributes {
    Attributes {
        group: Some(group),
        ..Attributes::default()
    }
}
