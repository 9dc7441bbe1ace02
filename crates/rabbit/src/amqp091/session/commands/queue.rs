//! Class queue.

use bytes::Bytes;
use forebay_broker::access::Action;
use forebay_broker::host::{ConnectionId, QueueDefinition, QueueStatus};

use super::exchange::RESERVED;
use super::stream_topic::STREAM_QUEUE;
use super::{Done, not_for_us};
use crate::amqp091::ShortStr;
use crate::amqp091::method::queue::{
    BindOk, Declare, DeclareOk, DeleteOk, Method, PurgeOk, UnbindOk,
};
use crate::amqp091::session::Session;
use crate::amqp091::session::arguments::QueueArguments;
use crate::amqp091::session::errors::{Refusal, Subject, lossy};
use crate::amqp091::session::replies::{REPLY_NAME_PREFIX, REPLY_TO};

/// What RabbitMQ calls the type in its refusals.
const QUORUM_QUEUE: &str = "rabbit_quorum_queue";

impl Session<'_> {
    pub(super) async fn queue(&mut self, number: u16, method: Method) -> Done {
        match method {
            Method::Declare(declare) => self.declare_queue(number, &declare).await,
            Method::Bind(bind) => {
                let queue = self.queue_to_bind(number, &bind.queue)?;
                let (source, key) = (&bind.exchange, &bind.routing_key);
                self.access.queue(Action::Write, &queue)?;
                if let Some(topic) = self.source_topic(source).await {
                    self.bind_to_topic(&queue, &topic, &bind).await?;
                    self.answer(number, bind.nowait, &BindOk {});
                    return Ok(());
                }
                self.access.binding(source, key)?;
                let asked = self.binding(source, &queue, false, key, &bind.arguments)?;
                let bound = self.host.bind(asked).await;
                bound.map_err(|error| self.named_queue(&queue).refusal(error))?;
                self.answer(number, bind.nowait, &BindOk {});
                Ok(())
            }
            Method::Unbind(unbind) => {
                let queue = self.queue_to_bind(number, &unbind.queue)?;
                let (source, key) = (&unbind.exchange, &unbind.routing_key);
                self.access.queue(Action::Write, &queue)?;
                if let Some(topic) = self.source_topic(source).await {
                    self.unbind_from_topic(&queue, &topic).await?;
                    self.answer(number, false, &UnbindOk {});
                    return Ok(());
                }
                self.access.binding(source, key)?;
                let asked = self.binding(source, &queue, false, key, &unbind.arguments)?;
                let unbound = self.host.unbind(asked).await;
                unbound.map_err(|error| self.named_queue(&queue).refusal(error))?;
                self.answer(number, false, &UnbindOk {});
                Ok(())
            }
            Method::Purge(purge) => {
                let queue = self.queue_name(number, &purge.queue)?;
                self.access.queue(Action::Read, &queue)?;
                self.not_for_streams("queue.purge", &queue)?;
                let purged = self.host.purge_queue(queue.clone(), self.id).await;
                let lost = purged.map_err(|error| self.named_queue(&queue).refusal(error))?;
                let message_count = clamped(lost);
                self.answer(number, purge.nowait, &PurgeOk { message_count });
                Ok(())
            }
            Method::Delete(delete) => {
                let queue = self.queue_name(number, &delete.queue)?;
                let (if_unused, if_empty) = (delete.if_unused, delete.if_empty);
                self.access.queue(Action::Configure, &queue)?;
                let lost = if let Some(topic) = self.host.stream(&queue) {
                    self.delete_stream(&topic, if_empty).await?;
                    0
                } else {
                    let host = &self.host;
                    let deleted = host.delete_queue(queue.clone(), if_unused, if_empty, self.id);
                    let deleted = deleted.await;
                    deleted.map_err(|error| self.named_queue(&queue).refusal(error))?
                };
                let message_count = clamped(lost);
                self.answer(number, delete.nowait, &DeleteOk { message_count });
                Ok(())
            }
            method => Err(not_for_us(&method)),
        }
    }

    async fn declare_queue(&mut self, number: u16, declare: &Declare) -> Done {
        let given = without_line_ends(&declare.queue);
        if *given == *REPLY_TO || self.waits_for_replies(&given) {
            let answer = DeclareOk {
                queue: ShortStr::try_from(given).unwrap_or_default(),
                message_count: 0,
                consumer_count: 1,
            };
            self.answer(number, declare.nowait, &answer);
            return Ok(());
        }
        let (name, declared) = if declare.passive {
            let name = self.queue_name(number, &declare.queue)?;
            (name.clone(), self.host.check_queue(name, self.id).await)
        } else {
            let name = match given.is_empty() {
                true => self.made_up("amq.gen-"),
                false => given.clone(),
            };
            self.access.queue(Action::Configure, &name)?;
            let default_type = self.access.default_queue_type();
            if given.is_empty() {
                check_unnamed(declare, &default_type)?;
            }
            if is_stream(declare, &default_type) {
                self.check_reserved(&name).await?;
                return self.declare_stream(number, name, declare).await;
            }
            let subject = self.named_queue(&name);
            let definition = queue_definition(subject, declare, self.id, &default_type)?;
            if let Some(target) = &definition.dead_letter {
                self.access.queue(Action::Read, &name)?;
                self.access.exchange(Action::Write, &target.exchange)?;
            }
            if !given.is_empty() {
                self.check_reserved(&name).await?;
            }
            (name, self.host.declare_queue(definition, self.id).await)
        };
        let subject = self.named_queue(&name).with(&declare.arguments);
        let status = declared.map_err(|error| subject.refusal(error))?;
        self.channel(number)?.last_queue = Some(name.clone());
        let QueueStatus {
            ready, consumers, ..
        } = status;
        let answer = DeclareOk {
            queue: ShortStr::try_from(name).unwrap_or_default(),
            message_count: clamped(ready),
            consumer_count: clamped(consumers),
        };
        self.answer(number, declare.nowait, &answer);
        Ok(())
    }

    /// Names that begin as those of the broker are nobody else's, unless the queue is there.
    async fn check_reserved(&mut self, name: &Bytes) -> Done {
        if name.starts_with(RESERVED) && self.host.check_queue(name.clone(), self.id).await.is_err()
        {
            return Err(Refusal::access(format_args!(
                "queue name '{}' contains reserved prefix 'amq.*'",
                lossy(name)
            )));
        }
        Ok(())
    }

    fn queue_to_bind(&mut self, number: u16, name: &ShortStr) -> Result<Bytes, Refusal> {
        let queue = self.queue_name(number, name)?;
        if queue.starts_with(REPLY_NAME_PREFIX.as_bytes()) {
            return Err(Refusal::access(
                "cannot bind or unbind to a volatile (direct reply-to) queue",
            ));
        }
        Ok(queue)
    }

    /// The queue that a name stands for: none is the last one that was declared on the channel.
    pub(super) fn queue_name(&mut self, number: u16, name: &ShortStr) -> Result<Bytes, Refusal> {
        let given = without_line_ends(name);
        if !given.is_empty() {
            return Ok(given);
        }
        let last = self.channel(number)?.last_queue.clone();
        last.ok_or_else(|| Refusal::not_found("no previously declared queue"))
    }

    /// A name that nobody else has.
    pub(super) fn made_up(&self, prefix: &str) -> Bytes {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut random = u128::from_be_bytes(self.shared.broker.random());
        let mut name = prefix.to_owned();
        // 128 bits are 22 digits of six.
        for _ in 0..22 {
            name.push(char::from(ALPHABET[(random & 0x3f) as usize]));
            random >>= 6;
        }
        name.into()
    }
}

