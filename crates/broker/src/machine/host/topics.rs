//! Topics among queues: a topic is a stream, in the default virtual host and of its own name unless it was declared as
//! another one. Exchanges route to it, and there is no queue of that name beside it.

use bytes::{Bytes, BytesMut};
use forebay_record::partition_of_key;
use forebay_storage::{Durability, Engine, LogReader};
use uuid::Uuid;

use super::{Cx, Host, Target};
use crate::error::AppendError;
use crate::host::{Difference, PublishError, QueueDefinition, QueueStatus, VirtualHostId};
use crate::machine::Append;
use crate::prepare::prepare;
use crate::routing::Value;
use crate::topic::Topic;

/// What clients ask for when they want a queue of some type, and the type that a topic has.
const QUEUE_TYPE: &[u8] = b"x-queue-type";
const STREAM: &[u8] = b"stream";

/// A topic as queues are shown. What was published before counts, whether it can be read yet or not.
pub(super) fn status_of_topic(topic: &Topic, engine: &Engine) -> QueueStatus {
    let held = |log: &LogReader| {
        let next = engine.next_offset(log.id()).unwrap_or_default();
        next.saturating_sub(log.start_offset())
    };
    QueueStatus {
        name: topic.queue_name(),
        ready: topic.partitions.iter().map(held).sum(),
        consumers: 0,
    }
}

/// Somebody declares a queue where a topic is.
pub(super) fn not_a_stream(queue: &QueueDefinition) -> Difference {
    Difference::Argument {
        name: Bytes::from_static(QUEUE_TYPE),
        received: queue.arguments.get(QUEUE_TYPE).map(|kind| kind.detached()),
        current: Some(Value::Bytes(Bytes::from_static(STREAM))),
    }
}

impl Host {
    /// Whether a stream cannot have this name, because a queue has it.
    pub(in crate::machine) fn has_queue(&self, vhost: VirtualHostId, name: &[u8]) -> bool {
        let names = self.names.get(&vhost);
        names.is_some_and(|names| names.queues.contains(name))
    }

    /// A topic is gone, and the bindings to it.
    pub(in crate::machine) fn topic_gone(&mut self, id: Uuid) {
        self.unbind_all(Target::Topic(id));
        self.topic_subscriptions.topic_gone(id);
    }

    /// Appends a message to a topic. Returns when it is as durable as the topic.
    pub(super) fn append_to_topic(
        &mut self,
        id: Uuid,
        key: Option<&Bytes>,
        batch: BytesMut,
        cx: &mut Cx<'_>,
    ) -> Result<Durability, PublishError> {
        // It was deleted while the message waited.
        let Some(topic) = cx.catalog.get_by_id(id) else {
            return Ok(Durability::Memory);
        };
        let partition = self.partition(key, topic.partitions.len());
        let append = Append {
            topic,
            partition,
            batch,
        };
        let prepared = prepare(append, self.now).map_err(refusal)?;
        let appended = cx.engine.append(prepared.log, prepared.batch, self.now);
        appended.map_err(super::enqueue::refusal)?;
        Ok(prepared.durability)
    }

    /// Where a message goes: by its key, or in turn.
    fn partition(&mut self, key: Option<&Bytes>, count: usize) -> i32 {
        let count = i32::try_from(count).unwrap_or(i32::MAX).max(1);
        match key {
            Some(key) => partition_of_key(key, count),
            None => {
                self.keyless = self.keyless.wrapping_add(1);
                i32::try_from(self.keyless % u64::from(count.unsigned_abs())).unwrap_or(0)
            }
        }
    }
}

fn refusal(error: AppendError) -> PublishError {
    match error {
        AppendError::TooLarge { bytes, limit } => PublishError::TooLarge { bytes, limit },
        AppendError::StorageFull => PublishError::StorageFull,
        AppendError::Failed | AppendError::UnknownPartition => PublishError::Stopped,
        error => PublishError::Topic(error.to_string()),
    }
}
