//! A message on its way to queues of SQS.

use bytes::Bytes;
use forebay_broker::host::Publication;

use super::SnsError;
use super::message::{Attribute, AttributeValue};
use super::topic::FIFO_SUFFIX;
use crate::sqs::message::{Deduplication, MessageAttribute, MessageAttributes, Outgoing};

/// What queues are given.
#[derive(Clone, Debug)]
pub(crate) struct QueueMessage<'a> {
    /// Their names: of FIFO queues, or of others.
    pub(crate) queues: Vec<Bytes>,
    pub(crate) body: &'a str,
    pub(crate) attributes: &'a [Attribute],
    pub(crate) group: Option<&'a str>,
    /// Nothing to queues that are not FIFO.
    pub(crate) known_by: Option<KnownBy<'a>>,
}

/// What a message of a FIFO topic is known by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownBy<'a> {
    pub(crate) id: &'a str,
    /// Messages of other groups may have the same.
    pub(crate) is_of_group: bool,
}

impl QueueMessage<'_> {
    pub(crate) fn publication(self, timestamp_ms: i64) -> Result<Publication, SnsError> {
        let attributes = self.attributes.iter().map(|attribute| MessageAttribute {
            name: attribute.name.clone(),
            data_type: attribute.data_type.clone(),
            value: match &attribute.value {
                AttributeValue::Text(text) => text.as_bytes().to_vec(),
                AttributeValue::Binary(bytes) => bytes.to_vec(),
            },
        });
        let mut queues = self.queues.iter();
        let are_fifo = queues.all(|queue| queue.ends_with(FIFO_SUFFIX.as_bytes()));
        let known_by = self.known_by.filter(|_| are_fifo);
        let outgoing = Outgoing {
            body: self.body,
            attributes: MessageAttributes::of(attributes.collect()),
            group: self.group,
            deduplication: known_by.map(|known| Deduplication {
                id: known.id.into(),
                is_of_group: known.is_of_group,
            }),
            ..Outgoing::default()
        };
        let publication = outgoing.publication(timestamp_ms);
        let mut publication =
            publication.map_err(|error| SnsError::InternalError(error.to_string()))?;
        publication.envelope.routing_keys = self.queues;
        Ok(publication)
    }
}
