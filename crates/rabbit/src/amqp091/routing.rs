//! What exchanges look at in a message of this protocol, and in the arguments of a binding.

use bytes::Bytes;
use forebay_broker::routing::{self, Arguments, ValueRef};

use super::table::{Table, Value};

/// The header with routing keys beside the publisher's own.
pub const CC: &str = "CC";
/// The same, but nobody who gets the message is to see it.
pub const BCC: &str = "BCC";

impl<'a> From<Value<'a>> for ValueRef<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Bool(bool) => Self::Bool(bool),
            Value::I8(number) => Self::Integer(number.into()),
            Value::U8(number) => Self::Integer(number.into()),
            Value::I16(number) => Self::Integer(number.into()),
            Value::U16(number) => Self::Integer(number.into()),
            Value::I32(number) => Self::Integer(number.into()),
            Value::U32(number) => Self::Integer(number.into()),
            Value::I64(number) => Self::Integer(number.into()),
            Value::Timestamp(seconds) => Self::Integer(seconds.into()),
            Value::F32(number) => Self::Float(number.into()),
            Value::F64(number) => Self::Float(number),
            Value::Decimal { scale, value } => Self::Decimal { scale, value },
            Value::LongStr(bytes) | Value::Binary(bytes) => Self::Bytes(bytes),
            Value::Array(array) => Self::Nested(array.as_bytes()),
            Value::Table(table) => Self::Nested(table.as_bytes()),
            Value::Void => Self::Void,
        }
    }
}

/// The entries of a table in the broker's terms, in memory of their own.
pub fn detached(table: &Table) -> impl Iterator<Item = (Bytes, routing::Value)> {
    table.entries().map(|entry| {
        let name = Bytes::copy_from_slice(entry.name);
        (name, ValueRef::from(entry.value).detached())
    })
}

/// The arguments of a binding.
pub fn arguments(table: &Table) -> Arguments {
    Arguments::new(detached(table))
}