/// The type of a queue that names none: what its virtual host says, for queues that last and are nobody's own
/// (`rabbit_amqqueue:augment_declare_args`).
fn type_without_name<'a>(declare: &Declare, default_type: &'a str) -> &'a str {
    let lasts = declare.durable && !declare.exclusive && !declare.auto_delete;
    match default_type {
        given if lasts && !given.is_empty() => given,
        _ => "classic",
    }
}

/// Whether a stream is to be declared.
pub(crate) fn is_stream(declare: &Declare, default_type: &str) -> bool {
    is_of_type("stream", declare, default_type)
}

fn is_of_type(queue_type: &str, declare: &Declare, default_type: &str) -> bool {
    match declare.arguments.get("x-queue-type") {
        Some(kind) => kind.as_long_str() == Some(queue_type.as_bytes()),
        None => type_without_name(declare, default_type) == queue_type,
    }
}

/// The broker makes up names of classic queues only.
fn check_unnamed(declare: &Declare, default_type: &str) -> Done {
    for (queue_type, called) in [("stream", STREAM_QUEUE), ("quorum", QUORUM_QUEUE)] {
        if is_of_type(queue_type, declare, default_type) {
            return Err(Refusal::precondition(format_args!(
                "Cannot declare a server-named queue for type {called}"
            )));
        }
    }
    Ok(())
}

/// What is to be declared, in a virtual host with this default type of queues.
pub(crate) fn queue_definition(
    subject: Subject<'_>,
    declare: &Declare,
    connection: ConnectionId,
    default_type: &str,
) -> Result<QueueDefinition, Refusal> {
    let default_type = type_without_name(declare, default_type);
    let arguments = QueueArguments::parse(subject, &declare.arguments, default_type)?;
    if arguments.is_quorum {
        check_lasting(subject, declare)?;
    }
    let mut settings = arguments.settings;
    settings.auto_delete = declare.auto_delete;
    Ok(QueueDefinition {
        name: Bytes::copy_from_slice(subject.name),
        // It ends with its connection, so nothing of it is kept.
        durable: declare.durable && !declare.exclusive,
        exclusive: declare.exclusive.then_some(connection),
        settings,
        dead_letter: arguments.dead_letter,
        arguments: arguments.compared,
    })
}

/// Quorum queues and streams are durable, and nobody's own.
pub(super) fn check_lasting(queue: Subject<'_>, declare: &Declare) -> Done {
    let wrong = [
        (declare.exclusive, "exclusive-owner"),
        (declare.auto_delete, "auto-delete"),
        (!declare.durable, "non-durable"),
    ];
    if let Some((_, property)) = wrong.iter().find(|(is_set, _)| *is_set) {
        return Err(Refusal::precondition(format_args!(
            "invalid property '{property}' for {queue}"
        )));
    }
    Ok(())
}

/// A name of a queue without what RabbitMQ strips off it: CR and LF.
fn without_line_ends(name: &ShortStr) -> Bytes {
    let is_line_end = |octet: &u8| matches!(octet, b'\r' | b'\n');
    if name.iter().any(is_line_end) {
        return name
            .iter()
            .copied()
            .filter(|octet| !is_line_end(octet))
            .collect();
    }
    name.detached().into_bytes()
}

pub(super) fn clamped(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
