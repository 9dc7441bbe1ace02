//! Amazon SQS, version 2012-11-05.
//!
//! | module | what it is |
//! |---|---|
//! | `operations` | what can be asked, a file for each family |
//! | `access` | whether a caller may do what it asks |
//! | `address` | queue URLs |
//! | `queues` | queues as requests name them |
//! | `definition` | a queue of SQS as a queue of the broker |
//! | `attributes`, `redrive` | attributes of queues and their rules |
//! | `message` | a message as it is sent, stored and received |
//! | `receipt` | receipt handles |
//! | `error` | every error |
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/>

mod access;
mod address;
mod attributes;
mod definition;
mod error;
pub(crate) mod message;
mod operations;
mod queues;
mod receipt;
mod redrive;

use crate::gateway::Shared;

pub(crate) use access::policy_of;
pub(crate) use operations::{OPERATIONS, call};

/// The namespace of its answers in XML.
pub(crate) const NAMESPACE: &str = "http://queue.amazonaws.com/doc/2012-11-05/";

/// What is remembered beside what the broker does.
#[derive(Debug, Default)]
pub(crate) struct Sqs {
    queues: queues::Queues,
    /// Held while what AWS knows of a queue is read, changed and written.
    altering: tokio::sync::Mutex<()>,
    /// When queues were purged and deleted last.
    recent: operations::Recent,
    /// What repeated receives were given.
    attempts: operations::Attempts,
    /// Messages that are moved out of dead-letter queues.
    move_tasks: operations::MoveTasks,
}

/// Goes on with what ran when the server ended.
pub(crate) fn resume(shared: &Shared) {
    shared.sqs.move_tasks.resume(shared);
}
