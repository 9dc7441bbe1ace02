//! Why something is refused, in RabbitMQ's words: clients and their tests compare them.

use std::fmt::{self, Display};

use bytes::Bytes;
use forebay_broker::host::{Difference, HostError, PublishError};
use forebay_broker::queue::SubscribeError;
use forebay_broker::routing::Value;

use crate::amqp091::method::{MethodId, connection};
use crate::amqp091::table::Table;
use crate::amqp091::{DecodeError, ReplyCode, ShortStr};

/// Ends a channel, or the connection where the code is a hard one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ReplyCode,
    pub(crate) text: ShortStr,
}

impl Refusal {
    pub(crate) fn new(code: ReplyCode, explanation: impl Display) -> Self {
        Self {
            code,
            text: code.text(explanation),
        }
    }

    pub(crate) fn not_found(explanation: impl Display) -> Self {
        Self::new(ReplyCode::NotFound, explanation)
    }

    pub(crate) fn access(explanation: impl Display) -> Self {
        Self::new(ReplyCode::AccessRefused, explanation)
    }

    pub(crate) fn precondition(explanation: impl Display) -> Self {
        Self::new(ReplyCode::PreconditionFailed, explanation)
    }

    pub(crate) fn not_implemented(explanation: impl Display) -> Self {
        Self::new(ReplyCode::NotImplemented, explanation)
    }

    pub(crate) fn not_allowed(explanation: impl Display) -> Self {
        Self::new(ReplyCode::NotAllowed, explanation)
    }

    pub(crate) fn command_invalid(explanation: impl Display) -> Self {
        Self::new(ReplyCode::CommandInvalid, explanation)
    }

    /// A frame where another one belongs.
    pub(crate) fn unexpected_frame(explanation: impl Display) -> Self {
        Self::new(ReplyCode::UnexpectedFrame, explanation)
    }

    /// A delivery tag that the channel does not know.
    pub(crate) fn unknown_tag(tag: u64) -> Self {
        Self::precondition(format_args!("unknown delivery tag {tag}"))
    }

    /// What every connection is told when the broker stops.
    pub(crate) fn shutdown() -> Self {
        Self::new(
            ReplyCode::ConnectionForced,
            "broker forced connection closure with reason 'shutdown'",
        )
    }

    /// What a connection is told that an operator closes.
    pub(crate) fn forced(reason: impl Display) -> Self {
        Self::new(ReplyCode::ConnectionForced, reason)
    }

    /// What tells the client to close the connection, because of a method of its.
    pub(super) fn connection_close(&self, method: MethodId) -> connection::Close {
        connection::Close {
            reply_code: self.code.into(),
            reply_text: self.text.clone(),
            class_id: method.class,
            method_id: method.method,
        }
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        Self::new(error.reply_code(), error)
    }
}

/// What a method is about, which the broker's errors leave to who asks.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The virtual host that it is in.
    pub(crate) vhost: &'a str,
    /// `queue` or `exchange`.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) name: &'a [u8],
    /// The arguments that came with the method, for their types.
    pub(crate) arguments: Option<&'a Table>,
}

impl<'a> Subject<'a> {
    pub(crate) fn queue(vhost: &'a str, name: &'a [u8]) -> Self {
        Self {
            vhost,
            kind: "queue",
            name,
            arguments: None,
        }
    }

    pub(crate) fn exchange(vhost: &'a str, name: &'a [u8]) -> Self {
        Self {
            vhost,
            kind: "exchange",
            name,
            arguments: None,
        }
    }

    pub(crate) fn with(self, arguments: &'a Table) -> Self {
        Self {
            arguments: Some(arguments),
            ..self
        }
    }

    fn missing(self) -> Refusal {
        Refusal::not_found(format_args!("no {self}"))
    }

    fn locked(self) -> Refusal {
        Refusal::new(
            ReplyCode::ResourceLocked,
            format_args!(
                "cannot obtain exclusive access to locked {self}. It could be originally declared on \
                 another connection or the exclusive property value does not match that of the original \
                 declaration."
            ),
        )
    }

