//! One queue's subscription to one topic.

use std::ops::Range;
use std::sync::Arc;

use forebay_record::{Batch, Batches, Records};
use forebay_storage::{LogReader, Observer, Read, ReadError, Watch};
use tokio::sync::oneshot;

use super::message::{Source, message};
use super::news::{News, Next};
use super::{ForwardMetrics, Shared};
use crate::host::{FollowedTopic, Forward, Forwarded, ForwardedMessage, HostError, StoredMessage};
use crate::limits::{
    BATCH_DECOMPRESSED_BYTES_MAX, FORWARD_READ_BYTES, FORWARD_RETRY_PAUSE, FORWARDED_BYTES_MAX,
    FORWARDED_MESSAGE_BYTES_MAX, FORWARDED_MESSAGES_MAX,
};
use crate::options::BrokerOptions;
use crate::topic::Topic;

/// Follows one topic for one queue.
#[derive(Debug)]
pub(super) struct Follower {
    shared: Arc<Shared>,
    followed: FollowedTopic,
    news: Arc<News>,
    partitions: Vec<Partition>,
}

/// What is known of a partition.
#[derive(Debug)]
struct Partition {
    log: LogReader,
    /// Where the subscription is, once that is known.
    position: Option<u64>,
    /// What tells that it grew.
    _watch: Watch,
}

/// There is nothing to follow any more.
#[derive(Debug)]
struct Ended;

/// Records that a queue is given at once.
#[derive(Debug, Default)]
struct Part {
    messages: Vec<ForwardedMessage>,
    bytes: usize,
    /// Where the subscription is when it has them.
    next: u64,
}

/// What a read brought.
type Brought = Result<Vec<Part>, ReadError>;

impl Follower {
    pub(super) fn new(shared: Arc<Shared>, followed: FollowedTopic, news: Arc<News>) -> Self {
        news.look_again();
        Self {
            shared,
            followed,
            news,
            partitions: Vec::new(),
        }
    }

    /// Follows the topic until the subscription or the broker ends.
    pub(super) async fn follow(mut self) {
        while self.step().await.is_ok() {}
    }

    async fn step(&mut self) -> Result<(), Ended> {
        let next = self.news.next().await;
        let catalog = self.shared.broker.catalog();
        let topic = catalog.get_by_id(self.followed.topic).ok_or(Ended)?;
        match next {
            Next::End => Err(Ended),
            Next::Look => {
                self.watch(&topic);
                Ok(())
            }
            Next::Partition(partition) => self.read(&topic, partition).await,
        }
    }

    /// Watches the partitions that are new.
    fn watch(&mut self, topic: &Topic) {
        let observer: Arc<dyn Observer> = Arc::<News>::clone(&self.news);
        let new = topic.partitions.iter().enumerate();
        for (index, log) in new.skip(self.partitions.len()) {
            let partition = Partition {
                log: log.clone(),
                position: None,
                _watch: log.watch(index as u64, &observer),
            };
            self.partitions.push(partition);
            self.news.partition(index as u64);
        }
    }

    /// Gives the queue what one read of a partition brings.
    async fn read(&mut self, topic: &Topic, index: u64) -> Result<(), Ended> {
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        let Some(partition) = self.partitions.get(at) else {
            return Ok(());
        };
        let (log, position) = (partition.log.clone(), partition.position);
        if log.is_deleted() {
            return Err(Ended);
        }
        let Some(from) = position else {
            self.find(at).await?;
            self.news.partition(index);
            return Ok(());
        };
        let brought = {
            let permit = self.shared.reads.acquire().await.map_err(|_| Ended)?;
            let brought = self.brought(topic, index, log.clone(), from).await;
            drop(permit);
            brought.ok_or(Ended)?
        };
        match brought {
            Ok(parts) => self.give(at, from, parts).await?,
            // Retention was quicker.
            Err(ReadError::OutOfRange { start, .. }) if from < start => {
                self.skip(topic, at, from..start).await?;
            }
            Err(ReadError::Deleted) => return Err(Ended),
            Err(error) => {
                let topic = &topic.name;
                tracing::error!(%topic, partition = index, offset = from, %error, "records cannot be read for a queue");
                self.pause().await;
                self.news.partition(index);
            }
        }
        let partition = &self.partitions[at];
        let end = partition.log.end_offset();
        if partition.position.is_none_or(|position| position < end) {
            self.news.partition(index);
        }
        Ok(())
    }

    /// Reads where it may wait for the disk. None if whoever does that is gone.
    async fn brought(
        &self,
        topic: &Topic,
        partition: u64,
        log: LogReader,
        from: u64,
    ) -> Option<Brought> {
        let (done, asked) = oneshot::channel();
        let broker = self.shared.broker.clone();
        let (topic, queue) = (topic.name.clone(), self.followed.queue.clone());
        let work = move || {
            let source = Source {
                topic: topic.as_str(),
                partition: u32::try_from(partition).unwrap_or(u32::MAX),
                queue: &queue,
            };
            // Nobody may wait for it any more.
            let _ = done.send(read(&log, from, source, &broker));
        };
        self.shared.world.block(Box::new(work));
        asked.await.ok()
    }

    /// Asks where the subscription is, by going nowhere.
    async fn find(&mut self, at: usize) -> Result<(), Ended> {
        let (room, _) = oneshot::channel();
        self.forward(at, 0..0, Vec::new(), room).await.map(drop)
    }

