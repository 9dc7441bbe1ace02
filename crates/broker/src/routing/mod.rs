//! Where a message goes: the bindings of an exchange, arranged so that a message finds those that it
//! matches without a look at the others.
//!
//! | module | a message matches |
//! |---|---|
//! | `fanout` | every binding |
//! | `direct` | bindings with its key |
//! | `topic` | bindings whose pattern of words fits its key |
//! | `headers` | bindings whose arguments fit its headers |
//! | `consistent_hash` | one binding, always the same for the same key |
//! | `one_of` | one destination, by lot or by its key |
//!
//! Nothing here knows a protocol. A [`Message`] is what the gateway shows of one, [`Arguments`] are what it
//! says of a binding, and a destination is whatever the broker gives an id. What comes out depends on the
//! order of bindings and on the message, and on nothing else, so that a replay routes alike.

mod binding;
mod consistent_hash;
mod destinations;
mod direct;
mod fanout;
mod headers;
mod one_of;
mod targets;
#[cfg(test)]
mod tests;
mod topic;
mod value;

use std::hash::Hash;

use indexmap::IndexSet;

use consistent_hash::ConsistentHash;
use direct::Direct;
use fanout::Fanout;
use headers::Headers;
use one_of::{Choice, OneOf};
use targets::HashBuilder;
use topic::Topic;

pub use binding::{Arguments, BindError, Binding};
pub use consistent_hash::HashOn;
pub use destinations::Destinations;
pub use value::{Value, ValueRef};

/// What destinations are: small ids.
pub trait Destination: Copy + Ord + Hash {}

impl<D: Copy + Ord + Hash> Destination for D {}

/// What routing looks at in a message.
pub trait Message {
    /// Its routing keys: the publisher's own first, and then those that it asks for beside (`CC`, `BCC`).
    fn routing_keys(&self) -> impl Iterator<Item = &[u8]>;

    /// Its headers. Of several with the same name the first counts.
    fn headers(&self) -> impl Iterator<Item = (&[u8], ValueRef<'_>)>;

    /// A property that a consistent hash may go by; none if the message has it not.
    fn property(&self, name: HashProperty) -> Option<Value>;

    /// The first header of this name.
    fn header(&self, name: &[u8]) -> Option<ValueRef<'_>> {
        let mut headers = self.headers();
        headers
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}

/// Properties that a consistent hash may go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashProperty {
    /// `correlation_id`
    CorrelationId,
    /// `message_id`
    MessageId,
    /// `timestamp`
    Timestamp,
}

/// How an exchange routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouterKind {
    /// By the same key.
    Direct,
    /// To all.
    Fanout,
    /// By patterns of words.
    Topic,
    /// By arguments.
    Headers,
    /// To one of all.
    ConsistentHash(HashOn),
    /// To one of all, by lot.
    Random,
    /// The same, of bindings without a key.
    LocalRandom,
    /// To one of all, by the remainder of a hash of the keys.
    ModulusHash,
    /// As another kind, which is none of these, when its time has come.
    Delayed(Box<RouterKind>),
}

impl RouterKind {
    /// Whether it keeps messages that have a time of their own.
    pub fn delays(&self) -> bool {
        matches!(self, Self::Delayed(_))
    }
}

/// The bindings of one exchange.
#[derive(Clone, Debug)]
pub struct Router<D: Destination> {
    bindings: IndexSet<Binding<D>, HashBuilder>,
    index: Index<D>,
}

/// The same bindings, as messages look for them.
#[derive(Clone, Debug)]
enum Index<D: Destination> {
    Direct(Direct<D>),
    Fanout(Fanout<D>),
    Topic(Topic<D>),
    Headers(Headers<D>),
    ConsistentHash(ConsistentHash<D>),
    OneOf(OneOf<D>),
}

impl<D: Destination> Router<D> {
    /// One without bindings.
    pub fn new(kind: RouterKind) -> Self {
        let index = match kind {
            RouterKind::Delayed(kind) => return Self::new(*kind),
            RouterKind::Direct => Index::Direct(Direct::default()),
            RouterKind::Fanout => Index::Fanout(Fanout::default()),
            RouterKind::Topic => Index::Topic(Topic::default()),
            RouterKind::Headers => Index::Headers(Headers::default()),
            RouterKind::ConsistentHash(on) => Index::ConsistentHash(ConsistentHash::new(on)),
            RouterKind::Random => Index::OneOf(OneOf::new(Choice::Lot { without_key: false })),
            RouterKind::LocalRandom => Index::OneOf(OneOf::new(Choice::Lot { without_key: true })),
            RouterKind::ModulusHash => Index::OneOf(OneOf::new(Choice::Modulus)),
        };
        Self {
            bindings: IndexSet::default(),
            index,
        }
    }

    /// Adds a binding; answers whether it is new. Key, arguments and destination together are what it is.
    pub fn bind(&mut self, binding: Binding<D>) -> Result<bool, BindError> {
        if self.bindings.contains(&binding) {
            return Ok(false);
        }
        match &mut self.index {
            Index::Direct(index) => index.bind(&binding),
            Index::Fanout(index) => index.bind(&binding),
            Index::Topic(index) => index.bind(&binding),
            Index::Headers(index) => index.bind(&binding)?,
            Index::ConsistentHash(index) => index.bind(&binding)?,
            Index::OneOf(index) => index.bind(&binding)?,
        }
        Ok(self.bindings.insert(binding))
    }

    /// Removes a binding; answers whether it was there.
    pub fn unbind(&mut self, binding: &Binding<D>) -> bool {
        if !self.bindings.swap_remove(binding) {
            return false;
        }
        match &mut self.index {
            Index::Direct(index) => index.unbind(binding),
            Index::Fanout(index) => index.unbind(binding),
            Index::Topic(index) => index.unbind(binding),
            Index::Headers(index) => index.unbind(binding),
            Index::ConsistentHash(index) => index.unbind(binding),
            Index::OneOf(index) => index.unbind(binding),
        }
        true
    }

    /// Whether each message is to go its own way, however alike they are.
    pub fn is_by_lot(&self) -> bool {
        matches!(&self.index, Index::OneOf(index) if index.is_by_lot())
    }

    /// Every binding.
    pub fn bindings(&self) -> impl ExactSizeIterator<Item = &Binding<D>> {
        self.bindings.iter()
    }

    /// The bindings from a place on, in an order that stays as long as nothing is bound or unbound.
    pub fn bindings_from(&self, first: usize) -> impl Iterator<Item = &Binding<D>> {
        (first..).map_while(|place| self.bindings.get_index(place))
    }

    /// Whether nothing is bound.
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }

    /// Adds to `to` where the message goes.
    pub fn route(&self, message: &impl Message, to: &mut Destinations<D>) {
        match &self.index {
            Index::Direct(index) => index.route(message, to),
            Index::Fanout(index) => index.route(to),
            Index::Topic(index) => index.route(message, to),
            Index::Headers(index) => index.route(message, to),
            Index::ConsistentHash(index) => index.route(message, to),
            Index::OneOf(index) => index.route(message, to),
        }
    }
}
