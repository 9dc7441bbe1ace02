//! Arguments of queues: what they mean, and what RabbitMQ says of those that mean nothing.

use bytes::Bytes;
use forebay_broker::host::DeadLetterTarget;
use forebay_broker::queue::{Overflow, QueueSettings};
use forebay_broker::routing::{Arguments, ValueRef};

use super::errors::{Refusal, Subject, lossy};
use crate::amqp091::routing::detached;
use crate::amqp091::table::{Table, Value};
use crate::limits;

/// Arguments that two declarations of a queue must agree on. Others are taken and not looked at.
const COMPARED: [&str; 12] = [
    "x-message-ttl",
    "x-expires",
    "x-max-length",
    "x-max-length-bytes",
    "x-overflow",
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-dead-letter-strategy",
    "x-max-priority",
    "x-single-active-consumer",
    "x-delivery-limit",
    "x-queue-mode",
];

/// Values of `x-queue-type`.
const CLASSIC: &[u8] = b"classic";
const QUORUM: &[u8] = b"quorum";

/// What the arguments of a queue say.
#[derive(Debug)]
pub(super) struct QueueArguments {
    pub(super) settings: QueueSettings,
    pub(super) dead_letter: Option<DeadLetterTarget>,
    pub(super) compared: Arguments,
    pub(super) is_quorum: bool,
}

/// Arguments of one declaration, as they are looked up.
pub(super) struct Lookup<'a> {
    pub(super) queue: Subject<'a>,
    pub(super) table: &'a Table,
}

/// Why a value is not one, in Erlang's terms.
pub(super) type Invalid = String;

impl QueueArguments {
    /// `default_type` is the type of a queue that names none.
    pub(super) fn parse(
        queue: Subject<'_>,
        table: &Table,
        default_type: &str,
    ) -> Result<Self, Refusal> {
        let lookup = Lookup { queue, table };
        let is_quorum = lookup.queue_type(default_type)?;
        let mut settings = QueueSettings {
            ttl_ms: lookup.get("x-message-ttl", expiry)?,
            expires_ms: lookup.get("x-expires", |value| match expiry(value)? {
                0 => Err("{value_zero,0}".to_owned()),
                expires => Ok(expires),
            })?,
            single_active: lookup
                .get("x-single-active-consumer", boolean)?
                .unwrap_or(false),
            ..QueueSettings::default()
        };
        settings.bounds.messages = lookup.get("x-max-length", whole)?;
        settings.bounds.bytes = lookup.get("x-max-length-bytes", whole)?;
        settings.bounds.overflow = lookup.get("x-overflow", overflow)?.unwrap_or_default();
        lookup.get("x-dead-letter-strategy", strategy)?;
        let exchange = lookup.dead_letter_exchange()?;
        let routing_key = lookup.get("x-dead-letter-routing-key", text)?;
        if routing_key.is_some() && exchange.is_none() {
            return Err(lookup.invalid(
                "x-dead-letter-routing-key",
                "routing_key_but_no_dlx_defined",
            ));
        }
        let dead_letter = exchange.map(|exchange| DeadLetterTarget {
            exchange,
            routing_key,
        });
        settings.dead_letter = dead_letter.is_some();
        if is_quorum {
            lookup.refuse("x-max-priority", "rabbit_quorum_queue")?;
            let limit = lookup.get("x-delivery-limit", integer)?;
            settings.delivery_limit = match limit {
                None => Some(limits::QUORUM_DELIVERY_LIMIT),
                Some(limit) => u32::try_from(limit).ok(),
            };
        } else {
            lookup.refuse("x-delivery-limit", "rabbit_classic_queue")?;
            settings.max_priority = lookup.get("x-max-priority", priority)?.unwrap_or(0);
        }
        let compared = detached(table).filter(|(name, _)| {
            let mut names = COMPARED.iter();
            names.any(|compared| *compared.as_bytes() == **name)
        });
        // To name the type that a queue has anyway is to say the same.
        let queue_type = if is_quorum { QUORUM } else { CLASSIC };
        let compared = compared.chain([(
            Bytes::from_static(b"x-queue-type"),
            ValueRef::Bytes(queue_type).detached(),
        )]);
        Ok(Self {
            settings,
            dead_letter,
            compared: Arguments::new(compared),
            is_quorum,
        })
    }
}

