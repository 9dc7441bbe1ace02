//! What a line of a history says. The format as a whole is described in [the module](super).

use serde::{Deserialize, Serialize};

/// One line of a history after the header.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Operation {
    /// What the test expects of a log.
    Log(Expectations),
    /// What the test expects of a producer.
    Producer(Producer),
    /// A record was sent.
    Send(Send),
    /// A record was polled.
    Receive(Receive),
    /// A consumer's position was set.
    Assigned(Assigned),
    /// A group's offset was committed.
    Commit(Commit),
    /// A group's committed offset was asked for.
    Committed(Committed),
    /// A log was read from its start to its end.
    Drain(Drain),
    /// The test did something to the server.
    Fault(Fault),
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The server said that it is done.
    Ok,
    /// It is certain that it was not done and will not be done.
    Failed,
    /// Nobody knows: no answer, or one that leaves it open.
    #[default]
    Unknown,
}

/// What a log keeps when the server starts again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AcrossLives {
    /// Everything that was acknowledged or read, at its offset.
    #[default]
    Everything,
    /// A prefix: the tail may be lost, and its offsets go to other records.
    Prefix,
    /// Nothing that could be relied on.
    Nothing,
}

/// What a test expects of a log. A log that is not mentioned has the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expectations {
    /// The partition.
    pub log: String,
    /// Whether the offsets have no holes (no compaction, no transaction markers).
    #[serde(default)]
    pub dense: bool,
    /// Whether a record may be gone once a later one of its key is there, and a tombstone at any time.
    #[serde(default)]
    pub compacted: bool,
    /// Whether records may be gone from the start, by retention or on request.
    #[serde(default)]
    pub start_advances: bool,
    /// What survives from one life to the next.
    #[serde(default)]
    pub across_lives: AcrossLives,
}

/// In which scope a producer's records are stored in the order in which they were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepsOrder {
    /// Nowhere: retries may overtake.
    #[default]
    No,
    /// Among records of one key.
    Key,
    /// Among all records of a log.
    Log,
}

/// What a test expects of a producer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Producer {
    /// The client.
    pub process: String,
    /// Whether a record is stored once however often the client retries (an idempotent producer).
    #[serde(default)]
    pub once: bool,
    /// The order that it keeps.
    #[serde(default)]
    pub keeps_order: KeepsOrder,
}

/// A record was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// The client.
    pub process: String,
    /// The partition.
    pub log: String,
    /// The record's key.
    #[serde(default)]
    pub key: Option<String>,
    /// The record's value; `None` is a tombstone.
    #[serde(default)]
    pub value: Option<String>,
    /// What the client was told in the end.
    pub outcome: Outcome,
    /// The offset of the acknowledgement, where it has one.
    #[serde(default)]
    pub offset: Option<u64>,
    /// The number of this send among those of the process. Without it the order is that of
    /// `invoked`, and sends of one microsecond have none.
    #[serde(default)]
    pub sequence: Option<u64>,
    /// The number of the process's call that sent this. Records of one call to one log are stored
    /// side by side; without a number nothing is promised.
    #[serde(default)]
    pub call: Option<u64>,
    /// The life of the server that answered.
    #[serde(default)]
    pub life: u32,
    /// Microseconds since the start: before the call.
    #[serde(default)]
    pub invoked: u64,
    /// Microseconds since the start: after the answer, or when it was given up.
    #[serde(default)]
    pub completed: u64,
}

/// A record was polled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Receive {
    /// The client.
    pub process: String,
    /// The consumer group that it reads for, if any.
    #[serde(default)]
    pub group: Option<String>,
    /// The partition.
    pub log: String,
    /// The record's key.
    #[serde(default)]
    pub key: Option<String>,
    /// The record's value.
    #[serde(default)]
    pub value: Option<String>,
    /// The record's offset.
    pub offset: u64,
    /// The number of the process's poll that brought this; without it, a poll of its own.
    #[serde(default)]
    pub call: Option<u64>,
    /// The life of the server that answered.
    #[serde(default)]
    pub life: u32,
    /// Microseconds since the start: before the poll.
    #[serde(default)]
    pub invoked: u64,
    /// Microseconds since the start: after it.
    #[serde(default)]
    pub completed: u64,
}

/// A consumer's position in a log was set: by an assignment, a rebalance or a seek.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Assigned {
    /// The client.
    pub process: String,
    /// The partition.
    pub log: String,
    /// The offset it reads on from; `None` if the test does not know.
    #[serde(default)]
    pub offset: Option<u64>,
}

/// A group's offset was committed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// The client.
    pub process: String,
    /// The consumer group.
    pub group: String,
    /// The partition.
    pub log: String,
    /// The committed offset: that of the next record to read.
    pub offset: u64,
    /// What the client was told.
    pub outcome: Outcome,
    /// Microseconds since the start: before the call.
    #[serde(default)]
    pub invoked: u64,
    /// Microseconds since the start: after the answer.
    #[serde(default)]
    pub completed: u64,
}

/// A group's committed offset was asked for, and answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Committed {
    /// The client.
    pub process: String,
    /// The consumer group.
    pub group: String,
    /// The partition.
    pub log: String,
    /// The answer; `None` for "nothing is committed".
    #[serde(default)]
    pub offset: Option<u64>,
    /// Microseconds since the start: before the call.
    #[serde(default)]
    pub invoked: u64,
    /// Microseconds since the start: after the answer.
    #[serde(default)]
    pub completed: u64,
}

/// A log was read from its start to its end. All that the process received from the log counts as
/// that reading; with a group, all that its members received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Drain {
    /// The client that read.
    pub process: String,
    /// The group whose members have read the log together, from its first record on.
    #[serde(default)]
    pub group: Option<String>,
    /// The partition.
    pub log: String,
    /// The log's start offset when the reading ended.
    pub start: u64,
    /// The log's end offset (high watermark) as asked for after `invoked`.
    pub end: u64,
    /// The life of the server that answered.
    #[serde(default)]
    pub life: u32,
    /// Microseconds since the start: before the log's end was asked for.
    #[serde(default)]
    pub invoked: u64,
    /// Microseconds since the start: when all was read.
    #[serde(default)]
    pub completed: u64,
}

/// The test did something to the server, or to what it stands on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What, in a word or two: `kill`, `power cut`.
    pub fault: String,
    /// Whether the server's process ended by it. A request that nobody has answered by then will
    /// have no effect any more, unless its client sends it again.
    #[serde(default)]
    pub ends_life: bool,
    /// Microseconds since the start: when it was done.
    #[serde(default)]
    pub completed: u64,
}
