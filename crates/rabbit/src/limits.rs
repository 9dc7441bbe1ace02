//! Every bound of the gateway, with its reason.

use std::time::Duration;

/// The smallest `frame_max` that a peer must accept (AMQP 0-9-1 §4.2.3). RabbitMQ asks for 8192 since
/// 4.1, and so turns away older versions of amqplib, which propose this.
pub const FRAME_BYTES_MIN: u32 = 4096;
/// Default of the `frame_max` that is proposed (RabbitMQ: `frame_max`). What arrives is held until its
/// frame is whole, so this is also what a connection may cost before anything is done for it.
pub const FRAME_BYTES_MAX: u32 = 128 << 10;
/// The largest frame before tuning (RabbitMQ: `initial_frame_max`): nobody has logged in yet, and the only
/// large thing that may come is an access token.
pub const FRAME_BYTES_BEFORE_TUNE: u32 = 8 << 10;
/// How deep tables and arrays may be nested: reading them recurses. What brokers and clients themselves
/// write (`x-death`, client capabilities) is three deep.
pub const TABLE_DEPTH_MAX: usize = 32;

/// Channels of one connection (RabbitMQ: `channel_max`).
pub const CHANNELS_MAX: u16 = 2047;
/// Seconds between signs of life that are proposed (RabbitMQ: `heartbeat`).
pub const HEARTBEAT_SECONDS: u16 = 60;
/// How long a client may take to log in (RabbitMQ: `handshake_timeout`).
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client that is told to close may take to say that it has.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client that may not log in waits to be told so by a closed socket: it cannot guess fast
/// (RabbitMQ: `SILENT_CLOSE_DELAY`, 3 s).
pub const SILENT_CLOSE_DELAY: Duration = Duration::from_secs(3);
/// The largest body of a message (RabbitMQ: `max_message_size`).
pub const MESSAGE_BYTES_MAX: u64 = 16 << 20;
/// Bodies that are on their way in on all channels of one connection: as many as a client with a channel
/// for each of four threads has.
pub const ASSEMBLY_BYTES_MAX: usize = 4 * (MESSAGE_BYTES_MAX as usize);
/// Read at a time from the socket of a client that is busy: several frames of the usual size, so that what
/// arrives together is handled together.
pub const READ_BYTES_MAX: usize = 64 << 10;
/// The same of one that is quiet. It is kept for as long as the connection, and most are quiet.
pub const READ_BYTES_MIN: usize = 2 << 10;
/// Messages that are with the broker and have no answer. More than fits between two syncs of a fast disk,
/// so that a publisher that confirms in its own time is never held up by this.
pub const PENDING_PUBLISHES_MAX: usize = 16_384;
/// Bytes of them. One message may be as large as it may be.
pub const PENDING_PUBLISH_BYTES_MAX: usize = 16 << 20;
/// The same where there are more than [`PENDING_LARGE_MAX`]: some syncs' worth. What consumers acknowledge waits behind
/// it, so that who publishes faster than a queue is consumed would make its consumers slower still.
pub const PENDING_SMALL_BYTES_MAX: usize = 1 << 20;
/// Messages that may be with the broker whatever they take, so that large ones are not published one by one.
pub const PENDING_LARGE_MAX: usize = 16;
/// Messages that go to the broker in one command: it writes them as one.
pub const PUBLISH_BATCH_MAX: usize = 1_024;
/// Bytes that wait for the client to take them, above which it is sent no more deliveries.
pub const DELIVERY_OUTPUT_BYTES_MAX: usize = 256 << 10;
/// The same, above which nothing more is read from it. Higher than what deliveries fill it to: a client that
/// is given messages faster than it takes them is heard when it cancels or acknowledges.
pub const OUTPUT_BYTES_MAX: usize = 2 * DELIVERY_OUTPUT_BYTES_MAX;
/// Room in the output buffer that is kept when it is empty.
pub const OUTPUT_BYTES_KEPT: usize = 8 << 10;
/// What the frames of a delivery take beside what is in its record, about.
pub const DELIVERY_OVERHEAD_BYTES: usize = 96;
/// Read from a log at a time, for deliveries; one batch may be larger. What is not delivered at once is kept
/// for what the consumer is given next.
pub const DELIVERY_READ_BYTES_MAX: usize = 128 << 10;
/// The least of it, however many consumers a connection has.
pub const DELIVERY_READ_BYTES_MIN: usize = 4 << 10;
/// What the consumers of a connection share for it.
pub const DELIVERY_AHEAD_BYTES: usize = 256 << 10;
/// The most that one batch may decompress to.
pub const BATCH_DECOMPRESSED_BYTES_MAX: usize = 128 << 20;
/// Deliveries ahead of what is written, of a consumer that has set no bound: what is not written could as
/// well be another's.
pub const DELIVERIES_AHEAD: u32 = 2_048;
/// Bytes of publishes in a transaction that is not committed: they are held in memory.
pub const TRANSACTION_BYTES_MAX: usize = 64 << 20;
/// Settlements in one.
pub const TRANSACTION_SETTLEMENTS_MAX: usize = 1 << 20;
/// How often a quorum queue's message comes back before it is dead (RabbitMQ: since 4.0).
pub const QUORUM_DELIVERY_LIMIT: u32 = 20;
/// Reads from disk at a time, over all connections, where nothing else is said.
pub const DISK_READS_AT_ONCE: usize = 8;
/// The longest time to live (RabbitMQ: ten years). Celery's longest queue of delays has 2^27 seconds.
pub const EXPIRY_MS_MAX: i64 = 10 * 365 * 24 * 60 * 60 * 1000;
/// The longest time that a message waits in an exchange (`rabbitmq_delayed_message_exchange`, `ERL_MAX_T`: what a
/// timer of Erlang takes).
pub const DELAY_MS_MAX: i64 = u32::MAX as i64;
/// Bytes of answers (direct reply-to) that wait for a connection to take them, above which more are lost; the
/// last that is taken may go beyond.
pub const REPLY_BYTES_MAX: usize = 16 << 20;
/// Consumers of one connection: each costs memory even when idle.
pub const CONSUMERS_MAX: usize = 100_000;

