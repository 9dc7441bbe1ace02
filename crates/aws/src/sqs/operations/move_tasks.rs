//! StartMessageMoveTask, CancelMessageMoveTask, ListMessageMoveTasks
//!
//! A task belongs to the process: it ends with it. Messages are moved one batch after the other, each of them in exactly
//! one place at any time, so what was moved stays so, and a task that is started again goes on.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use forebay_broker::host::{HostError, Part, Peek, Redrive, RedriveTarget, VirtualHost};
use forebay_broker::queue::Place;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::answer;
use crate::arn::Arn;
use crate::gateway::Shared;
use crate::limits;
use crate::sqs::definition::Definition;
use crate::sqs::error::SqsError;
use crate::sqs::queues::{self, PlaceRef, Queue};
use crate::wire::{Call, Fault, Text};

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

/// What a task handle says, as JSON in Base64.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Handle {
    task_id: String,
    source_arn: String,
}

/// Messages moved in a second, at most.
const RATE: std::ops::RangeInclusive<i64> = 1..=500;
/// Tasks that are listed of a queue.
const LISTED: std::ops::RangeInclusive<i64> = 1..=10;
/// How long a task waits when the journal has no room.
const BUSY_PAUSE: Duration = Duration::from_millis(50);
const SOURCE_MISSING: SqsError = SqsError::ResourceNotFound(
    "The resource that you specified for the SourceArn parameter doesn't exist.",
);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Running,
    Cancelling,
    Completed,
    Cancelled,
    Failed,
}

impl Status {
    const ALL: [Self; 5] = [
        Self::Running,
        Self::Cancelling,
        Self::Completed,
        Self::Cancelled,
        Self::Failed,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Cancelling => "CANCELLING",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
        }
    }
}

#[derive(Debug)]
struct Task {
    id: String,
    source: String,
    destination: Option<String>,
    rate: Option<i64>,
    started_ms: i64,
    to_move: i64,
    moved: AtomicI64,
    status: AtomicU8,
    failure: Mutex<Option<String>>,
}

impl Task {
    fn status(&self) -> Status {
        Status::ALL[usize::from(self.status.load(Ordering::Acquire))]
    }

    fn set(&self, status: Status) {
        self.status.store(status as u8, Ordering::Release);
    }

    fn is_active(&self) -> bool {
        matches!(self.status(), Status::Running | Status::Cancelling)
    }

    fn handle(&self) -> String {
        let handle = Handle {
            task_id: self.id.clone(),
            source_arn: self.source.clone(),
        };
        STANDARD.encode(serde_json::to_vec(&handle).unwrap_or_default())
    }
}

/// The latest tasks of each queue, the newest first.
#[derive(Debug, Default)]
pub(in crate::sqs) struct MoveTasks(Mutex<HashMap<String, Vec<Arc<Task>>>>);

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
    let target = match destination_arn {
        None => RedriveTarget::Source,
        Some(arn) => {
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
            RedriveTarget::Queue(queue.name.clone())
        }
    };
    if !takes_dead(&source).await? {
        let message = "Source queue must be configured as a Dead Letter Queue.";
        return Err(SqsError::InvalidParameterValue(message.to_owned()).into());
    }
    let described = source.host.queue(source.name.clone()).await;
    let described = described.map_err(SqsError::from)?.ok_or(SOURCE_MISSING)?;
    let task = Arc::new(Task {
        id: Uuid::from_bytes(shared.broker.random()).to_string(),
        source: source_arn.to_owned(),
        destination: destination_arn.map(str::to_owned),
        rate,
        started_ms: shared.broker.now().wall_ms,
        to_move: i64::try_from(described.counters.ready).unwrap_or(i64::MAX),
        moved: AtomicI64::new(0),
        status: AtomicU8::new(Status::Running as u8),
        failure: Mutex::new(None),
    });
    {
        let mut tasks = shared.sqs.move_tasks.0.lock();
        let of_queue = tasks.entry(source_arn.to_owned()).or_default();
        if of_queue.iter().any(|task| task.is_active()) {
            return Err(SqsError::UnsupportedOperation(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given \
                 time.",
            )
            .into());
        }
        of_queue.insert(0, Arc::clone(&task));
        of_queue.truncate(usize::try_from(*LISTED.end()).unwrap_or(1));
    }
    let mover = Mover {
        host: source.host.clone(),
        queue: source.name.clone(),
        target,
        task: Arc::clone(&task),
        disk_reads: Arc::clone(&shared.disk_reads),
    };
    tokio::spawn(mover.run());
    let handle = task.handle();
    Ok(answer(call, |answer| answer.text("TaskHandle", &handle)))
}