impl Lookup<'_> {
    pub(super) fn get<T>(
        &self,
        name: &str,
        read: impl FnOnce(Value<'_>) -> Result<T, Invalid>,
    ) -> Result<Option<T>, Refusal> {
        let value = self.table.get(name).map(read).transpose();
        value.map_err(|why| self.invalid(name, &why))
    }

    fn invalid(&self, name: &str, why: &str) -> Refusal {
        let queue = self.queue;
        Refusal::precondition(format_args!("invalid arg '{name}' for {queue}: {why}"))
    }

    fn dead_letter_exchange(&self) -> Result<Option<Bytes>, Refusal> {
        let name = "x-dead-letter-exchange";
        let Some(value) = self.table.get(name) else {
            return Ok(None);
        };
        let exchange = value.as_long_str().ok_or_else(|| {
            let (of, queue) = (value.type_name(), self.queue);
            Refusal::precondition(format_args!(
                "invalid type '{of}' for arg '{name}' in {queue}"
            ))
        })?;
        Ok(Some(Bytes::copy_from_slice(exchange)))
    }

    /// Whether it is a quorum queue.
    fn queue_type(&self, default_type: &str) -> Result<bool, Refusal> {
        let kind = self.get("x-queue-type", text)?;
        match kind.as_deref().unwrap_or(default_type.as_bytes()) {
            CLASSIC => Ok(false),
            QUORUM => Ok(true),
            b"stream" => Err(Refusal::not_implemented("queues of type stream")),
            other => {
                let why = format!("\"unsupported queue type '{}'\"", lossy(other));
                Err(self.invalid("x-queue-type", &why))
            }
        }
    }

    /// An argument that this type of queue does not have.
    pub(super) fn refuse(&self, name: &str, queue_type: &str) -> Result<(), Refusal> {
        if self.table.get(name).is_none() {
            return Ok(());
        }
        let queue = self.queue;
        Err(Refusal::precondition(format_args!(
            "invalid arg '{name}' for {queue} of queue type {queue_type}"
        )))
    }
}

fn integer(value: Value<'_>) -> Result<i64, Invalid> {
    let expected = || format!("\"expected integer, got {}\"", value.type_name());
    value.as_i64().ok_or_else(expected)
}

pub(super) fn whole(value: Value<'_>) -> Result<u64, Invalid> {
    let value = integer(value)?;
    u64::try_from(value).map_err(|_| format!("{{value_negative,{value}}}"))
}

fn expiry(value: Value<'_>) -> Result<u64, Invalid> {
    let value = whole(value)?;
    if value > limits::EXPIRY_MS_MAX.unsigned_abs() {
        return Err(format!("{{value_too_large,{value}}}"));
    }
    Ok(value)
}

fn priority(value: Value<'_>) -> Result<u8, Invalid> {
    let value = whole(value)?;
    u8::try_from(value).map_err(|_| format!("{{max_value_exceeded,{value}}}"))
}

fn boolean(value: Value<'_>) -> Result<bool, Invalid> {
    value.as_bool().ok_or_else(|| unacceptable(value))
}

pub(super) fn text(value: Value<'_>) -> Result<Bytes, Invalid> {
    let text = value.as_long_str().ok_or_else(|| unacceptable(value))?;
    Ok(Bytes::copy_from_slice(text))
}

fn overflow(value: Value<'_>) -> Result<Overflow, Invalid> {
    match &text(value)?[..] {
        b"drop-head" => Ok(Overflow::DropHead),
        b"reject-publish" => Ok(Overflow::RejectPublish),
        b"reject-publish-dlx" => Ok(Overflow::RejectPublishDeadLetter),
        _ => Err("invalid_overflow".to_owned()),
    }
}

/// Dead letters are always moved in one step with what they died of, which is more than either promises.
fn strategy(value: Value<'_>) -> Result<(), Invalid> {
    match &text(value)?[..] {
        b"at-most-once" | b"at-least-once" => Ok(()),
        _ => Err("invalid_dead_letter_strategy".to_owned()),
    }
}

