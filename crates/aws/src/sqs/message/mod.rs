//! A message of SQS: as it is sent, as it is stored and as it is received.
//!
//! | module | what it is |
//! |---|---|
//! | `attributes` | what a client says of a message, and the form in which that is stored |
//! | `check` | what may be in a message |
//! | `digest` | checksums, as SDKs compute them again |
//! | `identity` | what a message is called |
//! | `record` | a message as a record of its queue's log |
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>

mod attributes;
mod check;
mod digest;
mod identity;
mod record;

pub(crate) use attributes::{AttributeInput, MessageAttribute, MessageAttributes};
pub(crate) use check::{check_body, check_id};
pub(crate) use digest::{md5_of_attributes, md5_of_body};
pub(crate) use identity::{message_id, sequence_number};
pub(crate) use record::{Deduplication, Outgoing, Stored};
