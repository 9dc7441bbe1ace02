//! Streams: queues that are topics (RabbitMQ, "Streams"). What several queues share is done where queues
//! are, once it is known that a name is not a topic's.

use std::sync::Arc;

use bytes::Bytes;
use forebay_broker::queue::HolderId;
use forebay_broker::storage::LogReader;
use forebay_broker::topic::Topic;

use super::Done;
use super::consume::shown;
use super::queue::clamped;
use super::stream_topic::{self, STREAM_QUEUE, interval_ms};
use crate::amqp091::ShortStr;
use crate::amqp091::method::basic::{Consume, ConsumeOk};
use crate::amqp091::method::queue::{Declare, DeclareOk};
use crate::amqp091::session::Session;
use crate::amqp091::session::ahead::Ahead;
use crate::amqp091::session::arguments::Lookup;
use crate::amqp091::session::delivery::Consumer;
use crate::amqp091::session::errors::{Refusal, Subject, lossy};
use crate::amqp091::session::stream_filter::StreamFilter;
use crate::amqp091::session::streams::OFFSET_HEADER;
use crate::amqp091::table::{Table, Value};
use crate::limits;

impl Session<'_> {
    /// What streams do not do.
    pub(super) fn not_for_streams(&self, what: &str, name: &[u8]) -> Done {
        if self.host.stream(name).is_none() {
            return Ok(());
        }
        let queue = self.named_queue(name);
        Err(Refusal::not_implemented(format_args!(
            "{what} not supported by stream queues {queue}"
        )))
    }

    pub(super) async fn declare_stream(
        &mut self,
        number: u16,
        name: Bytes,
        declare: &Declare,
    ) -> Done {
        let subject = self.named_queue(&name).with(&declare.arguments);
        stream_topic::declare(&self.host, subject, declare).await?;
        let ready = self.held(name.clone()).await?;
        self.channel(number)?.last_queue = Some(name.clone());
        let answer = DeclareOk {
            queue: ShortStr::try_from(name).unwrap_or_default(),
            message_count: clamped(ready),
            consumer_count: 0,
        };
        self.answer(number, declare.nowait, &answer);
        Ok(())
    }

    /// Deletes a stream, with its topic.
    pub(super) async fn delete_stream(&mut self, topic: &Topic, if_empty: bool) -> Done {
        let name = topic.queue_name();
        if if_empty && self.held(name.clone()).await? > 0 {
            let subject = self.named_queue(&name);
            return Err(Refusal::precondition(format_args!("{subject} not empty")));
        }
        stream_topic::delete(&self.shared.broker, topic).await
    }

    /// How many messages a stream has.
    async fn held(&mut self, name: Bytes) -> Result<u64, Refusal> {
        let status = self.host.check_queue(name.clone(), self.id).await;
        let status = status.map_err(|error| self.named_queue(&name).refusal(error))?;
        Ok(status.ready)
    }

    /// Consumes a stream from somewhere on: of a topic with several partitions each of them.
    pub(super) async fn consume_stream(
        &mut self,
        number: u16,
        consume: &Consume,
        topic: &Topic,
        tag: ShortStr,
    ) -> Done {
        let queue = topic.queue_name();
        let begin = Begin::parse(self.named_queue(&queue), &consume.arguments)?;
        let lookup = Lookup {
            queue: self.named_queue(&queue),
            table: &consume.arguments,
        };
        lookup.refuse("x-priority", STREAM_QUEUE)?;
        let filter = StreamFilter::parse(lookup.queue, &consume.arguments)?.map(Arc::new);
        if self.consumers.len() + topic.partitions.len() > limits::CONSUMERS_MAX {
            return Err(Refusal::precondition(
                "too many consumers on this connection",
            ));
        }
        let now_ms = self.shared.broker.now().wall_ms;
        let channel = self.channel(number)?;
        let prefetch = match (channel.prefetch, channel.shared_prefetch) {
            (0, shared) => u64::from(shared),
            (own, _) => u64::from(own),
        };
        let subject = self.named_queue(&queue);
        if prefetch == 0 {
            return Err(Refusal::precondition(format_args!(
                "consumer prefetch count is not set for stream {subject}"
            )));
        }
        if consume.no_ack {
            return Err(Refusal::not_implemented(format_args!(
                "automatic acknowledgement not supported by stream {subject}"
            )));
        }
        let mut holders = Vec::new();
        for log in &topic.partitions {
            let next = begin.offset(log.clone(), now_ms).await;
            let holder = HolderId(self.shared.broker.next_id());
            let consumer = Consumer {
                channel: number,
                tag: tag.clone(),
                queue: queue.clone(),
                log: log.clone(),
                ahead: Ahead::default(),
                no_ack: false,
                tells_counts: false,
                since_grant: None,
            };
            self.consumers.insert(holder, consumer);
            self.shared.metrics.consumers.more();
            // Each partition has its share, so that none has to wait for the others.
            let share = (prefetch / topic.partitions.len() as u64).max(1);
            let filter = filter.clone();
            self.streams.add(holder, log.clone(), next, share, filter);
            holders.push(holder);
        }
        let shown = shown(
            consume,
            &tag,
            &queue,
            u16::try_from(prefetch).unwrap_or(u16::MAX),
        );
        let channel = self.channel(number)?;
        // One consumer to whoever looks, however many partitions it reads.
        if let Some(first) = holders.first() {
            channel.entry.subscribed(*first, shown);
        }
        channel.streams.insert(tag.clone(), holders);
        self.answer(number, consume.nowait, &ConsumeOk { consumer_tag: tag });
        Ok(())
    }

    /// Ends a consumer of a stream. Whether it is one.
    pub(super) fn cancel_stream(&mut self, number: u16, tag: &ShortStr) -> Result<bool, Refusal> {
        let channel = self.channel(number)?;
        let Some(holders) = channel.streams.remove(tag) else {
            return Ok(false);
        };
        for holder in &holders {
            channel.entry.unsubscribed(*holder);
        }
        self.end_streams(&holders);
        Ok(true)
    }
}

