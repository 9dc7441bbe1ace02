//! Field tables and arrays (AMQP 0-9-1 §4.2.5.5), with the types that RabbitMQ knows. They are kept as they
//! came, so that order, duplicates and types survive, and read when somebody asks.

mod builder;
mod value;

use std::fmt;

use bytes::Bytes;

use super::DecodeError;
use crate::limits::TABLE_DEPTH_MAX;

pub use builder::{ArrayBuilder, TableBuilder};
pub use value::{TypeClass, Value};

/// A table that was checked: everything in it can be read.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Table(Bytes);

impl Table {
    /// Checks the bytes of a table, without the length in front of it.
    pub fn parse(bytes: Bytes) -> Result<Self, DecodeError> {
        validate(&bytes)?;
        Ok(Self(bytes))
    }

    /// A table whose bytes [`parse`](Self::parse) has accepted once. With others there is less in it than
    /// there should be, and nothing worse.
    pub fn from_validated(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Its bytes, without the length in front of it.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// What is in it.
    pub fn view(&self) -> TableView<'_> {
        TableView(&self.0)
    }

    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<Value<'_>> {
        self.view().get(name)
    }

    /// The names and values in their order.
    pub fn entries(&self) -> Entries<'_> {
        self.view().entries()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy that does not keep the buffer which this one arrived in.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

/// A table in borrowed bytes, for one within another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TableView<'a>(&'a [u8]);

impl<'a> TableView<'a> {
    /// Its bytes, without the length in front of it.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The first value of this name.
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        let mut entries = self.entries();
        let entry = entries.find(|entry| entry.name == name.as_bytes())?;
        Some(entry.value)
    }

    /// The names and values in their order.
    pub fn entries(self) -> Entries<'a> {
        Entries { rest: self.0 }
    }
}

impl fmt::Debug for TableView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries();
        let entries = entries.map(|entry| (String::from_utf8_lossy(entry.name), entry.value));
        f.debug_map().entries(entries).finish()
    }
}

/// One name and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry<'a> {
    /// The name, which need not be text.
    pub name: &'a [u8],
    /// The value.
    pub value: Value<'a>,
    /// Both as they are in the table.
    pub(super) bytes: &'a [u8],
}

impl<'a> Entry<'a> {
    fn read(from: &mut &'a [u8]) -> Result<Self, DecodeError> {
        let whole = *from;
        let [length] = value::take(from)?;
        let name = value::take_slice(from, length.into())?;
        let value = Value::read(from)?;
        Ok(Self {
            name,
            value,
            bytes: &whole[..whole.len() - from.len()],
        })
    }
}

/// The entries of a table.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = Entry::read(&mut self.rest).ok();
        if entry.is_none() {
            self.rest = &[];
        }
        entry
    }
}

/// An array in borrowed bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ArrayView<'a>(&'a [u8]);

impl<'a> ArrayView<'a> {
    /// Checks that all of it can be read.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        validate_array(bytes, TABLE_DEPTH_MAX)?;
        Ok(Self(bytes))
    }

    /// Its bytes, without the length in front of it.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The values in their order.
    pub fn values(self) -> Values<'a> {
        Values { rest: self.0 }
    }
}

impl fmt::Debug for ArrayView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

/// The values of an array.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let value = Value::read(&mut self.rest).ok();
        if value.is_none() {
            self.rest = &[];
        }
        value
    }
}

/// That the bytes are a table, and all tables and arrays in it too.
pub(super) fn validate(table: &[u8]) -> Result<(), DecodeError> {
    validate_table(table, TABLE_DEPTH_MAX)
}

fn validate_table(mut rest: &[u8], depth: usize) -> Result<(), DecodeError> {
    let depth = depth.checked_sub(1).ok_or(DecodeError::TableTooDeep)?;
    while !rest.is_empty() {
        validate_value(Entry::read(&mut rest)?.value, depth)?;
    }
    Ok(())
}

fn validate_array(mut rest: &[u8], depth: usize) -> Result<(), DecodeError> {
    let depth = depth.checked_sub(1).ok_or(DecodeError::TableTooDeep)?;
    while !rest.is_empty() {
        validate_value(Value::read(&mut rest)?, depth)?;
    }
    Ok(())
}

