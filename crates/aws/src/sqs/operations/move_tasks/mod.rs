//! StartMessageMoveTask, CancelMessageMoveTask, ListMessageMoveTasks
//!
//! | module | what it is |
//! |---|---|
//! | `task` | a task, as it runs and as it is kept |
//! | `register` | the latest tasks of each queue |
//! | `mover` | what a task does |

mod mover;
mod register;
mod task;

use std::sync::Arc;

use forebay_broker::host::Peek;
use serde::Deserialize;
use uuid::Uuid;

use self::mover::Mover;
use self::register::Source;
use self::task::{Handle, Record, Status, Task};
use super::answer;
use super::find::takes_dead;
use crate::arn::Arn;
use crate::gateway::Shared;
use crate::sqs::access;
use crate::sqs::error::SqsError;
use crate::sqs::queues::{self, PlaceRef, Queue};
use crate::wire::{Call, Fault, Text};

pub(in crate::sqs) use self::register::MoveTasks;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Start<'a> {
    #[serde(borrow)]
    source_arn: Option<Text<'a>>,
    #[serde(borrow)]
    destination_arn: Option<Text<'a>>,
    max_number_of_messages_per_second: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Cancel<'a> {
    #[serde(borrow)]
    task_handle: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct List<'a> {
    #[serde(borrow)]
    source_arn: Option<Text<'a>>,
    max_results: Option<i64>,
}

/// Messages moved in a second, at most.
const RATE: std::ops::RangeInclusive<i64> = 1..=500;
/// Tasks that are listed of a queue.
const LISTED: std::ops::RangeInclusive<i64> = 1..=10;
const SOURCE_MISSING: SqsError = SqsError::ResourceNotFound(
    "The resource that you specified for the SourceArn parameter doesn't exist.",
);

pub(super) async fn start(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: Start<'_> = call.input()?;
    let source_arn = input.source_arn.as_deref();
    let source_arn = source_arn.ok_or(SqsError::MissingParameter("SourceArn"))?;
    let rate = input.max_number_of_messages_per_second;
    if let Some(rate) = rate.filter(|rate| !RATE.contains(rate)) {
        let reason = "The value must be between 1 and 500.";
        let name = "MaxNumberOfMessagesPerSecond";
        return Err(SqsError::parameter(&rate.to_string(), name, reason).into());
    }
    let source = named(shared, call, source_arn, "SourceArn").await?;
    let destination_arn = input.destination_arn.as_deref();
    if let Some(arn) = destination_arn {
        let queue = named(shared, call, arn, "DestinationArn").await;
        let queue = queue.map_err(|error| match error {
            SOURCE_MISSING => SqsError::ResourceNotFound(
                "The resource that you specified for the DestinationArn parameter doesn't exist.",
            ),
            error => error,
        })?;
        if queue.definition.is_fifo != source.definition.is_fifo {
            let reason = "Destination queue must be same type of queue as the source.";
            return Err(SqsError::parameter(arn, "DestinationArn", reason).into());
        }
        if queue.namespace != source.namespace {
            let reason = "Destination queue must be in the account and region of the source.";
            return Err(SqsError::parameter(arn, "DestinationArn", reason).into());
        }
    }
    if !takes_dead(&source).await? {
        let message = "Source queue must be configured as a Dead Letter Queue.";
        return Err(SqsError::InvalidParameterValue(message.to_owned()).into());
    }
    let described = source.host.queue(source.name.clone()).await;
    let described = described.map_err(SqsError::from)?.ok_or(SOURCE_MISSING)?;
    let end = Peek {
        queue: source.name.clone(),
        from: 0,
        below: u64::MAX,
        limit: 1,
    };
    let below = source.host.peek(end).await.map_err(SqsError::from)?.end;
    let task = Arc::new(Task::new(Record {
        id: Uuid::from_bytes(shared.broker.random()).to_string(),
        source: source_arn.to_owned(),
        destination: destination_arn.map(str::to_owned),
        rate,
        started_ms: shared.broker.now().wall_ms,
        to_move: i64::try_from(described.counters.ready).unwrap_or(i64::MAX),
        below,
        moved: 0,
        status: Status::Running,
        failure: None,
    }));
    let tasks = &shared.sqs.move_tasks;
    let place = place_of(&source);
    if !tasks.add(shared, &place, &task) {
        return Err(SqsError::UnsupportedOperation(
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        )
        .into());
    }
    if let Err(error) = tasks.keep(&shared.broker, &place).await {
        tasks.remove(&place, &task);
        return Err(SqsError::from(error).into());
    }
    Mover::start(shared, place, Arc::clone(&task));
    let handle = task.handle();
    Ok(answer(call, |answer| answer.text("TaskHandle", &handle)))
}

