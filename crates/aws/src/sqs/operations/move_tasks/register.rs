//! The latest tasks of each queue, in memory and as parameters of the broker: what ran when the server ended goes on when
//! it is there again. What a task has moved is kept now and then, so that after that it may have moved more than it says.

use std::collections::HashMap;
use std::sync::Arc;

use forebay_broker::Broker;
use forebay_broker::access::{AccessChange, AccessError, Parameter};
use forebay_broker::host::VirtualHostId;
use parking_lot::Mutex;

use super::LISTED;
use super::mover::Mover;
use super::task::{Record, Task};
use crate::gateway::Shared;

/// The component of the parameters: one a queue, with a list of its tasks.
const COMPONENT: &str = "sqs-move-tasks";

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source {
    pub(super) host: VirtualHostId,
    pub(super) queue: String,
}

/// All tasks.
#[derive(Clone, Debug, Default)]
pub(in crate::sqs) struct MoveTasks(Arc<Tasks>);

#[derive(Debug, Default)]
struct Tasks {
    /// The newest first. None before they were read.
    of_queues: Mutex<Option<HashMap<Source, Vec<Arc<Task>>>>>,
    /// Held while they are written, so that what is written last is the latest.
    writing: tokio::sync::Mutex<()>,
}

impl MoveTasks {
    /// Those of a queue, the newest first.
    pub(super) fn of(&self, shared: &Shared, source: &Source) -> Vec<Arc<Task>> {
        self.with(shared, |of_queues| {
            of_queues.get(source).cloned().unwrap_or_default()
        })
    }

    /// Takes note of a task that is to begin. False if there is one already.
    pub(super) fn add(&self, shared: &Shared, source: &Source, task: &Arc<Task>) -> bool {
        self.with(shared, |of_queues| {
            let tasks = of_queues.entry(source.clone()).or_default();
            if tasks.iter().any(|task| task.is_active()) {
                return false;
            }
            tasks.insert(0, Arc::clone(task));
            tasks.truncate(usize::try_from(*LISTED.end()).unwrap_or(1));
            true
        })
    }

    /// A task did not begin.
    pub(super) fn remove(&self, source: &Source, task: &Task) {
        let mut of_queues = self.0.of_queues.lock();
        if let Some(tasks) = of_queues.as_mut().and_then(|all| all.get_mut(source)) {
            tasks.retain(|other| other.id() != task.id());
        }
    }

    /// Forgets those of a queue that is no more.
    pub(in crate::sqs) async fn forget(
        &self,
        shared: &Shared,
        host: VirtualHostId,
        queue: &str,
    ) -> Result<(), AccessError> {
        let queue = queue.to_owned();
        let source = Source { host, queue };
        let had_any = self.with(shared, |of_queues| of_queues.remove(&source).is_some());
        match had_any {
            true => self.keep(&shared.broker, &source).await,
            false => Ok(()),
        }
    }

    /// Goes on with what ran when the server ended.
    pub(in crate::sqs) fn resume(&self, shared: &Shared) {
        self.with(shared, |_| ());
    }

    /// Writes down the tasks of a queue as they are now.
    pub(super) async fn keep(&self, broker: &Broker, source: &Source) -> Result<(), AccessError> {
        let _one = self.0.writing.lock().await;
        let directory = broker.directory();
        let Some(host) = directory.name_of(source.host) else {
            // It took its parameters with it.
            return Ok(());
        };
        let parameter = Parameter {
            component: Some(COMPONENT.to_owned()),
            virtual_host: Some(host.to_owned()),
            name: source.queue.clone(),
        };
        let records = {
            let of_queues = self.0.of_queues.lock();
            let tasks = of_queues.as_ref().and_then(|all| all.get(source));
            tasks.map(|tasks| tasks.iter().map(|task| task.record()).collect::<Vec<_>>())
        };
        let change = match records {
            None => AccessChange::DeleteParameter { parameter },
            Some(records) => AccessChange::PutParameter {
                parameter,
                value: serde_json::to_string(&records).expect("a record is JSON"),
            },
        };
        broker.change_access(vec![change]).await
    }

    fn with<T>(
        &self,
        shared: &Shared,
        then: impl FnOnce(&mut HashMap<Source, Vec<Arc<Task>>>) -> T,
    ) -> T {
        let mut of_queues = self.0.of_queues.lock();
        then(of_queues.get_or_insert_with(|| self.read(shared)))
    }

    /// Reads what was kept, and has those go on that ran.
    fn read(&self, shared: &Shared) -> HashMap<Source, Vec<Arc<Task>>> {
        let directory = shared.broker.directory();
        let mut of_queues = HashMap::new();
        let all = directory.parameters();
        for (parameter, value) in
            all.filter(|(parameter, _)| parameter.component.as_deref() == Some(COMPONENT))
        {
            let host = parameter.virtual_host.as_deref();
            let host = host.and_then(|name| directory.virtual_host(name));
            let records = serde_json::from_str::<Vec<Record>>(value);
            let (Some(host), Ok(records)) = (host, records) else {
                continue;
            };
            let queue = parameter.name.clone();
            let source = Source {
                host: host.id,
                queue,
            };
            let tasks: Vec<_> = records.into_iter().map(Task::new).map(Arc::new).collect();
            for task in tasks.iter().filter(|task| task.is_active()) {
                tracing::info!(source = task.source(), "a message move task goes on");
                Mover::start(shared, source.clone(), Arc::clone(task));
            }
            of_queues.insert(source, tasks);
        }
        of_queues
    }
}
