//! Every bound of the gateway, with its reason.

use std::time::Duration;

/// Parameters of one request of the query protocol. The largest sends ten messages with ten attributes of three each.
pub const PARAMETERS_MAX: usize = 4_096;
/// Parts of a parameter's name: `SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue` has six.
pub const PARAMETER_DEPTH_MAX: usize = 8;

/// A message of SNS with its attributes (AWS: the same).
pub const SNS_MESSAGE_BYTES_MAX: usize = 256 << 10;
/// The subject of one (AWS: the same).
pub const SNS_SUBJECT_CHARACTERS_MAX: usize = 100;
/// The name of an attribute of a message (AWS: the same).
pub const ATTRIBUTE_NAME_BYTES_MAX: usize = 256;
/// Entries of a `PublishBatch` (AWS: the same).
pub const SNS_BATCH_ENTRIES_MAX: usize = 10;
/// Tags of a topic (AWS: the same).
pub const SNS_TAGS_MAX: usize = 50;
/// Topics or subscriptions of a page (AWS: the same).
pub const SNS_PAGE_MAX: usize = 100;
/// Subscriptions of a topic that have a filter policy (AWS: the same).
pub const SNS_FILTER_POLICIES_PER_TOPIC_MAX: usize = 200;
/// For how long an endpoint may confirm a subscription (AWS: the same).
pub const SNS_TOKEN_TTL_MS: i64 = 2 * 24 * 60 * 60 * 1000;
/// For how long a FIFO topic remembers what was published (AWS: the same).
pub const SNS_DEDUPLICATION_MS: i64 = 5 * 60 * 1000;
/// Messages of FIFO topics that are remembered at a time: those of five minutes at 3,500 a second. Who published
/// longest ago is forgotten first.
pub const SNS_DEDUPLICATED_MAX: usize = 1 << 20;
/// For how long a message is with the task that sends it to an endpoint: longer than a request may take, so that it
/// is not sent twice at once.
pub const SNS_DELIVERY_LOCK_MS: u64 = 60_000;
/// How long an endpoint may take to answer (AWS: the same).
pub const SNS_REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Messages that are sent to one endpoint at a time.
pub const SNS_DELIVERIES_AT_ONCE: u32 = 10;
/// How long the task of an endpoint waits for messages before it looks whether there still is a subscription.
pub const SNS_DELIVERY_WAIT: Duration = Duration::from_secs(20);
/// How long it waits when the broker refuses it something.
pub const SNS_DELIVERY_PAUSE: Duration = Duration::from_secs(1);
/// Deliveries that are recorded in place of being made.
pub const SNS_RECORDED_MAX: usize = 1_000;
/// Bytes of them.
pub const SNS_RECORDED_BYTES_MAX: usize = 16 << 20;
