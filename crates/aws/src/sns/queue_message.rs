//! A message on its way to queues of SQS.

use bytes::Bytes;
use forebay_broker::host::{Envelope, Publication, Queueing, group_id, header, unchanged};
use forebay_record::RecordHeader;
use sha2::{Digest, Sha256};

use super::SnsError;
use super::message::Attribute;
use super::publish::batch;

/// What queues are given.
#[derive(Clone, Debug)]
pub(crate) struct QueueMessage<'a> {
    /// Their names.
    pub(crate) queues: Vec<Bytes>,
    pub(crate) body: &'a [u8],
    pub(crate) attributes: &'a [Attribute],
    pub(crate) group: Option<&'a str>,
    pub(crate) deduplication: Option<&'a str>,
}

impl QueueMessage<'_> {
    pub(crate) fn publication(self, timestamp_ms: i64) -> Result<Publication, SnsError> {
        let mut headers = Vec::new();
        if let Some(group) = self.group {
            headers.push(RecordHeader::new(header::GROUP, group.as_bytes()));
        }
        if let Some(id) = self.deduplication {
            headers.push(RecordHeader::new(
                "forebay.sqs.deduplication-id",
                id.as_bytes(),
            ));
        }
        let queueing = Queueing {
            group: self.group.map(|group| group_id(group.as_bytes())),
            deduplication: self.deduplication.map(|id| {
                let digest = Sha256::digest(id.as_bytes());
                let (first, _) = digest.split_at(16);
                first
                    .iter()
                    .fold(0, |all, byte| all << 8 | u128::from(*byte))
            }),
            delay_ms: None,
        };
        Ok(Publication {
            envelope: Envelope {
                exchange: Bytes::new(),
                routing_keys: self.queues,
                headers: None,
            },
            batch: batch(timestamp_ms, None, self.body, &headers)?,
            body_bytes: u32::try_from(self.body.len()).unwrap_or(u32::MAX),
            priority: 0,
            ttl_ms: None,
            for_topics: unchanged,
            queueing,
        })
    }
}
