//! What a channel is between two frames.

use bytes::Bytes;
use forebay_broker::host::Publication;
use forebay_broker::queue::{HolderId, Outcome, PoolId};
use hashbrown::HashMap;

use std::sync::Arc;

use super::publishing::Slot;
use super::replies::ReplyConsumer;
use super::unacked::{Taken, Unacked};
use crate::amqp091::ShortStr;
use crate::amqp091::assembler::Assembler;
use crate::registry::ChannelEntry;
use crate::seats::Seat;

/// An open channel.
#[derive(Debug)]
pub(super) struct Channel {
    /// Tells it from one of the same number that was closed.
    pub(super) incarnation: u64,
    /// It was told to close: everything but the answer is ignored.
    pub(super) closing: bool,
    pub(super) mode: Mode,
    pub(super) assembler: Assembler,
    /// Bytes of bodies that the assembler holds.
    pub(super) assembling_bytes: usize,
    /// The queue that an empty name stands for.
    pub(super) last_queue: Option<Bytes>,
    /// `basic.qos` without `global`: for consumers that come.
    pub(super) prefetch: u16,
    /// The same with `global`: for all consumers of the channel together.
    pub(super) shared_prefetch: u16,
    /// What all its consumers share.
    pub(super) pool: PoolId,
    /// Its consumers by their tags.
    pub(super) consumers: HashMap<ShortStr, HolderId>,
    /// Its consumers of streams: one for each partition.
    pub(super) streams: HashMap<ShortStr, Vec<HolderId>>,
    /// Consumers that are cancelled, and hold something that is settled later.
    pub(super) former: Vec<HolderId>,
    pub(super) unacked: Unacked,
    /// What operators see of it.
    pub(super) entry: Arc<ChannelEntry>,
    /// Who waits for answers, if it does.
    pub(super) replies: Option<ReplyConsumer>,
    /// Counts it for as long as it is there.
    pub(super) seat: Option<Seat>,
}

/// How it publishes.
#[derive(Debug, Default)]
pub(super) enum Mode {
    #[default]
    Plain,
    /// With confirms; the tag of the last publish.
    Confirm { published: u64 },
    /// In transactions.
    Transaction(Transaction),
}

/// What a transaction has done so far.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub(super) publications: Vec<Publication>,
    pub(super) slots: Vec<Slot>,
    pub(super) bytes: usize,
    pub(super) settled: Vec<(Taken, Outcome)>,
}

impl Channel {
    pub(super) fn new(
        incarnation: u64,
        pool: PoolId,
        message_bytes_max: u64,
        entry: Arc<ChannelEntry>,
        seat: Option<Seat>,
    ) -> Self {
        Self {
            incarnation,
            closing: false,
            mode: Mode::default(),
            assembler: Assembler::new(message_bytes_max),
            assembling_bytes: 0,
            last_queue: None,
            prefetch: 0,
            shared_prefetch: 0,
            pool,
            consumers: HashMap::new(),
            streams: HashMap::new(),
            former: Vec::new(),
            unacked: Unacked::default(),
            entry,
            replies: None,
            seat,
        }
    }

    /// Shows how much is held.
    pub(super) fn count_unacked(&self) {
        self.entry.unacked.set(self.unacked.len());
    }

    /// Everybody who may hold something.
    pub(super) fn holders(&self) -> Vec<HolderId> {
        let subscribed = self.consumers.values().chain(&self.former).copied();
        let mut holders: Vec<_> = subscribed.chain(self.unacked.holders()).collect();
        holders.sort_unstable();
        holders.dedup();
        holders
    }
}
