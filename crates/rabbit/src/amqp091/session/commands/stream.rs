//! Streams: queues that are topics (RabbitMQ, "Streams"). What several queues share is done where queues
//! are, once it is known that a name is not a topic's.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use forebay_broker::host::VirtualHostId;
use forebay_broker::queue::HolderId;
use forebay_broker::storage::LogReader;
use forebay_broker::topic::Topic;
use forebay_broker::{NewTopic, TopicError, TopicRef};

use super::Done;
use super::queue::{check_lasting, clamped};
use crate::amqp091::ShortStr;
use crate::amqp091::method::basic::{Consume, ConsumeOk};
use crate::amqp091::method::queue::{Declare, DeclareOk};
use crate::amqp091::session::Session;
use crate::amqp091::session::ahead::Ahead;
use crate::amqp091::session::delivery::Consumer;
use crate::amqp091::session::errors::{Refusal, Subject, lossy};
use crate::amqp091::session::streams::OFFSET_HEADER;
use crate::amqp091::table::{Table, Value};
use crate::limits;

/// Arguments that mean something to queues and nothing to streams (`rabbit_stream_queue`, capabilities).
const UNSUPPORTED: [&str; 11] = [
    "x-message-ttl",
    "x-expires",
    "x-max-length",
    "x-overflow",
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-dead-letter-strategy",
    "x-max-priority",
    "x-delivery-limit",
    "x-single-active-consumer",
    "x-queue-mode",
];

impl Session<'_> {
    /// The topic that a name stands for.
    pub(super) fn stream(&self, name: &[u8]) -> Option<Arc<Topic>> {
        if self.access.vhost_id() != VirtualHostId::DEFAULT {
            return None;
        }
        self.shared.broker.topic(std::str::from_utf8(name).ok()?)
    }

    /// What streams do not do.
    pub(super) fn not_for_streams(&self, what: &str, name: &[u8]) -> Done {
        if self.stream(name).is_none() {
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
        let configs = configs(subject, declare)?;
        if self.access.vhost_id() != VirtualHostId::DEFAULT {
            let text = "queues of type stream in virtual hosts other than '/'";
            return Err(Refusal::not_implemented(text));
        }
        if let Some(topic) = self.stream(&name) {
            equivalent(subject, &topic, &configs, &declare.arguments)?;
        } else {
            let topic = NewTopic {
                name: lossy(&name),
                partitions: Some(1),
                configs,
            };
            let created = self.shared.broker.create_topics(vec![topic], false).await;
            match created.into_iter().next() {
                Some(Ok(_) | Err(TopicError::Exists(_))) => {}
                Some(Err(TopicError::IsQueue(_))) => {
                    return Err(Refusal::precondition(format_args!(
                        "inequivalent arg 'x-queue-type' for {subject}: received 'stream' but current \
                         is 'classic'"
                    )));
                }
                Some(Err(TopicError::Stopped)) | None => return Err(Refusal::shutdown()),
                Some(Err(error)) => return Err(Refusal::precondition(error)),
            }
        }
        let ready = self.stream(&name).map_or(0, |topic| held(&topic));
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
    pub(super) async fn delete_stream(
        &mut self,
        name: &[u8],
        if_empty: bool,
    ) -> Result<u64, Refusal> {
        let subject = self.named_queue(name);
        let Some(topic) = self.stream(name) else {
            return Ok(0);
        };
        if if_empty && held(&topic) > 0 {
            return Err(Refusal::precondition(format_args!("{subject} not empty")));
        }
        let topics = vec![TopicRef::Id(topic.id)];
        match self.shared.broker.delete_topics(topics).await.pop() {
            Some(Err(TopicError::Stopped)) | None => Err(Refusal::shutdown()),
            // Somebody else was quicker, perhaps.
            Some(_) => Ok(0),
        }
    }

    /// Consumes a stream from somewhere on: of a topic with several partitions each of them.
    pub(super) async fn consume_stream(
        &mut self,
        number: u16,
        consume: &Consume,
        topic: &Topic,
        tag: ShortStr,
    ) -> Done {
        let queue = Bytes::copy_from_slice(topic.name.as_str().as_bytes());
        let begin = Begin::parse(self.named_queue(&queue), &consume.arguments)?;
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
            self.streams.add(holder, log.clone(), next, share);
            holders.push(holder);
        }
        self.channel(number)?.streams.insert(tag.clone(), holders);
        self.answer(number, consume.nowait, &ConsumeOk { consumer_tag: tag });
        Ok(())
    }

    /// Ends a consumer of a stream. Whether it is one.
    pub(super) fn cancel_stream(&mut self, number: u16, tag: &ShortStr) -> Result<bool, Refusal> {
        let Some(holders) = self.channel(number)?.streams.remove(tag) else {
            return Ok(false);
        };
        self.end_streams(&holders);
        Ok(true)
    }
}

fn held(topic: &Topic) -> u64 {
    let held = |log: &LogReader| log.end_offset().saturating_sub(log.start_offset());
    topic.partitions.iter().map(held).sum()
}

