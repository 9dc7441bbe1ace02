//! One binding for each key, and nearly always the same one when bindings come and go: what RabbitMQ's
//! plugin `x-consistent-hash` does, with another hash function.

use bytes::Bytes;
use indexmap::IndexMap;

use super::targets::HashBuilder;
use super::{
    BindError, Binding, Destination, Destinations, HashProperty, Message, Value, ValueRef,
};
use crate::limits::CONSISTENT_HASH_WEIGHT_MAX;

/// What is hashed. Messages without it all go the same way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HashOn {
    /// The routing key.
    #[default]
    RoutingKey,
    /// A header.
    Header(Bytes),
    /// A property.
    Property(HashProperty),
}

/// Destinations in a row, each with as many buckets as it weighs.
#[derive(Clone, Debug)]
pub(super) struct ConsistentHash<D> {
    on: HashOn,
    shares: IndexMap<D, Share, HashBuilder>,
}

/// A destination's buckets.
#[derive(Clone, Debug)]
struct Share {
    /// The first bucket behind them.
    end: u64,
    /// How many there are: the weight of its first binding, as RabbitMQ has it.
    weight: u64,
    /// Bindings that lead there.
    bindings: usize,
}

impl<D: Destination> ConsistentHash<D> {
    pub(super) fn new(on: HashOn) -> Self {
        Self {
            on,
            shares: IndexMap::default(),
        }
    }

    pub(super) fn bind(&mut self, binding: &Binding<D>) -> Result<(), BindError> {
        let weight = weight(&binding.key)?;
        let end = self.buckets() + weight;
        let share = self.shares.entry(binding.destination);
        let share = share.or_insert(Share {
            end,
            weight,
            bindings: 0,
        });
        share.bindings += 1;
        Ok(())
    }

    pub(super) fn unbind(&mut self, binding: &Binding<D>) {
        let Some(share) = self.shares.get_mut(&binding.destination) else {
            return;
        };
        share.bindings -= 1;
        if share.bindings > 0 {
            return;
        }
        // Those in front keep their buckets, those behind move up, in the same order.
        self.shares.shift_remove(&binding.destination);
        let mut end = 0;
        for share in self.shares.values_mut() {
            end += share.weight;
            share.end = end;
        }
    }

    pub(super) fn route(&self, message: &impl Message, to: &mut Destinations<D>) {
        let buckets = self.buckets();
        if buckets == 0 {
            return;
        }
        let bucket = jump(self.hash(message), buckets);
        let place = self.shares.partition_point(|_, share| share.end <= bucket);
        if let Some((destination, _)) = self.shares.get_index(place) {
            to.add(*destination);
        }
    }

    fn buckets(&self) -> u64 {
        self.shares.last().map_or(0, |(_, share)| share.end)
    }

    fn hash(&self, message: &impl Message) -> u64 {
        match &self.on {
            HashOn::RoutingKey => {
                let key = message.routing_keys().next();
                hash_bytes(key.unwrap_or_default())
            }
            HashOn::Header(name) => message.header(name).map_or(0, hash_value),
            HashOn::Property(property) => {
                let value = message.property(*property);
                value.map_or(0, |value| hash_value(value.view()))
            }
        }
    }
}

/// The weight that a binding key says.
fn weight(key: &Bytes) -> Result<u64, BindError> {
    let number = std::str::from_utf8(key).ok();
    let number = number.and_then(|text| text.parse::<i128>().ok());
    match number {
        None => Err(BindError::WeightNotInteger(key.clone())),
        Some(..=0) => Err(BindError::WeightTooSmall),
        Some(weight) => match u64::try_from(weight) {
            Ok(weight) if weight <= CONSISTENT_HASH_WEIGHT_MAX => Ok(weight),
            _ => Err(BindError::WeightTooLarge),
        },
    }
}

/// The same number for equal values, whoever computes it.
fn hash_value(value: ValueRef<'_>) -> u64 {
    match value {
        Value::Void => 0,
        Value::Bool(bool) => hash_bytes(&[u8::from(bool)]),
        Value::Integer(number) => hash_bytes(&number.to_be_bytes()),
        Value::Float(number) => hash_bytes(&number.to_be_bytes()),
        Value::Decimal { scale, value } => {
            hash_bytes(&[&[scale], &value.to_be_bytes()[..]].concat())
        }
        Value::Bytes(bytes) | Value::Nested(bytes) => hash_bytes(bytes),
    }
}

/// FNV-1a. It must be the same in every process and version, or keys would change queues.
pub(super) fn hash_bytes(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The bucket of a key: J. Lamping and E. Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014.
/// With a bucket more, a key stays or moves to the new one.
fn jump(mut key: u64, buckets: u64) -> u64 {
    let mut bucket = 0;
    let mut next = 0;
    while next < buckets {
        bucket = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let share = (1u64 << 31) as f64 / ((key >> 33) + 1) as f64;
        next = ((bucket + 1) as f64 * share) as u64;
    }
    bucket
}