    /// What the broker's error is called.
    pub(crate) fn refusal(self, error: HostError) -> Refusal {
        match error {
            HostError::NoQueue(name) => Subject::queue(self.vhost, &name).missing(),
            HostError::NoExchange(name) => Subject::exchange(self.vhost, &name).missing(),
            HostError::NoTopic(name) => Subject::queue(self.vhost, &name).missing(),
            HostError::ExclusiveToOther(name) => Subject::queue(self.vhost, &name).locked(),
            HostError::Inequivalent(difference) => match *difference {
                Difference::Exclusive(_) => self.locked(),
                difference => self.inequivalent(difference),
            },
            HostError::InUse => Refusal::precondition(format_args!("{self} in use")),
            HostError::NotEmpty => Refusal::precondition(format_args!("{self} not empty")),
            HostError::Binding(error) => Refusal::precondition(error),
            HostError::Subscribe(SubscribeError::Exclusive | SubscribeError::InUse) => {
                Refusal::access(format_args!("{self} in exclusive use"))
            }
            HostError::SingleActive => Refusal::new(
                ReplyCode::ResourceLocked,
                format_args!(
                    "cannot obtain access to locked {self}. basic.get operations are not supported by \
                     <<\"quorum\">> queues with single active consumer"
                ),
            ),
            HostError::TooMany(what) => {
                Refusal::precondition(format_args!("there are as many {what} as there may be"))
            }
            HostError::QueueLimit(limit) => {
                let (name, vhost) = (lossy(self.name), self.vhost);
                Refusal::precondition(format_args!(
                    "cannot declare queue '{name}': queue limit in vhost '{vhost}' ({limit}) is reached"
                ))
            }
            HostError::StorageFull => Refusal::precondition("the disk is full"),
            // Its lock ended, or who may do so purged it: other protocols know such queues.
            error @ (HostError::UnknownDelivery
            | HostError::TooManyInFlight
            | HostError::NoSubscription) => Refusal::precondition(error),
            error @ HostError::Subscribe(SubscribeError::Known) => {
                Refusal::new(ReplyCode::InternalError, error)
            }
            HostError::NoVirtualHost | HostError::Stopped => Refusal::shutdown(),
        }
    }

    fn inequivalent(self, difference: Difference) -> Refusal {
        let (argument, versus) = match difference {
            Difference::Kind { received, current } => {
                let [received, current] = [received, current].map(|kind| lossy(&kind));
                let versus = format!("received '{received}' but current is '{current}'");
                ("type".to_owned(), versus)
            }
            Difference::Durable(received) => ("durable".to_owned(), switch(received)),
            Difference::AutoDelete(received) => ("auto_delete".to_owned(), switch(received)),
            Difference::Internal(received) => ("internal".to_owned(), switch(received)),
            Difference::Exclusive(received) => ("exclusive".to_owned(), switch(received)),
            Difference::Argument {
                name,
                received,
                current,
            } => {
                let versus = match (&received, &current) {
                    // Types are told where there is but one value.
                    (Some(received), Some(current)) => format!(
                        "received '{}' but current is '{}'",
                        shown(received),
                        shown(current)
                    ),
                    (received, current) => {
                        let none = || "none".to_owned();
                        let received = received.as_ref().map(|value| self.received(&name, value));
                        format!(
                            "received {} but current is {}",
                            received.unwrap_or_else(none),
                            current.as_ref().map_or_else(none, stored)
                        )
                    }
                };
                (lossy(&name), versus)
            }
        };
        Refusal::precondition(format_args!(
            "inequivalent arg '{argument}' for {self}: {versus}"
        ))
    }

    /// A value with the type that the client gave it.
    fn received(self, name: &Bytes, value: &Value) -> String {
        let entry = self.arguments.and_then(|arguments| {
            let mut entries = arguments.entries();
            entries.find(|entry| entry.name == &name[..])
        });
        match entry {
            Some(entry) => typed(value, entry.value.type_name()),
            None => stored(value),
        }
    }
}

