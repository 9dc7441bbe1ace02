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

mod attributes;
mod create;
mod delete;
mod find;
mod permissions;
mod tags;

use crate::gateway::Shared;
use crate::sqs::NAMESPACE;
use crate::wire::{Answer, Call, Fault, faults};

pub(super) use delete::Recent;

/// What there is, by name.
pub(crate) const OPERATIONS: [&str; 13] = [
    "AddPermission",
    "CreateQueue",
    "DeleteQueue",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "ListQueueTags",
    "ListQueues",
    "PurgeQueue",
    "RemovePermission",
    "SetQueueAttributes",
    "TagQueue",
    "UntagQueue",
];

/// Does what a request asks.
pub(crate) async fn call(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
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
        "TagQueue" => tags::tag(shared, call).await,
        "UntagQueue" => tags::untag(shared, call).await,
        _ => Err(faults::unknown_operation()),
    }
}

/// An answer with members.
fn answer(call: &Call<'_>, write: impl FnOnce(&mut Answer)) -> Vec<u8> {
    call.answer(NAMESPACE, 0, write)
}

/// An answer that says no more than that it is done.
fn done(call: &Call<'_>) -> Vec<u8> {
    call.done(NAMESPACE)
}
