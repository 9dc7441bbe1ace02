//! Which messages of a stream a consumer wants (RabbitMQ, "Stream Filtering"). RabbitMQ passes over chunks
//! without one of them and gives a consumer the others whole; here it is each message that is looked at, so that a
//! consumer has nothing to sort out itself.

use bytes::Bytes;
use forebay_record::Record;

use super::errors::{Refusal, Subject};
use crate::amqp091::table::{Table, Value};

/// The header that messages are chosen by. In a topic it is one of the record, so producers of Kafka may set it, too.
const VALUE_HEADER: &[u8] = b"x-stream-filter-value";
/// Arguments of consumers.
const FILTER: &str = "x-stream-filter";
const MATCH_UNFILTERED: &str = "x-stream-match-unfiltered";

/// What a consumer wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StreamFilter {
    values: Vec<Bytes>,
    /// Messages without a value, too.
    takes_unfiltered: bool,
}

impl StreamFilter {
    /// None for a consumer that wants everything. What is no text says nothing, as in RabbitMQ.
    pub(super) fn parse(queue: Subject<'_>, arguments: &Table) -> Result<Option<Self>, Refusal> {
        let values = match arguments.get(FILTER) {
            Some(Value::LongStr(value)) => vec![Bytes::copy_from_slice(value)],
            Some(Value::Array(values)) => {
                let mut all = Vec::new();
                for value in values.values() {
                    let text = value.as_long_str().ok_or_else(|| {
                        let of = value.type_name();
                        Refusal::precondition(format_args!(
                            "invalid arg '{FILTER}' for {queue}: {{unacceptable_type,{of}}}"
                        ))
                    })?;
                    all.push(Bytes::copy_from_slice(text));
                }
                all
            }
            _ => return Ok(None),
        };
        let takes_unfiltered = arguments.get(MATCH_UNFILTERED);
        Ok(Some(Self {
            values,
            takes_unfiltered: takes_unfiltered == Some(Value::Bool(true)),
        }))
    }

    /// Whether it wants a message.
    pub(super) fn wants(&self, record: &Record<'_>) -> bool {
        let mut headers = record.headers.flatten();
        let value = headers.find(|header| header.key == VALUE_HEADER);
        match value.and_then(|header| header.value) {
            Some(value) => self.values.iter().any(|wanted| *wanted == *value),
            None => self.takes_unfiltered,
        }
    }
}