impl Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name, vhost) = (self.kind, lossy(self.name), self.vhost);
        write!(f, "{kind} '{name}' in vhost '{vhost}'")
    }
}

/// Why a message was not published.
pub(crate) fn publish(vhost: &str, error: &PublishError) -> Refusal {
    match error {
        PublishError::NoExchange(name) => Subject::exchange(vhost, name).missing(),
        PublishError::Internal(name) => Refusal::access(format_args!(
            "cannot publish to internal {}",
            Subject::exchange(vhost, name)
        )),
        PublishError::TooLarge { bytes, limit } => message_too_large(*bytes as u64, *limit as u64),
        PublishError::Topic(why) => Refusal::precondition(why),
        PublishError::StorageFull => Refusal::precondition("the disk is full"),
        PublishError::Stopped => Refusal::shutdown(),
    }
}

pub(crate) fn message_too_large(bytes: u64, limit: u64) -> Refusal {
    Refusal::precondition(format_args!(
        "message size {bytes} is larger than configured max size {limit}"
    ))
}

/// A value whose width is not remembered: the type that clients use for such a number.
fn stored(value: &Value) -> String {
    let name = match value {
        Value::Void => "void",
        Value::Bool(_) => "bool",
        Value::Integer(number) if i32::try_from(*number).is_ok() => "signedint",
        Value::Integer(_) => "long",
        Value::Float(_) => "double",
        Value::Decimal { .. } => "decimal",
        Value::Bytes(_) => "longstr",
        Value::Nested(_) => "table",
    };
    typed(value, name)
}

fn typed(value: &Value, type_name: &str) -> String {
    format!("the value '{}' of type '{type_name}'", shown(value))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Void => "undefined".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Decimal { scale, value } => format!("{{{scale},{value}}}"),
        Value::Bytes(bytes) => lossy(bytes),
        Value::Nested(_) => "...".to_owned(),
    }
}

fn switch(received: bool) -> String {
    format!("received '{received}' but current is '{}'", !received)
}

pub(crate) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp091::table::{self, TableBuilder};

    fn said(error: HostError) -> String {
        Subject::queue("/", b"q").refusal(error).text.to_string()
    }

    #[test]
    fn what_clients_compare_is_what_rabbitmq_says() {
        let q = || Bytes::from_static(b"q");
        let expected = [
            (
                HostError::NoQueue(q()),
                "NOT_FOUND - no queue 'q' in vhost '/'",
            ),
            (
                HostError::NoExchange(q()),
                "NOT_FOUND - no exchange 'q' in vhost '/'",
            ),
            (
                HostError::InUse,
                "PRECONDITION_FAILED - queue 'q' in vhost '/' in use",
            ),
            (
                HostError::NotEmpty,
                "PRECONDITION_FAILED - queue 'q' in vhost '/' not empty",
            ),
            (
                HostError::Subscribe(SubscribeError::Exclusive),
                "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use",
            ),
            (
                HostError::Inequivalent(Box::new(Difference::AutoDelete(true))),
                "PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'q' in vhost '/': \
                 received 'true' but current is 'false'",
            ),
        ];
        for (error, text) in expected {
            assert_eq!(said(error), text);
        }
        let locked = said(HostError::ExclusiveToOther(q()));
        assert!(locked.starts_with(
            "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It"
        ));
    }

    #[test]
    fn arguments_that_differ_are_shown_with_the_clients_types() {
        let mut arguments = TableBuilder::new();
        arguments.put("x-message-ttl", table::Value::I32(1000));
        let arguments = arguments.build();
        let difference = Difference::Argument {
            name: Bytes::from_static(b"x-message-ttl"),
            received: Some(Value::Integer(1000)),
            current: None,
        };
        let subject = Subject::queue("/", b"q").with(&arguments);
        let refusal = subject.refusal(HostError::Inequivalent(Box::new(difference)));
        assert_eq!(
            refusal.text.to_string(),
            "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': \
             received the value '1000' of type 'signedint' but current is none"
        );
    }
}
