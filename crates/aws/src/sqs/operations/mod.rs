//! What can be asked.
//!
//! | module | operations |
//! |---|---|
//! | `create` | CreateQueue |
//! | `find` | GetQueueUrl, ListQueues, ListDeadLetterSourceQueues |
//! | `attributes` | GetQueueAttributes, SetQueueAttributes |
//! | `delete` | DeleteQueue, PurgeQueue |
//! | `tags` | TagQueue, UntagQueue, ListQueueTags |
//! | `permissions` | AddPermission, RemovePermission |
//! | `send` | SendMessage, SendMessageBatch |
//! | `receive`, `attempts` | ReceiveMessage |
//! | `settle` | DeleteMessage, ChangeMessageVisibility, and batches of both |
//! | `move_tasks` | StartMessageMoveTask, CancelMessageMoveTask, ListMessageMoveTasks |
//! | `batch` | what all batches have in common |

mod attempts;
mod attributes;
mod batch;
mod create;
mod delete;
mod find;
mod move_tasks;
mod permissions;
mod receive;
mod send;
mod settle;
mod tags;

use crate::gateway::Shared;
use crate::sqs::NAMESPACE;
use crate::wire::{Answer, Call, Fault, Format, faults};

pub(super) use attempts::Attempts;
pub(super) use delete::Recent;
pub(super) use move_tasks::MoveTasks;
use settle::Fate;

/// What there is, by name.
pub(crate) const OPERATIONS: [&str; 23] = [
    "AddPermission",
    "CancelMessageMoveTask",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "CreateQueue",
    "DeleteMessage",
    "DeleteMessageBatch",
    "DeleteQueue",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "ListMessageMoveTasks",
    "ListQueueTags",
    "ListQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "RemovePermission",
    "SendMessage",
    "SendMessageBatch",
    "SetQueueAttributes",
    "StartMessageMoveTask",
    "TagQueue",
    "UntagQueue",
];

/// Does what a request asks.
pub(crate) async fn call(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let is_of_account = ["CreateQueue", "ListQueues"].contains(&call.operation);
    if is_of_account && call.format() == Format::Query && call.path.len() > 1 {
        // A queue is not asked for others.
        return Err(faults::invalid_action(call.operation));
    }
    match call.operation {
        "SendMessage" => send::send(shared, call).await,
        "SendMessageBatch" => send::send_batch(shared, call).await,
        "ReceiveMessage" => receive::receive(shared, call).await,
        "DeleteMessage" => settle::settle(shared, call, Fate::Deleted).await,
        "DeleteMessageBatch" => settle::settle_batch(shared, call, Fate::Deleted).await,
        "ChangeMessageVisibility" => settle::settle(shared, call, Fate::Extended).await,
        "ChangeMessageVisibilityBatch" => settle::settle_batch(shared, call, Fate::Extended).await,
        // What is seldom asked has a future of its own: else every connection had room for the largest of all.
        _ => Box::pin(manage(shared, call)).await,
    }
}

/// What is asked about queues, and not of their messages.
async fn manage(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    match call.operation {
        "AddPermission" => permissions::add(shared, call).await,
        "CreateQueue" => create::create(shared, call).await,
        "DeleteQueue" => delete::delete(shared, call).await,
        "GetQueueAttributes" => attributes::get(shared, call).await,
        "GetQueueUrl" => find::get_url(shared, call).await,
        "ListDeadLetterSourceQueues" => find::list_dead_letter_sources(shared, call).await,
        "ListQueueTags" => tags::list(shared, call).await,
        "ListQueues" => find::list(shared, call).await,
        "PurgeQueue" => delete::purge(shared, call).await,
        "RemovePermission" => permissions::remove(shared, call).await,
        "SetQueueAttributes" => attributes::set(shared, call).await,
        "StartMessageMoveTask" => move_tasks::start(shared, call).await,
        "CancelMessageMoveTask" => move_tasks::cancel(shared, call).await,
        "ListMessageMoveTasks" => move_tasks::list(shared, call).await,
        "TagQueue" => tags::tag(shared, call).await,
        "UntagQueue" => tags::untag(shared, call).await,
        _ => Err(faults::unknown_operation()),
    }
}

/// An answer with members.
fn answer(call: &Call<'_>, write: impl FnOnce(&mut Answer)) -> Vec<u8> {
    answer_of(call, 0, write)
}

/// The same, in which so many more bytes are expected than most have.
fn answer_of(call: &Call<'_>, bytes: usize, write: impl FnOnce(&mut Answer)) -> Vec<u8> {
    call.answer(NAMESPACE, bytes, write)
}

/// An answer that says no more than that it is done.
fn done(call: &Call<'_>) -> Vec<u8> {
    call.done(NAMESPACE)
}
