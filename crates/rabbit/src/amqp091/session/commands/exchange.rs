//! Class exchange.

use bytes::Bytes;
use forebay_broker::access::Action;
use forebay_broker::host::{Bind, ConnectionId, ExchangeDefinition};
use forebay_broker::routing::{HashOn, HashProperty, RouterKind};

use super::{Done, not_for_us};
use crate::amqp091::method::exchange::{BindOk, Declare, DeclareOk, DeleteOk, Method, UnbindOk};
use crate::amqp091::routing::arguments;
use crate::amqp091::session::Session;
use crate::amqp091::session::errors::{Refusal, Subject, lossy};
use crate::amqp091::table::{Table, Value};

/// What names of the broker's own begin with.
pub(crate) const RESERVED: &[u8] = b"amq.";

impl Session<'_> {
    pub(super) async fn exchange(&mut self, number: u16, method: Method) -> Done {
        match method {
            Method::Declare(declare) => self.declare_exchange(number, &declare).await,
            Method::Delete(delete) => {
                let name = delete.exchange.detached().into_bytes();
                not_default(&name)?;
                if name.starts_with(RESERVED) {
                    let exchange = self.named_exchange(&name);
                    return Err(Refusal::access(format_args!(
                        "deletion of system {exchange} not allowed"
                    )));
                }
                self.access.exchange(Action::Configure, &name)?;
                let deleted = self.host.delete_exchange(name.clone(), delete.if_unused);
                let deleted = deleted.await;
                deleted.map_err(|error| self.named_exchange(&name).refusal(error))?;
                self.answer(number, delete.nowait, &DeleteOk {});
                Ok(())
            }
            Method::Bind(bind) => {
                let (source, destination) = (&bind.source, &bind.destination);
                let asked = self.binding(
                    source,
                    destination,
                    true,
                    &bind.routing_key,
                    &bind.arguments,
                )?;
                self.may_bind(source, destination, &bind.routing_key)?;
                let bound = self.host.bind(asked).await;
                bound.map_err(|error| self.named_exchange(source).refusal(error))?;
                self.answer(number, bind.nowait, &BindOk {});
                Ok(())
            }
            Method::Unbind(unbind) => {
                let (source, destination) = (&unbind.source, &unbind.destination);
                let (key, arguments) = (&unbind.routing_key, &unbind.arguments);
                let asked = self.binding(source, destination, true, key, arguments)?;
                self.may_bind(source, destination, key)?;
                let unbound = self.host.unbind(asked).await;
                unbound.map_err(|error| self.named_exchange(source).refusal(error))?;
                self.answer(number, unbind.nowait, &UnbindOk {});
                Ok(())
            }
            method => Err(not_for_us(&method)),
        }
    }

    async fn declare_exchange(&mut self, number: u16, declare: &Declare) -> Done {
        let name = declare.exchange.detached().into_bytes();
        if !declare.passive && !name.is_empty() {
            self.access.exchange(Action::Configure, &name)?;
        }
        let declared = if declare.passive {
            not_default(&name)?;
            self.host.check_exchange(name.clone()).await
        } else {
            not_default(&name)?;
            let definition = exchange_definition(self.named_exchange(&name), declare)?;
            if let Some(alternate) = &definition.alternate {
                self.access.exchange(Action::Read, &name)?;
                self.access.exchange(Action::Write, alternate)?;
            }
            if name.starts_with(RESERVED) && self.host.check_exchange(name.clone()).await.is_err() {
                let name = lossy(&name);
                return Err(Refusal::access(format_args!(
                    "exchange name '{name}' contains reserved prefix 'amq.*'"
                )));
            }
            self.host.declare_exchange(definition).await
        };
        let subject = self.named_exchange(&name).with(&declare.arguments);
        declared.map_err(|error| subject.refusal(error))?;
        self.answer(number, declare.nowait, &DeclareOk {});
        Ok(())
    }

    /// Whether exchanges may be bound to each other.
    fn may_bind(&mut self, source: &[u8], destination: &[u8], key: &[u8]) -> Done {
        self.access.exchange(Action::Write, destination)?;
        self.access.binding(source, key)
    }

    /// A binding that this connection's client names.
    pub(super) fn binding(
        &self,
        source: &[u8],
        destination: &[u8],
        to_exchange: bool,
        key: &[u8],
        table: &Table,
    ) -> Result<Bind, Refusal> {
        binding(source, destination, to_exchange, key, table, self.id)
    }
}

