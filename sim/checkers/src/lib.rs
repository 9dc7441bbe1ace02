//! Judges what the clients of a test saw: was anything lost, doubled, moved, skipped, out of order?
//!
//! A test records a [history] of finished operations and does no accounting of its own. The
//! [`Checker`] takes the operations in, in any number, and its [`Verdict`] names every
//! [`Anomaly`] with a count and the first few examples. The rules follow Jepsen's `total-queue`
//! checker and its Kafka workload; each is a module of [`rules`] with its definition.
//!
//! | module | what it is |
//! |---|---|
//! | [`history`] | the operations and their file format, reader and writer |
//! | `facts` | what the operations say about each log and group, by number instead of by name |
//! | [`rules`] | one rule a module |
//! | [`verdict`] | anomalies, counts, examples; as a table and as JSON |
//!
//! The simulator uses the crate in memory; tests with real processes write a file and run the
//! `check-history` command.
//!
//! ```
//! use forebay_checkers::Checker;
//! use forebay_checkers::history::{Operation, Outcome, Producer, Send};
//!
//! let mut checker = Checker::default();
//! checker.observe(Operation::Producer(Producer { process: "p".into(), ..Default::default() }))?;
//! checker.observe(Operation::Send(Send {
//!     process: "p".into(),
//!     log: "orders-0".into(),
//!     value: Some("a".into()),
//!     outcome: Outcome::Ok,
//!     offset: Some(0),
//!     ..Default::default()
//! }))?;
//! assert!(checker.verdict().is_valid());
//! # Ok::<(), forebay_checkers::HistoryError>(())
//! ```

mod checker;
mod error;
mod facts;
pub mod history;
pub mod limits;
pub mod rules;
pub mod verdict;

pub use checker::Checker;
pub use error::{HistoryError, Result};
pub use verdict::{Anomaly, Verdict};
