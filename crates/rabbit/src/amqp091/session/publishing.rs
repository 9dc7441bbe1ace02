//! Messages on their way to the broker, and what it says of them, in order.

use std::collections::VecDeque;
use std::pin::Pin;

use bytes::Bytes;
use forebay_broker::host::{Publication, PublishError, Published, VirtualHost};
use futures_util::FutureExt;

use super::message::{Alike, Outgoing};
use crate::amqp091::ShortStr;
use crate::amqp091::properties::Properties;
use crate::limits;

/// What became of a message.
pub(super) type Outcome = Result<Published, PublishError>;

type Answer = Pin<Box<dyn Future<Output = Vec<Outcome>> + Send>>;

/// Who published a message, and what it is to be told.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) channel: u16,
    pub(super) incarnation: u64,
    /// The tag to confirm.
    pub(super) confirm: Option<u64>,
    /// What to return if it goes nowhere.
    pub(super) returned: Option<Box<Returned>>,
    pub(super) bytes: usize,
}

/// A message that may have to be returned.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) exchange: ShortStr,
    pub(super) routing_key: ShortStr,
    pub(super) properties: Properties,
    pub(super) body: Bytes,
}

/// Messages that gather, and messages that the broker has.
#[derive(Default)]
pub(super) struct Publishing {
    batch: Vec<Publication>,
    /// Those that came last, if more may join them.
    alike: Option<Alike>,
    /// What those before took, which the next are likely to take: it follows at once when they take more, and
    /// slowly when they take less.
    alike_bytes: usize,
    slots: Vec<Slot>,
    /// How many messages went to the broker at a time, the last time: as many are likely to be next.
    handed_over: usize,
    pending: VecDeque<Pending>,
    /// Of both.
    count: usize,
    bytes: usize,
}

struct Pending {
    answer: Answer,
    slots: Vec<Slot>,
}

impl Publishing {
    /// Adds a message, to be handed over.
    pub(super) fn add(&mut self, publication: Publication, slot: Slot) {
        self.end_alike_for_others();
        self.batch.push(publication);
        self.count(slot);
    }

    /// Adds a message that others may join.
    pub(super) fn begin(&mut self, alike: Alike, slot: Slot) {
        self.end_alike_for_others();
        self.alike = Some(alike);
        self.count(slot);
    }

    /// Ends what more could have joined, but something else came. Where nothing came, it says nothing of what the next
    /// are likely to take.
    fn end_alike_for_others(&mut self) {
        if self.alike.is_some() {
            self.alike_bytes = self.alike_bytes / 8 * 7;
        }
        self.end_alike();
    }

    fn end_alike(&mut self) {
        if let Some(alike) = self.alike.take() {
            self.alike_bytes = alike.bytes().max(self.alike_bytes);
            self.batch.push(alike.publication());
        }
    }

    /// What messages that are joined take, by those before.
    pub(super) fn alike_bytes(&self) -> usize {
        self.alike_bytes
    }

    /// The messages that this one may join.
    pub(super) fn alike(&mut self, next: &Outgoing<'_>) -> Option<&mut Alike> {
        self.alike.as_mut().filter(|alike| alike.takes(next))
    }

    /// A message was added.
    pub(super) fn count(&mut self, slot: Slot) {
        self.count += 1;
        self.bytes += slot.bytes;
        if self.slots.is_empty() {
            self.slots.reserve(self.handed_over);
        }
        self.slots.push(slot);
    }

    /// Whether so much has gathered that it should be handed over.
    pub(super) fn is_batch(&self) -> bool {
        self.slots.len() >= limits::PUBLISH_BATCH_MAX
    }

    /// Whether no more should be taken.
    pub(super) fn is_full(&self) -> bool {
        let bytes_max = match self.count {
            0..=limits::PENDING_LARGE_MAX => limits::PENDING_PUBLISH_BYTES_MAX,
            _ => limits::PENDING_SMALL_BYTES_MAX,
        };
        self.count >= limits::PENDING_PUBLISHES_MAX || self.bytes >= bytes_max
    }

    /// Whether the broker has yet to say something.
    pub(super) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Hands over what has gathered.
    pub(super) fn hand_over(&mut self, host: &VirtualHost) {
        self.end_alike();
        if self.batch.is_empty() {
            return;
        }
        let answer = host.publish(std::mem::take(&mut self.batch)).boxed();
        self.handed_over = self.slots.len();
        let slots = std::mem::take(&mut self.slots);
        self.pending.push_back(Pending { answer, slots });
    }

    /// What became of the messages that were handed over first. For ever, if there are none.
    pub(super) async fn next(&mut self) -> Vec<(Slot, Outcome)> {
        let Some(first) = self.pending.front_mut() else {
            return std::future::pending().await;
        };
        let outcomes = (&mut first.answer).await;
        self.finish(outcomes)
    }

    /// The same, if it is known.
    pub(super) fn ready(&mut self) -> Option<Vec<(Slot, Outcome)>> {
        let first = self.pending.front_mut()?;
        let outcomes = (&mut first.answer).now_or_never()?;
        Some(self.finish(outcomes))
    }

    fn finish(&mut self, outcomes: Vec<Outcome>) -> Vec<(Slot, Outcome)> {
        let Some(pending) = self.pending.pop_front() else {
            return Vec::new();
        };
        debug_assert_eq!(outcomes.len(), pending.slots.len());
        self.count -= pending.slots.len();
        self.bytes -= pending.slots.iter().map(|slot| slot.bytes).sum::<usize>();
        pending.slots.into_iter().zip(outcomes).collect()
    }
}