pub(super) async fn cancel(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: Cancel<'_> = call.input()?;
    let text = input.task_handle.as_deref();
    let text = text.ok_or(SqsError::MissingParameter("TaskHandle"))?;
    let decoded = STANDARD.decode(text).ok();
    let handle = decoded.and_then(|bytes| serde_json::from_slice::<Handle>(&bytes).ok());
    let handle = handle.ok_or_else(|| {
        SqsError::InvalidParameterValue(format!(
            "Value {text} for parameter TaskHandle is invalid."
        ))
    })?;
    named(shared, call, &handle.source_arn, "TaskHandle").await?;
    let task = {
        let tasks = shared.sqs.move_tasks.0.lock();
        let of_queue = tasks.get(&handle.source_arn).into_iter().flatten();
        let mut found = of_queue.filter(|task| task.id == handle.task_id);
        found.next().cloned()
    };
    let task = task.ok_or(SqsError::ResourceNotFound("Task does not exist."))?;
    let (running, cancelling) = (Status::Running as u8, Status::Cancelling as u8);
    let order = Ordering::AcqRel;
    let was_running = task
        .status
        .compare_exchange(running, cancelling, order, Ordering::Acquire);
    if was_running.is_err() {
        let message = "Only active tasks can be cancelled.";
        return Err(SqsError::UnsupportedOperation(message).into());
    }
    let moved = task.moved.load(Ordering::Relaxed);
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
    named(shared, call, source_arn, "SourceArn").await?;
    let tasks = {
        let tasks = shared.sqs.move_tasks.0.lock();
        let of_queue = tasks.get(source_arn).into_iter().flatten();
        let limit = usize::try_from(limit).unwrap_or(1);
        of_queue.take(limit).cloned().collect::<Vec<_>>()
    };
    const ENTRY: &str = "ListMessageMoveTasksResultEntry";
    Ok(answer(call, |answer| {
        answer.list("Results", ENTRY, tasks, |answer, task| {
            let status = task.status();
            // Only who can cancel it needs its handle.
            if status == Status::Running {
                answer.text("TaskHandle", &task.handle());
            }
            answer.text("Status", status.name());
            answer.text("SourceArn", &task.source);
            answer.optional_text("DestinationArn", task.destination.as_deref());
            if let Some(rate) = task.rate {
                answer.number("MaxNumberOfMessagesPerSecond", rate);
            }
            let moved = task.moved.load(Ordering::Relaxed);
            answer.number("ApproximateNumberOfMessagesMoved", moved);
            answer.number("ApproximateNumberOfMessagesToMove", task.to_move);
            answer.optional_text("FailureReason", task.failure.lock().as_deref());
            answer.number("StartedTimestamp", task.started_ms);
        });
    }))
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
        account: queues::account(shared, call, Some(&arn.account))?,
        region: &arn.region,
        name: &arn.resource,
    };
    let found = queues::at(shared, place).await;
    found.map_err(|error| match error {
        SqsError::QueueDoesNotExist => SOURCE_MISSING,
        error => error,
    })
}

/// Whether any queue's dead go there.
async fn takes_dead(queue: &Queue) -> Result<bool, SqsError> {
    let arn = queue.arn();
    let mut after = None;
    loop {
        let part = Part {
            after: after.take(),
            limit: limits::INSPECTED_AT_ONCE,
        };
        let described = queue.host.queues(part).await?;
        let Some(last) = described.last() else {
            return Ok(false);
        };
        after = Some(last.definition.name.clone());
        let goes_there = described.iter().any(|source| {
            let policy = Definition::of(&source.definition).redrive_policy();
            policy.is_ok_and(|policy| policy.is_some_and(|policy| policy.target == arn))
        });
        if goes_there {
            return Ok(true);
        }
    }
}

/// Moves messages until there are none.
struct Mover {
    host: VirtualHost,
    queue: Bytes,
    target: RedriveTarget,
    task: Arc<Task>,
    disk_reads: Arc<Semaphore>,
}

impl Mover {
    async fn run(self) {
        let ended = self.walk().await;
        match ended {
            Ok(()) if self.task.status() == Status::Cancelling => self.task.set(Status::Cancelled),
            Ok(()) => self.task.set(Status::Completed),
            Err(why) => {
                tracing::warn!(source = self.task.source, why, "a message move task failed");
                *self.task.failure.lock() = Some(why);
                self.task.set(Status::Failed);
            }
        }
    }

    /// From the oldest message to the one that was the last when it began.
    async fn walk(&self) -> Result<(), String> {
        let said = |error: HostError| match error {
            // By its code, as AWS has it.
            HostError::NoQueue(_) => SqsError::QueueDoesNotExist.entry_code().to_owned(),
            error => error.to_string(),
        };
        let mut from = 0;
        let mut below = u64::MAX;
        // With a rate, so many in a second; a task without one moves as fast as it goes.
        let (limit, pause) = match self.task.rate {
            Some(rate) => (usize::try_from(rate).unwrap_or(1), Duration::from_secs(1)),
            None => (limits::MOVED_AT_ONCE, Duration::ZERO),
        };
        while self.task.status() == Status::Running {
            let peek = Peek {
                queue: self.queue.clone(),
                from,
                below,
                limit,
            };
            let peeked = self.host.peek(peek).await.map_err(said)?;
            below = below.min(peeked.end);
            let Some(last) = peeked.standings.last() else {
                return Ok(());
            };
            let next = last.offset + 1;
            let permit = Arc::clone(&self.disk_reads).acquire_owned().await;
            let _permit = permit.map_err(|_| "the server is stopping")?;
            let read =
                tokio::task::spawn_blocking(move || peeked.read(limits::MOVED_BYTES_AT_ONCE));
            let read = read.await.map_err(|error| error.to_string())?;
            let read = read.map_err(|error| error.to_string())?;
            let next = read.next.unwrap_or(next);
            let ready = read.messages.into_iter();
            let ready = ready.filter(|(standing, _)| standing.place == Place::Ready);
            let messages: Vec<_> = ready.map(|(_, message)| message).collect();
            if messages.is_empty() {
                from = next;
                continue;
            }
            let redrive = Redrive {
                queue: self.queue.clone(),
                messages,
                to: self.target.clone(),
            };
            let redriven = self.host.redrive(redrive).await.map_err(said)?;
            let moved = i64::try_from(redriven.moved).unwrap_or(i64::MAX);
            self.task.moved.fetch_add(moved, Ordering::Relaxed);
            from = redriven.stopped_at.unwrap_or(next);
            if redriven.stopped_at.is_some() {
                tokio::time::sleep(BUSY_PAUSE).await;
            } else if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(())
    }
}
