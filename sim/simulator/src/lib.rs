//! Deterministic simulation of the broker: the real storage engine and the real broker on a simulated
//! disk, clock and scheduler, all driven by one seed.
//!
//! A run is several lives of one broker on one disk. In each life producers, consumers, group members
//! and an administrator use it at the same time, the disk takes its time, fails and fills, and at some
//! moment the process is killed or the power is cut, in the middle of whatever is going on. The next
//! life begins with a look at everything ([`verify`]): nothing that was promised may be missing.
//!
//! | module | what it is |
//! |---|---|
//! | [`simulation`] | a run |
//! | [`plan`] | what a seed does and leaves out |
//! | [`schedule`] | who runs when; time |
//! | [`disk`] | the disk with its delays and its deaths |
//! | [`damage`] | bits that flip |
//! | [`actors`] | clients and saboteurs |
//! | [`ledger`] | the promises, and the checks |
//! | [`queues`] | the queues that there are |
//! | [`inventory`] | the look into all queues |
//! | [`exhaustive`] | one workload, cut at every change of its disk |
//! | [`report`] | what runs did |
//! | [`trace`] | the digest that two runs of a seed share |

pub mod actors;
mod clients;
pub mod context;
pub mod damage;
pub mod disk;
pub mod exhaustive;
mod failure;
mod forwarding;
pub mod inventory;
pub mod ledger;
mod messages;
pub mod plan;
pub mod queues;
pub mod random;
mod records;
pub mod report;
pub mod schedule;
pub mod simulation;
pub mod trace;
pub mod verify;

pub use disk::ChangePoint;
pub use ledger::Death;
pub use report::Report;
pub use simulation::{Cut, Keep, Request, run};
