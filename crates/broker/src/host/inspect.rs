//! What operators look at. Nothing of it changes anything, and every look is at a bounded part: the shard
//! does nothing else in the meantime.

use bytes::Bytes;
use forebay_storage::LogReader;

use super::definition::{DeadLetterTarget, ExchangeDefinition, QueueDefinition};
use super::handle::Answer;
use super::topic_subscription::TopicSubscriptionDescription;
use super::{HostCommand, HostError, HostReply, VirtualHost};
use crate::queue::{Counters, HolderId};
use crate::routing::Arguments;

/// A question.
#[derive(Clone, Debug)]
pub enum Inspect {
    /// Which queues there are.
    Queues(Part),
    /// One queue.
    Queue {
        /// Its name.
        name: Bytes,
    },
    /// Which exchanges there are. The default exchange is none of them.
    Exchanges(Part),
    /// One exchange.
    Exchange {
        /// Its name.
        name: Bytes,
    },
    /// What was published to the default exchange.
    DefaultExchange,
    /// Which bindings there are. Those of the default exchange, of every queue by its name, are none of
    /// them.
    Bindings(BindingsPart),
    /// How many queues and exchanges there are, and how many messages in a part of the queues.
    Totals(Part),
}

/// What is found.
#[derive(Clone, Debug)]
pub enum Inspected {
    /// Queues.
    Queues(Vec<QueueDescription>),
    /// Exchanges.
    Exchanges(Vec<ExchangeDescription>),
    /// What was published to the default exchange.
    DefaultExchange(Passed),
    /// Bindings.
    Bindings(Bindings),
    /// How many there are.
    Totals(HostTotals),
}

/// A part of what is in the order of names.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// What comes after this name; none for the first.
    pub after: Option<Bytes>,
    /// How many, at most.
    pub limit: usize,
}

/// A queue, as it is now.
#[derive(Clone, Debug)]
pub struct QueueDescription {
    /// As it was declared.
    pub definition: QueueDefinition,
    /// What it holds and has seen.
    pub counters: Counters,
    /// Whether a consumer would be given a message at once.
    pub has_room: bool,
    /// About the memory that it takes.
    pub memory_bytes: usize,
    /// Where the dead go, by what it was declared with or by a policy.
    pub dead_letter: Option<DeadLetterTarget>,
    /// Who is its single active consumer.
    pub active: Option<HolderId>,
    /// The topics that it is subscribed to.
    pub topics: Vec<TopicSubscriptionDescription>,
    /// The message that is delivered next.
    pub first_ready: Option<u64>,
    /// The first message that is locked, if it is [near the front](crate::queue::Queue::first_locked).
    pub first_locked: Option<u64>,
    /// Reads them, as far as they can be read already.
    pub log: Option<LogReader>,
}

/// An exchange, as it is now.
#[derive(Clone, Debug)]
pub struct ExchangeDescription {
    /// As it was declared.
    pub definition: ExchangeDefinition,
    /// What was published to it.
    pub passed: Passed,
}

/// What publishers brought to an exchange since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Messages that came.
    pub published_in: u64,
    /// Messages that went on, counted once for each queue or topic.
    pub published_out: u64,
}

impl Passed {
    /// Messages came, each for so many queues and topics.
    pub(crate) fn count(&mut self, messages: u64, targets: usize) {
        self.published_in += messages;
        self.published_out += messages * targets as u64;
    }
}

/// Bindings from a place on.
#[derive(Clone, Debug, Default)]
pub struct BindingsPart {
    /// Where to begin.
    pub from: BindingPlace,
    /// Only those of this exchange.
    pub source: Option<Bytes>,
    /// Only those to this queue, or with `true` exchange.
    pub destination: Option<(Bytes, bool)>,
    /// How many are looked at, at most, whether they are meant or not.
    pub limit: usize,
}

/// A place among the bindings of all exchanges. What is bound and unbound in the meantime may move others
/// past it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindingPlace {
    /// The exchange's name.
    pub source: Bytes,
    /// How many of its bindings are before it.
    pub position: usize,
}

/// Bindings, and where there are more.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    /// What was found.
    pub bindings: Vec<BindingDescription>,
    /// Where to go on.
    pub next: Option<BindingPlace>,
}

/// A binding by names.
#[derive(Clone, Debug, PartialEq)]
pub struct BindingDescription {
    /// The exchange that messages come from.
    pub source: Bytes,
    /// Where they go.
    pub destination: Bytes,
    /// Whether that is an exchange, and not a queue.
    pub to_exchange: bool,
    /// The key, pattern or weight.
    pub key: Bytes,
    /// What some exchanges look at.
    pub arguments: Arguments,
}

/// How much there is in a virtual host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostTotals {
    /// Queues.
    pub queues: usize,
    /// Exchanges, but for the default one.
    pub exchanges: usize,
    /// Messages that are ready, in the queues that were looked at.
    pub ready: u64,
    /// Messages that are locked there.
    pub locked: u64,
    /// Messages that are delayed there.
    pub delayed: u64,
    /// The last of the queues that were looked at, if there are more.
    pub last: Option<Bytes>,
}

impl VirtualHost {
    /// Queues, in the order of their names.
    pub async fn queues(&self, part: Part) -> Answer<Vec<QueueDescription>> {
        match self.inspect(Inspect::Queues(part)).await? {
            Inspected::Queues(queues) => Ok(queues),
            _ => Err(HostError::Stopped),
        }
    }

    /// One queue, if it is there.
    pub async fn queue(&self, name: Bytes) -> Answer<Option<QueueDescription>> {
        match self.inspect(Inspect::Queue { name }).await? {
            Inspected::Queues(mut queues) => Ok(queues.pop()),
            _ => Err(HostError::Stopped),
        }
    }

    /// Exchanges, in the order of their names.
    pub async fn exchanges(&self, part: Part) -> Answer<Vec<ExchangeDescription>> {
        match self.inspect(Inspect::Exchanges(part)).await? {
            Inspected::Exchanges(exchanges) => Ok(exchanges),
            _ => Err(HostError::Stopped),
        }
    }

    /// What was published to the default exchange.
    pub async fn default_exchange(&self) -> Answer<Passed> {
        match self.inspect(Inspect::DefaultExchange).await? {
            Inspected::DefaultExchange(passed) => Ok(passed),
            _ => Err(HostError::Stopped),
        }
    }

    /// One exchange, if it is there.
    pub async fn exchange(&self, name: Bytes) -> Answer<Option<ExchangeDescription>> {
        match self.inspect(Inspect::Exchange { name }).await? {
            Inspected::Exchanges(mut exchanges) => Ok(exchanges.pop()),
            _ => Err(HostError::Stopped),
        }
    }

    /// Bindings, exchange by exchange in the order of their names.
    pub async fn bindings(&self, part: BindingsPart) -> Answer<Bindings> {
        match self.inspect(Inspect::Bindings(part)).await? {
            Inspected::Bindings(bindings) => Ok(bindings),
            _ => Err(HostError::Stopped),
        }
    }

    /// How much there is. Messages are counted in a part of the queues.
    pub async fn totals(&self, part: Part) -> Answer<HostTotals> {
        match self.inspect(Inspect::Totals(part)).await? {
            Inspected::Totals(totals) => Ok(totals),
            _ => Err(HostError::Stopped),
        }
    }

    async fn inspect(&self, question: Inspect) -> Answer<Inspected> {
        match self.host(HostCommand::Inspect(question)).await? {
            HostReply::Inspected(inspected) => Ok(inspected),
            _ => Err(HostError::Stopped),
        }
    }
}
