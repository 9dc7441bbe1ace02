//! Every bound of the gateway, with its reason.

use std::time::Duration;

/// Default size of the largest request (Kafka: `socket.request.max.bytes`).
pub const FRAME_BYTES_MAX: usize = 100 << 20;
/// Requests of one connection that may be in the works or wait behind one that is. The Java client
/// sends at most five; librdkafka does not count, and gets its throughput from batches.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 64;
/// A request of up to this size takes nothing of the shared memory while it is the only one of its
/// connection: heartbeats, fetches and commits do not wait behind producers. Connections are bounded,
/// and so is what they may have beside that memory.
pub const SMALL_FRAME_BYTES: usize = 4 << 10;
/// Memory that is taken for a larger request once that much of it is here: the whole of a batch of the
/// default size, so that no two requests of that size wait for each other half-way.
pub const FRAME_BYTES_AT_FIRST: usize = 1 << 20;
/// Bytes that are read behind the end of a request if they are here already: most requests of consumers fit,
/// and the head of whatever follows. A connection has this much room of its own.
pub const READ_AHEAD_BYTES: usize = 512;
/// Room for a request is at most this many times what has arrived of it. Smaller steps copy more often,
/// and hold the old room beside the new one each time.
pub const ROOM_GROWTH: usize = 4;
/// A batch of less than this share (1/n) of its frame is copied out of it. Recent batches are counted
/// by their own bytes, but keep the frame they lie in: without this a small batch beside a large one
/// that is refused would keep a hundred megabytes that nobody counts. One that is a larger part is
/// stored as it came, which is what a producer of one or a few partitions sends.
pub const FRAME_SHARE_KEPT: usize = 4;
/// Default of how long a client may be silent in the middle of a request: it holds memory that others
/// wait for.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// While others wait for memory, a request must come in and an answer must go out so fast that it is
/// done in this time: what clients themselves give a request (`request.timeout.ms`).
pub const PRESSED_TRANSFER_TIME: Duration = Duration::from_secs(30);
/// Time in which nothing need move: a full socket buffer, a lost packet, a busy machine.
pub const PRESSED_GRACE: Duration = Duration::from_secs(5);
/// How often a transfer that does not move looks whether others wait.
pub const PRESSED_LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Default of the memory for requests in flight over all connections.
pub const REQUEST_MEMORY_BYTES: usize = 128 << 20;
/// Default time after which a connection without traffic is closed
/// (Kafka: `connections.max.idle.ms`).
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(600);
/// The largest answer to a fetch, whatever the client allows (Kafka: `fetch.max.bytes`, there 55 MiB, which
/// never come into the process's memory). Consumers do not read faster with more.
pub const FETCH_BYTES_MAX: usize = 16 << 20;
/// Default of the memory for answers over all connections, from before they are made until clients
/// have taken them.
pub const ANSWER_MEMORY_BYTES: usize = 128 << 20;
/// Default of the reads from disk at a time, over all connections.
pub const DISK_READS_AT_ONCE: usize = 32;
/// What a fetch reserves of that memory before it reads, at the least: a batch of the default size is
/// given even if the client asks for less.
pub const FETCH_BYTES_AT_LEAST: usize = 1 << 20;
/// How long a fetch that found no memory to read into waits for some. Then it is answered without
/// data, and the client asks again.
pub const FETCH_MEMORY_PATIENCE: Duration = Duration::from_secs(5);
/// Descriptions that are put together at a time from what the broker's shard says: nobody counts their
/// bytes before they are there.
pub const DESCRIPTIONS_AT_ONCE: usize = 32;
/// The longest that a fetch waits for data, whatever the client asks.
pub const FETCH_WAIT_MAX: Duration = Duration::from_secs(300);
/// Fetch sessions of all connections (Kafka: `max.incremental.fetch.session.cache.slots`).
pub const FETCH_SESSIONS_MAX: usize = 1_000;
/// Partitions of one fetch session: as many as the largest topic has. Requests add to a session
/// bit by bit, so no frame bounds it; a client with more is served without one.
pub const FETCH_SESSION_PARTITIONS_MAX: usize = 100_000;
/// Topics that one request may create. Kafka bounds an operation to as many records of its own log;
/// each topic also brings all its configurations into the answer.
pub const TOPICS_CREATED_MAX: usize = 10_000;
/// Partitions of all topics that one request creates. The journal takes a request as a whole, and
/// would make room for it before it looks inside.
pub const PARTITIONS_CREATED_MAX: usize = 100_000;
/// Partitions that one answer describes (Kafka: `max.request.partition.size.limit`). The rest is
/// asked for with a cursor.
pub const PARTITIONS_DESCRIBED_MAX: i32 = 2_000;
/// Bytes of an error message. Many repeat what the client sent, and the classic form of a string has
/// no room for that and more.
pub const ERROR_MESSAGE_BYTES_MAX: usize = 1_000;
/// Groups of one request that the coordinator is asked about at a time. One by one, each would wait
/// for a round trip and perhaps for a commit; all at once, a request could fill the memory.
pub const GROUPS_ASKED_AT_ONCE: usize = 64;