fn unacceptable(value: Value<'_>) -> Invalid {
    format!("{{unacceptable_type,{}}}", value.type_name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp091::table::TableBuilder;

    fn parse(arguments: &[(&'static str, Value<'_>)]) -> Result<QueueArguments, Refusal> {
        let mut table = TableBuilder::new();
        for (name, value) in arguments {
            table.put(name, *value);
        }
        QueueArguments::parse(Subject::queue("/", b"t1"), &table.build(), "classic")
    }

    #[test]
    fn what_is_invalid_is_refused_in_rabbitmqs_words() {
        let cases: [(&'static str, Value<'_>, &str); 11] = [
            ("x-message-ttl", Value::I32(-1), "{value_negative,-1}"),
            (
                "x-message-ttl",
                Value::LongStr(b"60"),
                "\"expected integer, got longstr\"",
            ),
            ("x-expires", Value::I32(0), "{value_zero,0}"),
            (
                "x-max-priority",
                Value::I32(256),
                "{max_value_exceeded,256}",
            ),
            ("x-max-length", Value::I64(-7), "{value_negative,-7}"),
            ("x-overflow", Value::LongStr(b"zzz"), "invalid_overflow"),
            ("x-overflow", Value::I8(1), "{unacceptable_type,byte}"),
            (
                "x-dead-letter-routing-key",
                Value::LongStr(b"k"),
                "routing_key_but_no_dlx_defined",
            ),
            (
                "x-single-active-consumer",
                Value::I8(1),
                "{unacceptable_type,byte}",
            ),
            (
                "x-queue-type",
                Value::LongStr(b"zzz"),
                "\"unsupported queue type 'zzz'\"",
            ),
            (
                "x-message-ttl",
                Value::I64(1 << 40),
                "{value_too_large,1099511627776}",
            ),
        ];
        for (name, value, why) in cases {
            let refusal = parse(&[(name, value)]).unwrap_err();
            let said = format!(
                "PRECONDITION_FAILED - invalid arg '{name}' for queue 't1' in vhost '/': {why}"
            );
            assert_eq!(refusal.text.to_string(), said);
        }
        let quorum = ("x-queue-type", Value::LongStr(b"quorum"));
        let refusal = parse(&[quorum, ("x-max-priority", Value::I8(1))]).unwrap_err();
        assert!(
            refusal
                .text
                .to_string()
                .ends_with("of queue type rabbit_quorum_queue")
        );
        let refusal = parse(&[("x-delivery-limit", Value::I8(1))]).unwrap_err();
        assert!(
            refusal
                .text
                .to_string()
                .ends_with("of queue type rabbit_classic_queue")
        );
        let refusal = parse(&[("x-queue-type", Value::LongStr(b"stream"))]).unwrap_err();
        assert!(refusal.code.is_hard());
    }

    #[test]
    fn times_may_be_ten_years() {
        const TEN_YEARS_MS: i64 = 315_360_000_000;
        for name in ["x-message-ttl", "x-expires"] {
            parse(&[(name, Value::I64(TEN_YEARS_MS))]).unwrap();
            parse(&[(name, Value::I64(TEN_YEARS_MS + 1))]).unwrap_err();
        }
    }

    #[test]
    fn arguments_become_settings() {
        let parsed = parse(&[
            ("x-message-ttl", Value::I64(60_000)),
            ("x-max-length", Value::I32(10)),
            ("x-overflow", Value::LongStr(b"reject-publish")),
            ("x-dead-letter-exchange", Value::LongStr(b"dlx")),
            ("x-max-priority", Value::U8(5)),
            ("x-unheard-of", Value::Void),
        ]);
        let parsed = parsed.unwrap();
        assert_eq!(parsed.settings.ttl_ms, Some(60_000));
        assert_eq!(parsed.settings.bounds.messages, Some(10));
        assert_eq!(parsed.settings.bounds.overflow, Overflow::RejectPublish);
        assert_eq!(parsed.settings.max_priority, 5);
        assert!(parsed.settings.dead_letter);
        assert_eq!(parsed.dead_letter.unwrap().exchange, "dlx");
        assert_eq!(
            parsed.compared.iter().count(),
            6,
            "the type is, the unknown is not"
        );
    }

    #[test]
    fn a_type_that_is_named_is_the_one_that_is_meant() {
        let compared = |arguments: &[_]| parse(arguments).unwrap().compared;
        let classic = ("x-queue-type", Value::LongStr(b"classic"));
        let quorum = ("x-queue-type", Value::LongStr(b"quorum"));
        assert_eq!(compared(&[]), compared(&[classic]));
        assert_ne!(compared(&[]), compared(&[quorum]));
    }

    #[test]
    fn a_type_that_is_not_named_is_the_default() {
        let none = TableBuilder::new().build();
        let parse = |default| {
            let parsed = QueueArguments::parse(Subject::queue("/", b"t1"), &none, default);
            parsed.unwrap()
        };
        assert!(parse("quorum").is_quorum && !parse("classic").is_quorum);
        assert_eq!(parse("quorum").settings.delivery_limit, Some(20));
    }

    #[test]
    fn quorum_queues_give_up_on_a_message_after_twenty_times() {
        let quorum = ("x-queue-type", Value::LongStr(b"quorum"));
        let limit = |arguments: &[_]| parse(arguments).unwrap().settings.delivery_limit;
        assert_eq!(limit(&[quorum]), Some(20));
        assert_eq!(
            limit(&[quorum, ("x-delivery-limit", Value::I32(3))]),
            Some(3)
        );
        assert_eq!(limit(&[quorum, ("x-delivery-limit", Value::I32(-1))]), None);
    }
}