fn validate_value(value: Value<'_>, depth: usize) -> Result<(), DecodeError> {
    match value {
        Value::Table(table) => validate_table(table.0, depth),
        Value::Array(array) => validate_array(array.0, depth),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read_and_has_rabbitmqs_name() {
        let samples: [(&[u8], Value<'_>, &str); 17] = [
            (b"t\x02", Value::Bool(true), "bool"),
            (b"b\xff", Value::I8(-1), "byte"),
            (b"B\xff", Value::U8(255), "unsignedbyte"),
            (b"s\xff\xfe", Value::I16(-2), "short"),
            (b"u\xff\xfe", Value::U16(65534), "unsignedshort"),
            (b"I\xff\xff\xff\xfd", Value::I32(-3), "signedint"),
            (b"i\xff\xff\xff\xff", Value::U32(u32::MAX), "unsignedint"),
            (b"l\0\0\0\0\0\0\x01\0", Value::I64(256), "long"),
            (b"L\xff\xff\xff\xff\xff\xff\xff\xff", Value::I64(-1), "long"),
            (b"f\x3f\xc0\0\0", Value::F32(1.5), "float"),
            (b"d\x3f\xf8\0\0\0\0\0\0", Value::F64(1.5), "double"),
            (
                b"D\x02\0\0\0\x07",
                Value::Decimal { scale: 2, value: 7 },
                "decimal",
            ),
            (b"S\0\0\0\x02hi", Value::LongStr(b"hi"), "longstr"),
            (b"A\0\0\0\x01V", Value::Array(ArrayView(b"V")), "array"),
            (b"T\0\0\0\0\0\0\0\x09", Value::Timestamp(9), "timestamp"),
            (
                b"F\0\0\0\x03\x01aV",
                Value::Table(TableView(b"\x01aV")),
                "table",
            ),
            (b"x\0\0\0\x01\0", Value::Binary(b"\0"), "binary"),
        ];
        for (bytes, value, name) in samples {
            let table = Table::parse([b"\x01k", bytes].concat().into()).unwrap();
            assert_eq!(table.get("k"), Some(value));
            assert_eq!(value.type_name(), name);
        }
        let void = Table::parse(Bytes::from_static(b"\x01kV")).unwrap();
        assert_eq!(void.get("k").unwrap().type_name(), "void");
    }

    #[test]
    fn order_and_duplicates_are_kept_and_the_first_is_found() {
        let table = Table::parse(Bytes::from_static(b"\x01bV\x01at\x01\x01at\0")).unwrap();
        let names: Vec<_> = table.entries().map(|entry| entry.name).collect();
        assert_eq!(names, [b"b", b"a", b"a"]);
        assert_eq!(table.get("a"), Some(Value::Bool(true)));
        assert_eq!(table.get("c"), None);
    }

    #[test]
    fn tables_and_arrays_may_be_as_deep_as_the_limit_and_no_deeper() {
        let nested = |levels: usize, tag: &[u8]| {
            let mut within = Vec::new();
            for level in (1..levels).rev() {
                // The outermost is always a table.
                let head = match tag {
                    b"A" if level == 1 => b"\x01tA",
                    other => other,
                };
                let length = u32::try_from(within.len()).unwrap().to_be_bytes();
                within = [head, &length[..], &within].concat();
            }
            Table::parse(within.into())
        };
        for tag in [&b"\x01tF"[..], b"A"] {
            assert!(nested(TABLE_DEPTH_MAX, tag).is_ok());
            let refused = nested(TABLE_DEPTH_MAX + 1, tag);
            assert_eq!(refused, Err(DecodeError::TableTooDeep));
        }
    }

    #[test]
    fn what_is_within_is_checked_too() {
        for bytes in [&b"\x01aF\0\0\0\x03\x01bU"[..], b"\x01aA\0\0\0\x01U"] {
            let refused = Table::parse(Bytes::copy_from_slice(bytes));
            assert_eq!(refused, Err(DecodeError::UnknownFieldType(b'U')));
        }
    }

    #[test]
    fn unknown_types_are_refused_by_their_tag() {
        let refused = Table::parse(Bytes::from_static(b"\x01aU\0\0"));
        assert_eq!(refused, Err(DecodeError::UnknownFieldType(b'U')));
        let error = refused.unwrap_err();
        assert_eq!(error.reply_code() as u16, 502);
    }

    #[test]
    fn what_was_not_checked_ends_early() {
        let table = Table::from_validated(Bytes::from_static(b"\x01aV\x05b"));
        assert_eq!(table.entries().count(), 1);
    }
}