/// Where a consumer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    First,
    Last,
    Next,
    Offset(u64),
    /// At the first message that was published since.
    Since {
        ms: i64,
    },
    /// The same, so long ago.
    Ago {
        ms: u64,
    },
}

impl Begin {
    pub(super) fn parse(queue: Subject<'_>, arguments: &Table) -> Result<Self, Refusal> {
        let Some(value) = arguments.get(OFFSET_HEADER) else {
            return Ok(Self::Next);
        };
        let invalid = || {
            let (of, text) = (value.type_name(), value.as_long_str().map(lossy));
            // As Erlang writes binaries.
            let shown = match text.as_deref() {
                None => "_".to_owned(),
                Some("") => "<<>>".to_owned(),
                Some(text) => format!("<<\"{text}\">>"),
            };
            Refusal::precondition(format_args!(
                "invalid arg 'x-stream-offset' for {queue}: {{invalid_stream_offset_arg,{{{of},{shown}}}}}"
            ))
        };
        if let Value::Timestamp(seconds) = value {
            let ms = i64::try_from(seconds)
                .ok()
                .and_then(|seconds| seconds.checked_mul(1_000));
            return Ok(Self::Since {
                ms: ms.ok_or_else(invalid)?,
            });
        }
        if let Some(offset) = value.as_i64() {
            // What would be before the first message is the first one, as in RabbitMQ.
            return Ok(Self::Offset(u64::try_from(offset).unwrap_or(0)));
        }
        match value.as_long_str() {
            Some(b"first") => Ok(Self::First),
            Some(b"last") => Ok(Self::Last),
            Some(b"next") => Ok(Self::Next),
            Some(text) => {
                let ms = std::str::from_utf8(text).ok().and_then(interval_ms);
                Ok(Self::Ago {
                    ms: ms.ok_or_else(invalid)?,
                })
            }
            None => Err(invalid()),
        }
    }

    /// The offset in a log.
    pub(super) async fn offset(self, log: LogReader, now_ms: i64) -> u64 {
        let since = match self {
            Self::First => return log.start_offset(),
            Self::Next => return log.end_offset(),
            Self::Last => return log.end_offset().saturating_sub(1).max(log.start_offset()),
            Self::Offset(offset) => return offset,
            Self::Since { ms } => ms,
            Self::Ago { ms } => now_ms.saturating_sub(i64::try_from(ms).unwrap_or(i64::MAX)),
        };
        let end = log.end_offset();
        let find = move || log.find_timestamp(since);
        match tokio::task::spawn_blocking(find).await {
            Ok(Ok(Some((offset, _)))) => offset,
            // All that there is is older.
            _ => end,
        }
    }
}
