//! The history of a test: what its clients did and were told.
//!
//! # Format, version 1
//!
//! UTF-8, one JSON object a line (JSON Lines). The first line is the header:
//!
//! ```json
//! {"format":"forebay-history","version":1}
//! ```
//!
//! Every other line is one [`Operation`]: a finished operation of a client, told apart by `op`, or
//! something that the test says about itself. Fields that are not listed are refused, so that a typing
//! error does not weaken a test. Optional fields may be left out or `null`.
//!
//! | `op` | fields | what it is |
//! |---|---|---|
//! | `log` | `log`, `dense`, `compacted`, `start_advances`, `across_lives` | what the test expects of a log: [`Expectations`] |
//! | `producer` | `process`, `once`, `keeps_order` | what the test expects of a producer: [`Producer`]; comes before its first send |
//! | `send` | `process`, `log`, `key`, `value`, `outcome`, `offset`, `sequence`, `call`, `life`, `invoked`, `completed` | a record was sent: [`Send`] |
//! | `receive` | `process`, `group`, `log`, `key`, `value`, `offset`, `call`, `life`, `invoked`, `completed` | a record was polled: [`Receive`] |
//! | `assigned` | `process`, `log`, `offset` | the process's next poll of the log starts anew: [`Assigned`] |
//! | `commit` | `process`, `group`, `log`, `offset`, `outcome`, `invoked`, `completed` | a group's offset was committed: [`Commit`] |
//! | `committed` | `process`, `group`, `log`, `offset`, `invoked`, `completed` | a group's committed offset was asked for: [`Committed`] |
//! | `drain` | `process`, `group`, `log`, `start`, `end`, `life`, `invoked`, `completed` | the log was read from its start to its end: [`Drain`] |
//! | `fault` | `fault`, `ends_life`, `completed` | what the test did to the server: [`Fault`] |
//!
//! * A *process* is one client, by name. A client that is made anew is a new process, or says
//!   `assigned`: else its first poll is judged as the successor of its last.
//! * A *log* is a partition, by name, such as `orders-0`. A topic that is deleted and created again
//!   is another log and needs another name.
//! * A *value* tells the records of a log apart, so no value is sent twice to one log (tombstones,
//!   whose value is `null`, are told apart by their key and offset only). Where values are large, a
//!   digest does.
//! * An *outcome* is `ok`, `failed` (certainly not done, now or later) or `unknown`.
//! * A *life* is the time between two starts of the server, numbered by the test. It matters where a
//!   log may lose what it held at the end of a life.
//! * *Times* are microseconds since the start of the test. `invoked` is before the call, `completed`
//!   after its answer. Lines are in the order of completion as far as one process is concerned.
//!
//! ```json
//! {"format":"forebay-history","version":1}
//! {"op":"log","log":"orders-0","dense":true}
//! {"op":"producer","process":"p","once":true,"keeps_order":"log"}
//! {"op":"send","process":"p","log":"orders-0","value":"a","outcome":"ok","offset":0,"sequence":0,"invoked":10,"completed":900}
//! {"op":"send","process":"p","log":"orders-0","value":"b","outcome":"unknown","sequence":1,"invoked":12,"completed":5000}
//! {"op":"receive","process":"c","log":"orders-0","value":"a","offset":0,"invoked":6000,"completed":6100}
//! {"op":"drain","process":"c","log":"orders-0","start":0,"end":1,"invoked":5900,"completed":6200}
//! ```

mod operation;
mod reader;
mod writer;

pub use operation::{
    AcrossLives, Assigned, Commit, Committed, Drain, Expectations, Fault, KeepsOrder, Operation,
    Outcome, Producer, Receive, Send,
};
pub use reader::Reader;
pub use writer::Writer;

use serde::{Deserialize, Serialize};

/// What the header's `format` says.
const FORMAT: &str = "forebay-history";

/// The version of the format that this crate reads and writes.
pub const VERSION: u32 = 1;

#[derive(Deserialize, Serialize)]
struct Header {
    format: String,
    version: u32,
}