    /// Gives the queue what was read, a part after the other.
    async fn give(&mut self, at: usize, mut from: u64, parts: Vec<Part>) -> Result<(), Ended> {
        for part in parts {
            let (count, offsets) = (part.messages.len() as u64, from..part.next);
            let (room, has_room) = oneshot::channel();
            let Some(forwarded) = self.forward(at, offsets, part.messages, room).await? else {
                return Ok(());
            };
            from = part.next;
            if forwarded.position != from {
                if forwarded.is_full {
                    // Either it has room, or it is gone, which the next question tells.
                    let _ = has_room.await;
                }
                return Ok(());
            }
            self.metrics().messages.add(count);
        }
        Ok(())
    }

    /// Goes on where the log begins now.
    async fn skip(&mut self, topic: &Topic, at: usize, gone: Range<u64>) -> Result<(), Ended> {
        let (room, _) = oneshot::channel();
        let forwarded = self.forward(at, gone.clone(), Vec::new(), room).await?;
        if forwarded.is_some_and(|forwarded| forwarded.position == gone.end) {
            let (topic, skipped) = (&topic.name, gone.end - gone.start);
            let queue = String::from_utf8_lossy(&self.followed.queue);
            tracing::warn!(%topic, partition = at, queue = %queue, skipped, "retention was quicker than a queue");
            self.metrics().skipped.add(skipped);
        }
        Ok(())
    }

    /// Asks the broker to take messages in. None if the medium is full; then some time has passed.
    async fn forward(
        &mut self,
        at: usize,
        offsets: Range<u64>,
        messages: Vec<ForwardedMessage>,
        room: oneshot::Sender<()>,
    ) -> Result<Option<Forwarded>, Ended> {
        let forward = Forward {
            subscription: self.followed.id,
            partition: u32::try_from(at).unwrap_or(u32::MAX),
            from: offsets.start,
            next: offsets.end,
            messages,
            room,
        };
        match self.shared.broker.give_forward(forward).await {
            Ok(forwarded) => {
                self.partitions[at].position = Some(forwarded.position);
                Ok(Some(forwarded))
            }
            Err(HostError::StorageFull) => {
                let mut full = self.shared.broker.watch_full();
                full.wait_for(|full| !full).await.map_err(|_| Ended)?;
                self.pause().await;
                Ok(None)
            }
            Err(_) => Err(Ended),
        }
    }

    async fn pause(&self) {
        if !self.news.has_ended() {
            self.shared.world.pause(FORWARD_RETRY_PAUSE).await;
        }
    }

    fn metrics(&self) -> &ForwardMetrics {
        self.shared.broker.forward_metrics()
    }
}

/// Reads batches, and makes messages of their records. Blocks.
fn read(log: &LogReader, from: u64, source: Source<'_>, broker: &crate::Broker) -> Brought {
    let batches = log
        .read(from, FORWARD_READ_BYTES, true)
        .and_then(Read::run)?;
    let mut parts = Parts {
        from,
        source,
        options: broker.options(),
        done: Vec::new(),
        current: Part::default(),
        left_out: 0,
    };
    for bytes in &batches.parts {
        for batch in Batches::new(bytes) {
            // Its frame was looked at when it came in.
            let Ok(batch) = batch else { break };
            parts.add(&batch);
        }
    }
    let metrics = broker.forward_metrics();
    metrics.left_out.add(parts.left_out);
    Ok(parts.finish(batches.next))
}

/// Messages on their way into parts.
struct Parts<'a> {
    from: u64,
    source: Source<'a>,
    options: &'a BrokerOptions,
    done: Vec<Part>,
    current: Part,
    left_out: u64,
}

impl Parts<'_> {
    fn add(&mut self, batch: &Batch<'_>) {
        let header = batch.header();
        if header.is_control() {
            return;
        }
        let Ok(records) = batch.records(BATCH_DECOMPRESSED_BYTES_MAX) else {
            self.leave_out(header.base_offset, "a batch that does not open");
            return;
        };
        let count = usize::try_from(header.record_count).unwrap_or(0);
        for record in Records::new(records.body(), count) {
            let Ok(record) = record else {
                self.leave_out(header.base_offset, "what is no record");
                return;
            };
            let offset = header.offset_of(&record).cast_unsigned();
            if offset < self.from {
                continue;
            }
            if record.value.map_or(0, <[u8]>::len) > FORWARDED_MESSAGE_BYTES_MAX {
                self.leave_out(header.offset_of(&record), "a record that is too large");
                continue;
            }
            let stored = StoredMessage::of(offset, &record, header.timestamp_of(&record));
            match message(stored, self.source, self.options) {
                Ok(Some(message)) => self.push(message),
                Ok(None) => {}
                Err(_) => self.leave_out(header.offset_of(&record), "a record that is too large"),
            }
        }
    }

    fn push(&mut self, message: ForwardedMessage) {
        let bytes = message.batch.len();
        let is_full = self.current.messages.len() >= FORWARDED_MESSAGES_MAX
            || self.current.bytes + bytes > FORWARDED_BYTES_MAX;
        if is_full && !self.current.messages.is_empty() {
            self.current.next = message.offset;
            self.done.push(std::mem::take(&mut self.current));
        }
        self.current.bytes += bytes;
        self.current.messages.push(message);
    }

    fn leave_out(&mut self, offset: i64, what: &str) {
        self.left_out += 1;
        let (topic, partition) = (self.source.topic, self.source.partition);
        let queue = String::from_utf8_lossy(self.source.queue);
        tracing::warn!(topic, partition, offset, queue = %queue, "a queue is not given {what}");
    }

    fn finish(mut self, next: u64) -> Vec<Part> {
        self.current.next = next;
        self.done.push(self.current);
        self.done
    }
}