/// A binding that a client names.
pub(crate) fn binding(
    source: &[u8],
    destination: &[u8],
    to_exchange: bool,
    key: &[u8],
    table: &Table,
    connection: ConnectionId,
) -> Result<Bind, Refusal> {
    not_default(source)?;
    if to_exchange {
        not_default(destination)?;
    }
    Ok(Bind {
        source: Bytes::copy_from_slice(source),
        destination: Bytes::copy_from_slice(destination),
        to_exchange,
        key: Bytes::copy_from_slice(key),
        arguments: arguments(table),
        connection,
    })
}

fn not_default(exchange: &[u8]) -> Done {
    if exchange.is_empty() {
        return Err(Refusal::access(
            "operation not permitted on the default exchange",
        ));
    }
    Ok(())
}

/// What is to be declared.
pub(crate) fn exchange_definition(
    subject: Subject<'_>,
    declare: &Declare,
) -> Result<ExchangeDefinition, Refusal> {
    let table = &declare.arguments;
    let kind = match &declare.kind[..] {
        b"x-delayed-message" => RouterKind::Delayed(Box::new(delayed_kind(table)?)),
        kind => router_kind(kind, table)?,
    };
    let alternate = table.get("alternate-exchange").map(|value| {
        let alternate = value.as_long_str().map(Bytes::copy_from_slice);
        alternate.ok_or_else(|| invalid_alternate(subject, value))
    });
    Ok(ExchangeDefinition {
        name: Bytes::copy_from_slice(subject.name),
        kind,
        kind_name: declare.kind.detached().into_bytes(),
        durable: declare.durable,
        auto_delete: declare.auto_delete,
        internal: declare.internal,
        alternate: alternate.transpose()?,
        arguments: arguments(table),
    })
}

/// What an exchange of delayed messages is once they are due.
fn delayed_kind(table: &Table) -> Result<RouterKind, Refusal> {
    match table.get("x-delayed-type").and_then(Value::as_long_str) {
        Some(b"x-delayed-message") => Err(Refusal::precondition(
            "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'",
        )),
        Some(kind) => router_kind(kind, table),
        None => Err(Refusal::precondition(
            "Invalid argument, 'x-delayed-type' must be an existing exchange type",
        )),
    }
}

fn router_kind(kind: &[u8], table: &Table) -> Result<RouterKind, Refusal> {
    Ok(match kind {
        b"direct" => RouterKind::Direct,
        b"fanout" => RouterKind::Fanout,
        b"topic" => RouterKind::Topic,
        b"headers" => RouterKind::Headers,
        b"x-random" => RouterKind::Random,
        b"x-local-random" => RouterKind::LocalRandom,
        b"x-modulus-hash" => RouterKind::ModulusHash,
        b"x-consistent-hash" => RouterKind::ConsistentHash(hash_on(table)?),
        _ => {
            return Err(Refusal::precondition(format_args!(
                "unknown exchange type '{}'",
                lossy(kind)
            )));
        }
    })
}

fn invalid_alternate(exchange: Subject<'_>, value: Value<'_>) -> Refusal {
    let of = value.type_name();
    Refusal::precondition(format_args!(
        "invalid type '{of}' for arg 'alternate-exchange' in {exchange}"
    ))
}

/// What a consistent hash goes by.
fn hash_on(table: &Table) -> Result<HashOn, Refusal> {
    let text = |name| table.get(name).and_then(Value::as_long_str);
    match (text("hash-header"), text("hash-property")) {
        (Some(_), Some(_)) => Err(Refusal::precondition(
            "hash-header and hash-property are mutually exclusive",
        )),
        (Some(header), None) => Ok(HashOn::Header(Bytes::copy_from_slice(header))),
        (None, Some(b"correlation_id")) => Ok(HashOn::Property(HashProperty::CorrelationId)),
        (None, Some(b"message_id")) => Ok(HashOn::Property(HashProperty::MessageId)),
        (None, Some(b"timestamp")) => Ok(HashOn::Property(HashProperty::Timestamp)),
        (None, Some(other)) => Err(Refusal::precondition(format_args!(
            "Unsupported property: {}",
            lossy(other)
        ))),
        (None, None) => Ok(HashOn::RoutingKey),
    }
}
