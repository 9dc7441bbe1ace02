//! A message move task, as it runs and as it is kept.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forebay_broker::host::RedriveTarget;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::arn::Arn;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Status {
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

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Cancelling => "CANCELLING",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
        }
    }
}

/// What is kept of a task, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: String,
    /// The ARN of the queue that messages are moved out of.
    pub(super) source: String,
    /// That of the queue that they are moved to. None: each to where it died.
    pub(super) destination: Option<String>,
    /// Messages in a second.
    pub(super) rate: Option<i64>,
    pub(super) started_ms: i64,
    pub(super) to_move: i64,
    /// Messages from this offset on came in later, and stay.
    pub(super) below: u64,
    pub(super) moved: i64,
    pub(super) status: Status,
    pub(super) failure: Option<String>,
}

/// A task, shared by who moves and who asks.
#[derive(Debug)]
pub(super) struct Task {
    /// As it was when it was kept last, or began.
    began: Record,
    moved: AtomicI64,
    status: AtomicU8,
    failure: Mutex<Option<String>>,
}

/// What a task handle says, as JSON in Base64.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Handle {
    pub(super) task_id: String,
    pub(super) source_arn: String,
}

impl Handle {
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()
    }
}

impl Task {
    pub(super) fn new(record: Record) -> Self {
        Self {
            moved: AtomicI64::new(record.moved),
            status: AtomicU8::new(record.status as u8),
            failure: Mutex::new(record.failure.clone()),
            began: record,
        }
    }

    /// As it is now.
    pub(super) fn record(&self) -> Record {
        Record {
            moved: self.moved.load(Ordering::Relaxed),
            status: self.status(),
            failure: self.failure.lock().clone(),
            ..self.began.clone()
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.began.id
    }

    pub(super) fn source(&self) -> &str {
        &self.began.source
    }

    pub(super) fn rate(&self) -> Option<i64> {
        self.began.rate
    }

    pub(super) fn below(&self) -> u64 {
        self.began.below
    }

    /// Where its messages go.
    pub(super) fn target(&self) -> RedriveTarget {
        let destination = self.began.destination.as_ref();
        match destination.and_then(|arn| arn.parse::<Arn>().ok()) {
            Some(arn) => RedriveTarget::Queue(arn.resource.into()),
            None => RedriveTarget::Source,
        }
    }

    pub(super) fn status(&self) -> Status {
        Status::ALL[usize::from(self.status.load(Ordering::Acquire))]
    }

    pub(super) fn is_active(&self) -> bool {
        matches!(self.status(), Status::Running | Status::Cancelling)
    }

    /// Has it end after what it is moving. Returns whether it was running.
    pub(super) fn cancel(&self) -> bool {
        let (running, cancelling) = (Status::Running as u8, Status::Cancelling as u8);
        let order = Ordering::AcqRel;
        self.status
            .compare_exchange(running, cancelling, order, Ordering::Acquire)
            .is_ok()
    }

    /// It went through all messages, or to where it was cancelled.
    pub(super) fn finish(&self) {
        let status = match self.status() {
            Status::Cancelling => Status::Cancelled,
            _ => Status::Completed,
        };
        self.status.store(status as u8, Ordering::Release);
    }

    pub(super) fn fail(&self, why: String) {
        *self.failure.lock() = Some(why);
        self.status.store(Status::Failed as u8, Ordering::Release);
    }

    pub(super) fn count(&self, moved: u64) {
        let moved = i64::try_from(moved).unwrap_or(i64::MAX);
        self.moved.fetch_add(moved, Ordering::Relaxed);
    }

    pub(super) fn handle(&self) -> String {
        let handle = Handle {
            task_id: self.id().to_owned(),
            source_arn: self.source().to_owned(),
        };
        STANDARD.encode(serde_json::to_vec(&handle).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(status: Status) -> Record {
        Record {
            id: "7".to_owned(),
            source: "arn:aws:sqs:us-east-1:000000000000:dead".to_owned(),
            destination: Some("arn:aws:sqs:us-east-1:000000000000:jobs".to_owned()),
            rate: Some(5),
            started_ms: 1_700_000_000_000,
            to_move: 9,
            below: 12,
            moved: 4,
            status,
            failure: None,
        }
    }

    #[test]
    fn what_is_kept_of_a_task_is_the_task_again() {
        for status in Status::ALL {
            let kept = serde_json::to_string(&Task::new(record(status)).record()).unwrap();
            assert!(kept.contains(&format!("\"{}\"", status.name())), "{kept}");
            let task = Task::new(serde_json::from_str(&kept).unwrap());
            assert_eq!(task.record(), record(status));
            assert_eq!(task.target(), RedriveTarget::Queue("jobs".into()));
        }
    }

    #[test]
    fn only_a_task_that_runs_is_cancelled() {
        let task = Task::new(record(Status::Running));
        task.count(3);
        assert!(task.cancel());
        assert!(!task.cancel());
        task.finish();
        let ended = task.record();
        assert_eq!((ended.status, ended.moved), (Status::Cancelled, 7));
        let task = Task::new(record(Status::Running));
        task.finish();
        assert!(!task.cancel());
        assert_eq!(task.status(), Status::Completed);
    }

    #[test]
    fn a_handle_names_its_task() {
        let handle = Handle::read(&Task::new(record(Status::Running)).handle()).unwrap();
        assert_eq!(handle.task_id, "7");
        assert!(Handle::read("garbage").is_none());
    }
}