/// The largest body of a request to the management API (RabbitMQ: `management.http.max_body_size`). Who
/// sends one has logged in.
pub const MANAGEMENT_BODY_BYTES_MAX: usize = 20_000_000;
/// Rows of a page where the request does not say (RabbitMQ: the same).
pub const PAGE_ROWS_DEFAULT: i64 = 100;
/// The most rows of a page (RabbitMQ: the same).
pub const PAGE_ROWS_MAX: i64 = 500;
/// What a pattern that names are to fit may cost when it is compiled.
pub const NAME_PATTERN_BYTES_MAX: usize = 256 << 10;
/// What the broker is asked to describe at once: it serves nobody else in the meantime.
pub const INSPECTED_AT_ONCE: usize = 500;
/// Queues whose messages are counted at once: that is cheaper.
pub const COUNTED_AT_ONCE: usize = 5_000;
/// Queues, exchanges and bindings of imported definitions that are with the broker at one time: they are
/// made durable together.
pub const DECLARED_AT_ONCE: usize = 64;
/// Messages that one request takes out of a queue. They are in memory together.
pub const GET_MESSAGES_MAX: u64 = 10_000;
/// Bytes of their bodies; what is beyond is left in the queue.
pub const GET_BYTES_MAX: usize = 64 << 20;
/// Things whose rates are remembered: those that were asked for last.
pub const RATES_MAX: usize = 20_000;
/// How far apart two looks at a counter are at least that a rate is made of (RabbitMQ:
/// `collect_statistics_interval`).
pub const RATE_INTERVAL: Duration = Duration::from_secs(5);
/// How long a listing of queues waits for the disk to say when the messages at their heads were sent: hundreds of reads of
/// an SSD, and about ten of a disk.
pub const HEADS_READ_FOR: Duration = Duration::from_millis(100);
/// Heads of queues, read from disk, whose timestamps are known from one listing to the next: two of each of 16,384 queues.
/// With as many that were asked for before them about 4 MiB.
pub const HEADS_KNOWN_MAX: usize = 1 << 15;