pub(super) async fn cancel(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: Cancel<'_> = call.input()?;
    let text = input.task_handle.as_deref();
    let text = text.ok_or(SqsError::MissingParameter("TaskHandle"))?;
    let handle = Handle::read(text).ok_or_else(|| {
        SqsError::InvalidParameterValue(format!(
            "Value {text} for parameter TaskHandle is invalid."
        ))
    })?;
    let source = place_of(&*named(shared, call, &handle.source_arn, "TaskHandle").await?);
    let mut tasks = shared.sqs.move_tasks.of(shared, &source).into_iter();
    let task = tasks.find(|task| task.id() == handle.task_id);
    let task = task.ok_or(SqsError::ResourceNotFound("Task does not exist."))?;
    if !task.cancel() {
        let message = "Only active tasks can be cancelled.";
        return Err(SqsError::UnsupportedOperation(message).into());
    }
    let kept = shared.sqs.move_tasks.keep(&shared.broker, &source).await;
    kept.map_err(SqsError::from)?;
    let moved = task.record().moved;
    Ok(answer(call, |answer| {
        answer.number("ApproximateNumberOfMessagesMoved", moved);
    }))
}

pub(super) async fn list(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: List<'_> = call.input()?;
    let source_arn = input.source_arn.as_deref();
    let source_arn = source_arn.ok_or(SqsError::MissingParameter("SourceArn"))?;
    let limit = input.max_results.unwrap_or(1);
    if !LISTED.contains(&limit) {
        let reason = "MaxResults must be between 1 and 10.";
        return Err(SqsError::parameter(&limit.to_string(), "MaxResults", reason).into());
    }
    let source = place_of(&*named(shared, call, source_arn, "SourceArn").await?);
    let mut tasks = shared.sqs.move_tasks.of(shared, &source);
    tasks.truncate(usize::try_from(limit).unwrap_or(1));
    const ENTRY: &str = "ListMessageMoveTasksResultEntry";
    Ok(answer(call, |answer| {
        answer.list("Results", ENTRY, tasks, |answer, task| {
            let record = task.record();
            // Only who can cancel it needs its handle.
            if record.status == Status::Running {
                answer.text("TaskHandle", &task.handle());
            }
            answer.text("Status", record.status.name());
            answer.text("SourceArn", &record.source);
            answer.optional_text("DestinationArn", record.destination.as_deref());
            if let Some(rate) = record.rate {
                answer.number("MaxNumberOfMessagesPerSecond", rate);
            }
            answer.number("ApproximateNumberOfMessagesMoved", record.moved);
            answer.number("ApproximateNumberOfMessagesToMove", record.to_move);
            answer.optional_text("FailureReason", record.failure.as_deref());
            answer.number("StartedTimestamp", record.started_ms);
        });
    }))
}

fn place_of(queue: &Queue) -> Source {
    Source {
        host: queue.host.id(),
        queue: queue.name().to_owned(),
    }
}

/// The queue of an ARN.
async fn named(
    shared: &Shared,
    call: &Call<'_>,
    text: &str,
    parameter: &str,
) -> Result<Arc<Queue>, SqsError> {
    let arn = text.parse::<Arn>().ok().filter(|arn| arn.service == "sqs");
    let arn = arn.ok_or_else(|| {
        let reason =
            "You must use this format to specify the ARN: arn:aws:sqs:<region>:<account>:<queue>";
        SqsError::parameter(text, parameter, reason)
    })?;
    let place = PlaceRef {
        account: &arn.account,
        region: &arn.region,
        name: &arn.resource,
    };
    access::check(shared, call, place).await?;
    let found = queues::at(shared, place).await;
    found.map_err(|error| match error {
        SqsError::QueueDoesNotExist => SOURCE_MISSING,
        error => error,
    })
}
