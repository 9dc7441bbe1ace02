//! Writing tables and arrays.

use bytes::{BufMut, BytesMut};

use super::{ArrayView, Entry, Table, TableView, Value};
use crate::amqp091::{ShortStr, TooLong};

/// A table that is being written.
#[derive(Clone, Debug, Default)]
pub struct TableBuilder(BytesMut);

impl TableBuilder {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value under a name that is the broker's own.
    ///
    /// # Panics
    /// If the name is longer than a short string.
    pub fn put(&mut self, name: &'static str, value: Value<'_>) -> &mut Self {
        self.try_put(name.as_bytes(), value)
            .expect("our own names are short")
    }

    /// Adds a value under a name from elsewhere.
    pub fn try_put(&mut self, name: &[u8], value: Value<'_>) -> Result<&mut Self, TooLong> {
        debug_assert!(ShortStr::BYTES_MAX == usize::from(u8::MAX));
        let length = u8::try_from(name.len()).map_err(|_| TooLong(name.len()))?;
        self.0.put_u8(length);
        self.0.put_slice(name);
        value.write(&mut self.0);
        Ok(self)
    }

    /// Adds an entry of another table, byte by byte as it is there.
    pub fn copy(&mut self, entry: Entry<'_>) -> &mut Self {
        self.0.put_slice(entry.bytes);
        self
    }

    /// As a value in something larger.
    pub fn view(&self) -> TableView<'_> {
        TableView(&self.0)
    }

    /// The table. Those who nest values see to it that they are not deeper than
    /// [`TABLE_DEPTH_MAX`](crate::limits::TABLE_DEPTH_MAX).
    pub fn build(self) -> Table {
        Table::from_validated(self.0.freeze())
    }
}

/// An array that is being written.
#[derive(Clone, Debug, Default)]
pub struct ArrayBuilder(BytesMut);

impl ArrayBuilder {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value.
    pub fn push(&mut self, value: Value<'_>) -> &mut Self {
        value.write(&mut self.0);
        self
    }

    /// As a value in something larger.
    pub fn view(&self) -> ArrayView<'_> {
        ArrayView(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_can_be_read() {
        let mut death = TableBuilder::new();
        death
            .put("count", Value::I64(2))
            .put("reason", Value::LongStr(b"expired"))
            .put("time", Value::Timestamp(1_700_000_000));
        let mut deaths = ArrayBuilder::new();
        deaths.push(Value::Table(death.view())).push(Value::Void);
        let mut headers = TableBuilder::new();
        headers.put("x-death", Value::Array(deaths.view()));
        let headers = headers.build();

        let parsed = Table::parse(headers.as_bytes().clone()).unwrap();
        let deaths = parsed.get("x-death").unwrap().as_array().unwrap();
        let death = deaths.values().next().unwrap().as_table().unwrap();
        assert_eq!(death.get("count"), Some(Value::I64(2)));
        assert_eq!(deaths.values().nth(1), Some(Value::Void));
    }

    #[test]
    fn what_is_copied_stays_as_it_was_to_the_byte() {
        let old = Table::parse(b"\x01at\x07\x01bL\0\0\0\0\0\0\0\x01\x01cV"[..].into()).unwrap();
        let mut new = TableBuilder::new();
        for entry in old.entries().filter(|entry| entry.name != b"c") {
            new.copy(entry);
        }
        let expected = &b"\x01at\x07\x01bL\0\0\0\0\0\0\0\x01"[..];
        assert_eq!(new.build().as_bytes(), expected);
    }

    #[test]
    fn names_from_elsewhere_may_be_too_long() {
        let refused = TableBuilder::new()
            .try_put(&[b'a'; 256], Value::Void)
            .unwrap_err();
        assert_eq!(refused, TooLong(256));
    }
}
