//! What a queue counts of itself.

/// Why a message died, or would have if dead messages were wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeathReason {
    /// Its time to live was over.
    Expired,
    /// A consumer rejected it.
    Rejected,
    /// It was first in line of a queue that was full.
    MaxLength,
    /// It came back too often.
    DeliveryLimit,
}

impl DeathReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [
        Self::Expired,
        Self::Rejected,
        Self::MaxLength,
        Self::DeliveryLimit,
    ];

    /// What people and protocols call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::MaxLength => "maxlen",
            Self::DeliveryLimit => "delivery_limit",
        }
    }
}

/// How a message left its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It was consumed.
    Acked,
    /// An operator purged the queue.
    Purged,
    /// An operator moved it to another queue.
    Moved,
    /// It is dead, and the caller moves it to where the dead are wanted.
    Dead(DeathReason),
    /// The same where nobody wants the dead.
    Dropped(DeathReason),
}

/// What a queue holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages that wait for a consumer.
    pub ready: u64,
    /// Bytes of them.
    pub ready_bytes: u64,
    /// Messages that were delivered and not settled.
    pub locked: u64,
    /// Messages that become ready at a time of their own.
    pub delayed: u64,
    /// Bytes of them.
    pub delayed_bytes: u64,
    /// Bytes of all that are ready, locked or delayed.
    pub held_bytes: u64,
    /// Consumers that are subscribed.
    pub consumers: u64,
    /// What has been since the queue was made.
    pub totals: Totals,
    /// What has been since the server started.
    pub served: Served,
}

impl Counters {
    /// Messages that are ready, locked or delayed.
    pub fn held(&self) -> u64 {
        self.ready + self.locked + self.delayed
    }

    /// Bytes of messages that were delivered and not settled.
    pub fn locked_bytes(&self) -> u64 {
        self.held_bytes - self.ready_bytes - self.delayed_bytes
    }
}

/// What a queue has given out since the server started, by the way it went: operators watch how fast it grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Messages that consumers are to settle.
    pub delivered: u64,
    /// Messages that went to consumers that acknowledge nothing.
    pub delivered_no_ack: u64,
    /// Messages that somebody asked for, and is to settle.
    pub got: u64,
    /// Messages that somebody asked for who acknowledges nothing.
    pub got_no_ack: u64,
    /// Messages that were acknowledged.
    pub acked: u64,
}

impl Served {
    /// All that were given out.
    pub fn all(&self) -> u64 {
        self.delivered + self.delivered_no_ack + self.got + self.got_no_ack
    }
}

/// What a queue has seen since it was made, restarts included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages that came in.
    pub enqueued: u64,
    /// Deliveries.
    pub delivered: u64,
    /// Deliveries of messages that had been delivered before.
    pub redelivered: u64,
    /// Messages that were consumed.
    pub acked: u64,
    /// Messages that were purged.
    pub purged: u64,
    /// Messages that were moved to another queue.
    pub moved: u64,
    /// Messages that died, by [`DeathReason`].
    pub dead: [u64; DeathReason::ALL.len()],
    /// Messages that were dropped because nobody wants the dead, by [`DeathReason`].
    pub dropped: [u64; DeathReason::ALL.len()],
}

impl Totals {
    pub(super) fn count(&mut self, removal: Removal, messages: u64) {
        let total = match removal {
            Removal::Acked => &mut self.acked,
            Removal::Purged => &mut self.purged,
            Removal::Moved => &mut self.moved,
            Removal::Dead(reason) => &mut self.dead[reason as usize],
            Removal::Dropped(reason) => &mut self.dropped[reason as usize],
        };
        *total += messages;
    }

    /// Messages that are no more, however they left.
    pub fn settled(&self) -> u64 {
        let died = self.dead.iter().chain(&self.dropped).sum::<u64>();
        self.acked + self.purged + self.moved + died
    }
}
