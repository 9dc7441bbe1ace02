//! A record as `consume` prints it and `produce` reads it.

use bytes::Bytes;

/// A record that was read from a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Milliseconds since 1970; -1 when the record has none.
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Option<Bytes>,
    pub(crate) headers: Vec<(String, Option<Bytes>)>,
}

#[cfg(test)]
impl Received {
    /// A record for tests of what prints records.
    pub(crate) fn sample() -> Self {
        Self {
            topic: "orders".to_owned(),
            partition: 3,
            offset: 42,
            timestamp_ms: 1_700_000_000_123,
            key: Some(Bytes::from_static(b"k1")),
            value: Some(Bytes::from_static(b"hello")),
            headers: vec![
                ("trace".to_owned(), Some(Bytes::from_static(b"abc"))),
                ("empty".to_owned(), None),
            ],
        }
    }
}
