//! The queues of a simulation: one for each thing that a queue does by itself, and what may become of a
//! message in it.

use bytes::Bytes;
use forebay_broker::host::{
    Bind, ConnectionId, DeadLetterTarget, ExchangeDefinition, QueueDefinition,
};
use forebay_broker::policy::PolicyRules;
use forebay_broker::queue::{Backoff, Bounds, Overflow, QueueSettings, RetryPolicy};
use forebay_broker::routing::{Arguments, RouterKind};

/// Everybody's connection: nothing here is exclusive.
pub const CONNECTION: ConnectionId = ConnectionId(1);
/// The exchange that leads to several queues.
pub const FAN: &str = "fan";
/// The exchange that dead letters go to, and the queue where they stay.
pub const GRAVES: &str = "graves";
/// See [`GRAVES`].
pub const GRAVE: &str = "grave";
/// The queue that is given what topics get.
pub const FOLLOWED: &str = "followed";
/// As many messages are ready in a queue that is bounded.
pub const BOUND: u64 = 6;
/// The highest priority.
pub const PRIORITY_MAX: u8 = 3;
/// For how long messages are taken at most.
pub const LEASE_MS: u64 = 60;
/// How long a message waits that came back to the queue with a delivery limit.
pub const RETRY_MS: u64 = 20;

/// A queue by what is particular about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Nothing is.
    Plain,
    /// At most [`BOUND`] are ready: the first are dead.
    DropsHead,
    /// The same, and the publisher is refused.
    Refuses,
    /// The same, and what was refused is dead.
    Buries,
    /// Messages expire, and are dead.
    Mortal,
    /// Messages expire, and nobody wants them.
    Vanishing,
    /// Messages that fail too often are dead; those that come back wait.
    Limited,
    /// Has priorities.
    Ranked,
    /// One consumer at a time.
    Single,
    /// Policies change what it is.
    Ruled,
    /// It does not survive a restart.
    Fleeting,
    /// It is deleted, declared, bound and unbound.
    Passing,
    /// The same.
    PassingToo,
    /// Its messages are taken for a time, by nobody who stays.
    Leased,
    /// Where the dead are.
    Grave,
}

impl Kind {
    /// Every kind but the grave.
    pub const LIVING: [Self; 14] = [
        Self::Plain,
        Self::DropsHead,
        Self::Refuses,
        Self::Buries,
        Self::Mortal,
        Self::Vanishing,
        Self::Limited,
        Self::Ranked,
        Self::Single,
        Self::Ruled,
        Self::Fleeting,
        Self::Passing,
        Self::PassingToo,
        Self::Leased,
    ];

    /// The queue's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::DropsHead => "drops-head",
            Self::Refuses => "refuses",
            Self::Buries => "buries",
            Self::Mortal => "mortal",
            Self::Vanishing => "vanishing",
            Self::Limited => "limited",
            Self::Ranked => "ranked",
            Self::Single => "single",
            Self::Ruled => "ruled",
            Self::Fleeting => "fleeting",
            Self::Passing => "passing",
            Self::PassingToo => "passing-too",
            Self::Leased => "leased",
            Self::Grave => GRAVE,
        }
    }

    /// The kind of the queue of this name.
    pub fn named(name: &[u8]) -> Option<Self> {
        let mut all = Self::LIVING.into_iter().chain([Self::Grave]);
        all.find(|kind| kind.name().as_bytes() == name)
    }

    /// Whether it survives a restart.
    pub fn is_durable(self) -> bool {
        self != Self::Fleeting
    }

    /// Whether it comes and goes.
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Passing | Self::PassingToo)
    }

    /// Whether it is bound to [`FAN`] from the beginning, or may be.
    pub fn is_fanned(self) -> bool {
        self.is_passing()
            || matches!(
                self,
                Self::Plain | Self::Mortal | Self::Ruled | Self::Fleeting
            )
    }

    /// Whether its dead are wanted.
    pub fn has_grave(self) -> bool {
        matches!(
            self,
            Self::DropsHead | Self::Buries | Self::Mortal | Self::Limited | Self::Ruled
        )
    }

    /// How it is declared.
    pub fn definition(self, ttl_ms: u64) -> QueueDefinition {
        let bounded = |overflow| Bounds {
            messages: Some(BOUND),
            overflow,
            ..Bounds::default()
        };
        let settings = QueueSettings {
            dead_letter: self.has_grave(),
            ttl_ms: matches!(self, Self::Mortal | Self::Vanishing).then_some(ttl_ms),
            bounds: match self {
                Self::DropsHead => bounded(Overflow::DropHead),
                Self::Refuses => bounded(Overflow::RejectPublish),
                Self::Buries => bounded(Overflow::RejectPublishDeadLetter),
                _ => Bounds::default(),
            },
            max_priority: if self == Self::Ranked {
                PRIORITY_MAX
            } else {
                0
            },
            single_active: self == Self::Single,
            ..QueueSettings::default()
        };
        let settings = match self {
            Self::Limited => QueueSettings {
                delivery_limit: Some(2),
                retry: RetryPolicy {
                    backoff: Backoff::Fixed { delay_ms: RETRY_MS },
                    ..RetryPolicy::default()
                },
                ..settings
            },
            _ => settings,
        };
        QueueDefinition {
            name: self.name().into(),
            durable: self.is_durable(),
            exclusive: None,
            settings,
            dead_letter: self.has_grave().then(|| DeadLetterTarget {
                exchange: GRAVES.into(),
                routing_key: None,
            }),
            arguments: Arguments::default(),
        }
    }

    /// What it does to messages by itself.
    pub fn rules(self, ttl_ms: u64) -> Rules {
        let settings = self.definition(ttl_ms).settings;
        Rules {
            ttl_ms: settings.ttl_ms,
            most: (settings.bounds.overflow == Overflow::DropHead)
                .then_some(settings.bounds.messages)
                .flatten(),
        }
    }
}

/// What a queue does to messages by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// They expire.
    pub ttl_ms: Option<u64>,
    /// The first are dead if there are more.
    pub most: Option<u64>,
}

impl Rules {
    /// The policy that says so.
    pub fn policy(self) -> PolicyRules {
        PolicyRules {
            ttl_ms: self.ttl_ms,
            max_messages: self.most,
            ..PolicyRules::default()
        }
    }
}

/// An exchange that leads everywhere that is bound to it.
pub fn exchange(name: &'static str) -> ExchangeDefinition {
    ExchangeDefinition {
        name: name.into(),
        kind: RouterKind::Fanout,
        kind_name: "fanout".into(),
        durable: true,
        auto_delete: false,
        internal: false,
        alternate: None,
        arguments: Arguments::default(),
    }
}

/// A queue's binding to an exchange.
pub fn binding(source: &'static str, queue: Kind) -> Bind {
    Bind {
        source: source.into(),
        destination: queue.name().into(),
        to_exchange: false,
        key: Bytes::new(),
        arguments: Arguments::default(),
        connection: CONNECTION,
    }
}
