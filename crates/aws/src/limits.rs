//! Every bound of the gateway, with its reason.

use std::time::Duration;

/// Parameters of one request of the query protocol. The largest sends ten messages with ten attributes of three each.
pub const PARAMETERS_MAX: usize = 4_096;
/// Parts of a parameter's name: `SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue` has six.
pub const PARAMETER_DEPTH_MAX: usize = 8;
/// How far a signed request's time may be from the broker's, as AWS has it.
pub const CLOCK_SKEW_SECONDS: i64 = 15 * 60;
/// The name of a region. It is a part of a virtual host's name.
pub const REGION_BYTES_MAX: usize = 64;

/// The largest body of a request. A batch of messages has 1 MiB, and what is escaped is six times as long
/// (`\u0009` in JSON; `%EF%BF%BD` in a form is three times).
pub const REQUEST_BYTES_MAX: usize = 8 << 20;
/// What a request may have without being counted: most have less.
pub const REQUEST_BYTES_FREE: usize = 16 << 10;
/// Bytes of all requests that are being read where nothing else is said.
pub const REQUEST_MEMORY_BYTES: usize = 128 << 20;
/// The largest head of a request. A presigned one has everything in its first line.
pub const HEAD_BYTES_MAX: usize = 64 << 10;
/// Fields of a head. SDKs send fifteen.
pub const FIELDS_MAX: usize = 100;
/// The lines around one chunk of a body: its size with what is said of it (signed chunks have 85 bytes), or all trailers.
pub const CHUNK_LINE_BYTES_MAX: usize = 4 << 10;
/// What is taken of the next requests while one is at work. No SDK sends any of them before.
pub const AHEAD_BYTES_MAX: usize = 16 << 10;
/// How long a client is listened to that was told the last, until it has closed the connection, too.
pub const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);
/// What it may send in that time.
pub const FAREWELL_BYTES_MAX: usize = 16 << 20;
/// How long a client may be silent between requests, and how long the head of one may take. SDKs keep connections
/// for a minute or less, and a connection that both sides close at once fails a request.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(180);
/// How long a body may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// Reads from disk at a time, over all connections, where nothing else is said.
pub const DISK_READS_AT_ONCE: usize = 8;

/// For how long what was seen of a queue is taken to be so.
pub const QUEUE_SEEN_FOR: Duration = Duration::from_secs(1);
/// Queues that are remembered for that long.
pub const QUEUES_SEEN_MAX: usize = 10_000;
/// For how long a queue is not purged again, nor its name used again where that is wanted.
pub const RECENT: Duration = Duration::from_secs(60);
/// Queues of one answer, as AWS has it.
pub const LISTED_MAX: usize = 1_000;
/// What the broker is asked to describe at once: it serves nobody else in the meantime.
pub const INSPECTED_AT_ONCE: usize = 500;
/// Messages of one queue that somebody has, as AWS has it.
pub const IN_FLIGHT_MAX: u64 = 120_000;
/// For how long a receive may be repeated.
pub const ATTEMPT_KEPT: Duration = Duration::from_secs(5 * 60);
/// Receives that may be repeated; more are not remembered.
pub const ATTEMPTS_MAX: usize = 10_000;
/// How often it is written down how much a message move task has moved.
pub const MOVE_TASK_KEPT_EVERY: Duration = Duration::from_secs(10);
/// Messages that a move task without a rate moves at once.
pub const MOVED_AT_ONCE: usize = 500;
/// Bytes of their bodies: they are in memory together.
pub const MOVED_BYTES_AT_ONCE: usize = 4 << 20;

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
/// is not sent twice at once, and not much longer, because what a server had in hand when it was killed waits for that.
pub const SNS_DELIVERY_LOCK_MS: u64 = 20_000;
/// How long an endpoint may take to answer (AWS: the same).
pub const SNS_REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Messages that are sent to one endpoint at a time.
pub const SNS_DELIVERIES_AT_ONCE: u32 = 10;
/// How long the task of an endpoint waits for messages before it looks whether there still is a subscription.
pub const SNS_DELIVERY_WAIT: Duration = Duration::from_secs(20);
/// How long it waits when the broker refuses it something.
pub const SNS_DELIVERY_PAUSE: Duration = Duration::from_secs(1);
/// Bytes of one request that are with the broker at a time, above which what follows waits for them. A message of the
/// usual size goes to ten thousand subscribers below it.
pub const SNS_FAN_OUT_BYTES_MAX: usize = 32 << 20;
/// Batches of messages that are read for endpoints at one time: each is in memory.
pub const SNS_BATCHES_AT_ONCE: usize = 64;
/// Bytes of a log that are read at once, or one batch of it.
pub const SNS_LOG_READ_BYTES: usize = 1 << 20;
/// Bytes of a batch of a log once it is not compressed any more. SNS makes none that is nearly as large.
pub const SNS_LOG_BATCH_BYTES_MAX: usize = 16 << 20;
/// Deliveries that are recorded in place of being made.
pub const SNS_RECORDED_MAX: usize = 1_000;
/// Bytes of them.
pub const SNS_RECORDED_BYTES_MAX: usize = 16 << 20;
/// For how long messages are locked that are given back when they were read. A slow disk is given some of it.
pub const READING_LOCK_MS: u64 = 30_000;