/// The configuration of the topic that a declaration asks for. A stream keeps everything unless it is told
/// otherwise.
fn configs(queue: Subject<'_>, declare: &Declare) -> Result<BTreeMap<String, String>, Refusal> {
    check_lasting(queue, declare)?;
    let table = &declare.arguments;
    if let Some(name) = UNSUPPORTED.iter().find(|name| table.get(name).is_some()) {
        return Err(Refusal::precondition(format_args!(
            "invalid arg '{name}' for {queue} of queue type rabbit_stream_queue"
        )));
    }
    let number = |name: &str| whole(queue, table, name);
    let kept_ms = table.get("x-max-age").map(|age| max_age(queue, age));
    let kept_ms = kept_ms.transpose()?;
    let shown =
        |limit: Option<u64>| limit.map_or_else(|| "-1".to_owned(), |limit| limit.to_string());
    let mut configs = BTreeMap::from([
        ("retention.ms".to_owned(), shown(kept_ms)),
        (
            "retention.bytes".to_owned(),
            shown(number("x-max-length-bytes")?),
        ),
    ]);
    if let Some(bytes) = number("x-stream-max-segment-size-bytes")? {
        configs.insert("segment.bytes".to_owned(), bytes.to_string());
    }
    Ok(configs)
}

fn whole(queue: Subject<'_>, table: &Table, name: &str) -> Result<Option<u64>, Refusal> {
    let Some(value) = table.get(name) else {
        return Ok(None);
    };
    let invalid = |why: String| {
        Refusal::precondition(format_args!("invalid arg '{name}' for {queue}: {why}"))
    };
    let number = value.as_i64();
    let number = number
        .ok_or_else(|| invalid(format!("\"expected integer, got {}\"", value.type_name())))?;
    let whole =
        u64::try_from(number).map_err(|_| invalid(format!("{{value_negative,{number}}}")))?;
    Ok(Some(whole))
}

/// Digits and a unit: `7D` (`rabbit_amqqueue:check_max_age_arg`).
fn max_age(queue: Subject<'_>, value: Value<'_>) -> Result<u64, Refusal> {
    let invalid = |why: &str| {
        Refusal::precondition(format_args!("invalid arg 'x-max-age' for {queue}: {why}"))
    };
    let text = value.as_long_str().ok_or_else(|| {
        let type_name = value.type_name();
        invalid(&format!("{{unacceptable_type,{type_name}}}"))
    })?;
    let age = std::str::from_utf8(text).ok().and_then(interval_ms);
    age.ok_or_else(|| invalid("invalid_max_age"))
}

fn interval_ms(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let seconds: u64 = match unit {
        'Y' => 365 * 86_400,
        'M' => 30 * 86_400,
        'D' => 86_400,
        'h' => 3_600,
        'm' => 60,
        's' => 1,
        _ => return None,
    };
    let digits = text.strip_suffix(unit)?;
    let count: u64 = digits.parse().ok()?;
    count.checked_mul(seconds)?.checked_mul(1_000)
}

/// A declaration of what is there says nothing else of what it names.
fn equivalent(
    queue: Subject<'_>,
    topic: &Topic,
    asked: &BTreeMap<String, String>,
    given: &Table,
) -> Done {
    let compared = [
        ("x-max-age", "retention.ms"),
        ("x-max-length-bytes", "retention.bytes"),
        ("x-stream-max-segment-size-bytes", "segment.bytes"),
    ];
    for (argument, config) in compared {
        let Some(value) = given.get(argument) else {
            continue;
        };
        let current = topic.config.overrides().get(config);
        if current == asked.get(config) {
            continue;
        }
        // A number of milliseconds, as RabbitMQ shows an age.
        let received = asked.get(config).map_or("", String::as_str);
        let versus = match current.map(String::as_str) {
            None | Some("-1") => {
                let type_name = value.type_name();
                format!("received the value '{received}' of type '{type_name}' but current is none")
            }
            Some(current) => format!("received '{received}' but current is '{current}'"),
        };
        return Err(Refusal::precondition(format_args!(
            "inequivalent arg '{argument}' for {queue}: {versus}"
        )));
    }
    Ok(())
}

/// Where a consumer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
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
    fn parse(queue: Subject<'_>, arguments: &Table) -> Result<Self, Refusal> {
        let Some(value) = arguments.get(OFFSET_HEADER) else {
            return Ok(Self::Next);
        };
        let invalid = || {
            let (of, text) = (value.type_name(), value.as_long_str().map(lossy));
            let shown = text.map_or_else(|| "_".to_owned(), |text| format!("<<\"{text}\">>"));
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
    async fn offset(self, log: LogReader, now_ms: i64) -> u64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_digits_and_a_unit() {
        let day = 86_400_000;
        let cases = [
            ("7D", Some(7 * day)),
            ("1Y", Some(365 * day)),
            ("30s", Some(30_000)),
            ("5m", Some(300_000)),
            ("2M", Some(60 * day)),
            ("D", None),
            ("7", None),
            ("", None),
            ("-1D", None),
            ("7d", None),
            ("99999999999999999999Y", None),
        ];
        for (text, ms) in cases {
            assert_eq!(interval_ms(text), ms, "{text}");
        }
    }
}
