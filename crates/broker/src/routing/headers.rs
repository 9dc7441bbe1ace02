//! Bindings whose arguments fit the message's headers: all of them or any, by value, or by being there at
//! all. A binding waits under one of its conditions if it needs all, and under each if any will do, so a
//! message only meets bindings that share a header with it.

use bytes::Bytes;
use hashbrown::{Equivalent, HashMap};
use indexmap::{IndexMap, IndexSet};

use super::targets::{HashBuilder, Targets};
use super::{BindError, Binding, Destination, Destinations, Message, Value, ValueRef};

/// The argument that says what is to fit.
const MATCH: &[u8] = b"x-match";
/// Arguments that begin so are no conditions, unless the binding says so.
const EXTENSION: &[u8] = b"x-";

/// Bindings by a condition that they wait for.
#[derive(Clone, Debug)]
pub(super) struct Headers<D: Destination> {
    waiting: HashMap<Condition, IndexSet<Binding<D>, HashBuilder>>,
    /// Those that need all of no conditions.
    always: Targets<D>,
}

/// The headers of a message.
type Found<'a> = IndexMap<&'a [u8], ValueRef<'a>, HashBuilder>;

/// A header that a message must have, with this value or with any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Condition {
    name: Bytes,
    value: Option<Value>,
}

/// A condition to look for.
#[derive(Hash)]
struct ConditionRef<'a> {
    name: &'a [u8],
    value: Option<ValueRef<'a>>,
}

impl Equivalent<Condition> for ConditionRef<'_> {
    fn equivalent(&self, condition: &Condition) -> bool {
        let is_same = match (&self.value, &condition.value) {
            (Some(value), Some(wanted)) => value == wanted,
            (None, None) => true,
            _ => false,
        };
        is_same && self.name == condition.name
    }
}

/// What `x-match` says.
#[derive(Clone, Copy, Debug)]
struct Match {
    needs_all: bool,
    with_extensions: bool,
}

impl Match {
    fn of<D: Destination>(binding: &Binding<D>) -> Result<Self, BindError> {
        let (needs_all, with_extensions) = match binding.arguments.get(MATCH) {
            None | Some(Value::Bytes(b"all")) => (true, false),
            Some(Value::Bytes(b"any")) => (false, false),
            Some(Value::Bytes(b"all-with-x")) => (true, true),
            Some(Value::Bytes(b"any-with-x")) => (false, true),
            Some(Value::Bytes(other)) => {
                return Err(BindError::UnknownMatch(Bytes::copy_from_slice(other)));
            }
            Some(_) => return Err(BindError::MatchNotText),
        };
        Ok(Self {
            needs_all,
            with_extensions,
        })
    }

    fn conditions<D: Destination>(
        self,
        binding: &Binding<D>,
    ) -> impl Iterator<Item = &(Bytes, Value)> {
        let arguments = binding.arguments.iter();
        arguments.filter(move |(name, _)| {
            name != MATCH && (self.with_extensions || !name.starts_with(EXTENSION))
        })
    }

    /// The conditions that a binding waits under.
    fn awaited<D: Destination>(self, binding: &Binding<D>) -> impl Iterator<Item = Condition> {
        let most = if self.needs_all { 1 } else { usize::MAX };
        let conditions = self.conditions(binding).take(most);
        conditions.map(|(name, value)| Condition {
            name: name.clone(),
            value: (!is_void(value)).then(|| value.clone()),
        })
    }
}

fn is_void(value: &Value) -> bool {
    matches!(value, Value::Void)
}

impl<D: Destination> Headers<D> {
    pub(super) fn bind(&mut self, binding: &Binding<D>) -> Result<(), BindError> {
        let wanted = Match::of(binding)?;
        let mut waits = false;
        for condition in wanted.awaited(binding) {
            let waiting = self.waiting.entry(condition).or_default();
            waiting.insert(binding.clone());
            waits = true;
        }
        if !waits && wanted.needs_all {
            self.always.add(binding.destination);
        }
        Ok(())
    }

    pub(super) fn unbind(&mut self, binding: &Binding<D>) {
        let Ok(wanted) = Match::of(binding) else {
            return;
        };
        let mut waited = false;
        for condition in wanted.awaited(binding) {
            waited = true;
            if let Some(waiting) = self.waiting.get_mut(&condition) {
                waiting.swap_remove(binding);
                if waiting.is_empty() {
                    self.waiting.remove(&condition);
                }
            }
        }
        if !waited && wanted.needs_all {
            self.always.remove(binding.destination);
        }
    }

    pub(super) fn route(&self, message: &impl Message, to: &mut Destinations<D>) {
        self.always.add_to(to);
        if self.waiting.is_empty() {
            return;
        }
        // A stranger may send tens of thousands, and the same name over and over.
        let mut headers = Found::default();
        for (name, value) in message.headers() {
            headers.entry(name).or_insert(value);
        }
        for (name, value) in &headers {
            for value in [Some(*value), None] {
                let condition = ConditionRef { name, value };
                for binding in self.waiting.get(&condition).into_iter().flatten() {
                    if Self::fits(binding, &headers) {
                        to.add(binding.destination);
                    }
                }
            }
        }
    }

    /// Whether a binding that waited for a header which the message has wants nothing else.
    fn fits(binding: &Binding<D>, headers: &Found<'_>) -> bool {
        match Match::of(binding) {
            Ok(wanted) if wanted.needs_all => {
                let mut others = wanted.conditions(binding).skip(1);
                others.all(|(name, wanted)| {
                    let found = headers.get(&name[..]);
                    found.is_some_and(|value| is_void(wanted) || value == wanted)
                })
            }
            Ok(_) => true,
            Err(_) => false,
        }
    }
}

impl<D: Destination> Default for Headers<D> {
    fn default() -> Self {
        Self {
            waiting: HashMap::default(),
            always: Targets::default(),
        }
    }
}
