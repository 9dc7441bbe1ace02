//! Exchanges and bindings.

use bytes::Bytes;
use forebay_storage::Durability;

use super::{Cx, Exchange, ExchangeId, Host, Target};
use crate::event::{BrokerEvent, HostEvent};
use crate::host::{
    Bind, Difference, ExchangeDefinition, HostError, HostReply, Passed, VirtualHostId,
};
use crate::limits::{BINDINGS_PER_EXCHANGE_MAX, EXCHANGES_MAX, QUEUES_MAX};
use crate::machine::command::HostResult;
use crate::queue::Queue;
use crate::routing::{Arguments, Binding, Router};
use crate::topic::Catalog;

impl Host {
    pub(super) fn put_exchange(
        &mut self,
        vhost: VirtualHostId,
        id: ExchangeId,
        definition: ExchangeDefinition,
    ) {
        if let Some(names) = self.names.get_mut(&vhost) {
            names.exchanges.insert(definition.name.clone(), id);
        }
        let exchange = Exchange {
            virtual_host: vhost,
            router: Router::new(definition.kind.clone()),
            alternate: definition.alternate.clone(),
            definition,
            delayed: None,
            was_unbound: false,
            passed: Passed::default(),
        };
        self.exchanges.insert(id, exchange);
    }

    /// The exchange of this name. The default exchange is none of those that have an id.
    pub(super) fn exchange(
        &self,
        vhost: VirtualHostId,
        name: &Bytes,
    ) -> Result<Option<ExchangeId>, HostError> {
        if name.is_empty() {
            return Ok(None);
        }
        let names = self.names(vhost)?;
        let id = names.exchanges.get(name).copied();
        id.map(Some)
            .ok_or_else(|| HostError::NoExchange(name.clone()))
    }

    pub(super) fn declare_exchange(
        &mut self,
        vhost: VirtualHostId,
        definition: ExchangeDefinition,
        cx: &mut Cx<'_>,
    ) -> (Durability, HostResult) {
        if let Err(error) = self.names(vhost) {
            return (Durability::Memory, Err(error));
        }
        if let Ok(known) = self.exchange(vhost, &definition.name) {
            let known = known.and_then(|id| self.exchanges.get(&id));
            let differs = known.and_then(|known| known.definition.differs_from(&definition));
            let result = differs.map_or(Ok(HostReply::Done), |how| {
                Err(HostError::Inequivalent(how.into()))
            });
            return (Durability::Memory, result);
        }
        if definition.kind.delays() && self.queues.len() >= QUEUES_MAX {
            return (Durability::Memory, Err(HostError::TooMany("queues")));
        }
        if self.exchanges.len() >= EXCHANGES_MAX {
            return (Durability::Memory, Err(HostError::TooMany("exchanges")));
        }
        let id = ExchangeId(self.next_exchange);
        self.next_exchange += 1;
        let durability = cx.store(
            definition.durable,
            HostEvent::ExchangeDeclared {
                virtual_host: vhost,
                exchange: id,
                definition: definition.clone(),
            },
        );
        self.put_exchange(vhost, id, definition.clone());
        self.make_delayed(vhost, &definition, cx);
        self.follow_policy_of_exchange(id, cx.directory);
        (durability, Ok(HostReply::Done))
    }

    pub(super) fn delete_exchange(
        &mut self,
        vhost: VirtualHostId,
        name: &Bytes,
        if_unused: bool,
        cx: &mut Cx<'_>,
    ) -> (Durability, HostResult) {
        let Ok(Some(id)) = self.exchange(vhost, name) else {
            return (Durability::Memory, Ok(HostReply::Done));
        };
        let is_used = |exchange: &Exchange| !exchange.router.is_empty();
        if if_unused && self.exchanges.get(&id).is_some_and(is_used) {
            return (Durability::Memory, Err(HostError::InUse));
        }
        (self.drop_exchange(id, cx), Ok(HostReply::Done))
    }

    pub(super) fn drop_exchange(&mut self, id: ExchangeId, cx: &mut Cx<'_>) -> Durability {
        let Some(exchange) = self.exchanges.get(&id) else {
            return Durability::Memory;
        };
        let (durable, delayed) = (exchange.definition.durable, exchange.delayed);
        if let Some(queue) = delayed {
            self.drop_queue(queue, cx);
        }
        let durability = cx.store(durable, HostEvent::ExchangeDeleted { exchange: id });
        self.remove_exchange(id);
        self.delete_unbound(cx);
        durability
    }

    /// Removes an exchange, and the bindings from and to it.
    pub(super) fn remove_exchange(&mut self, id: ExchangeId) {
        if let Some(exchange) = self.exchanges.remove(&id) {
            if let Some(names) = self.names.get_mut(&exchange.virtual_host) {
                names.exchanges.remove(&exchange.definition.name);
            }
            self.unbind_all(Target::Exchange(id));
        }
    }

    /// Removes every binding to a target. The journal says so by saying that the target is gone.
    pub(super) fn unbind_all(&mut self, target: Target) {
        for exchange in self.exchanges.values_mut() {
            let bindings = exchange.router.bindings();
            let gone: Vec<_> = bindings
                .filter(|binding| binding.destination == target)
                .cloned()
                .collect();
            for binding in &gone {
                exchange.router.unbind(binding);
            }
            exchange.was_unbound |= !gone.is_empty();
        }
    }

    /// Deletes the exchanges that were to be gone with their last binding.
    pub(super) fn delete_unbound(&mut self, cx: &mut Cx<'_>) {
        let mut unbound = Vec::new();
        for (id, exchange) in &mut self.exchanges {
            let lost = std::mem::take(&mut exchange.was_unbound);
            if lost && exchange.definition.auto_delete && exchange.router.is_empty() {
                unbound.push(*id);
            }
        }
        unbound.sort_unstable();
        for id in unbound {
            self.drop_exchange(id, cx);
        }
    }

    pub(super) fn bind(
        &mut self,
        vhost: VirtualHostId,
        bind: Bind,
        cx: &mut Cx<'_>,
    ) -> (Durability, HostResult) {
        let (source, binding, durable) = match self.binding(vhost, bind, cx.catalog) {
            Ok(found) => found,
            Err(error) => return (Durability::Memory, Err(error)),
        };
        let Some(exchange) = self.exchanges.get_mut(&source) else {
            return (Durability::Memory, Ok(HostReply::Done));
        };
        if exchange.router.bindings().len() >= BINDINGS_PER_EXCHANGE_MAX {
            return (Durability::Memory, Err(HostError::TooMany("bindings")));
        }
        match exchange.router.bind(binding.clone()) {
            Ok(true) => {
                let event = HostEvent::Bound { source, binding };
                (cx.store(durable, event), Ok(HostReply::Done))
            }
            Ok(false) => (Durability::Memory, Ok(HostReply::Done)),
            Err(error) => (Durability::Memory, Err(error.into())),
        }
    }

    pub(super) fn unbind(
        &mut self,
        vhost: VirtualHostId,
        bind: Bind,
        cx: &mut Cx<'_>,
    ) -> (Durability, HostResult) {
        // What is not there is not bound.
        let Ok((source, binding, durable)) = self.binding(vhost, bind, cx.catalog) else {
            return (Durability::Memory, Ok(HostReply::Done));
        };
        let mut durability = Durability::Memory;
        if let Some(exchange) = self.exchanges.get_mut(&source)
            && exchange.router.unbind(&binding)
        {
            exchange.was_unbound = true;
            durability = cx.store(durable, HostEvent::Unbound { source, binding });
            self.delete_unbound(cx);
        }
        (durability, Ok(HostReply::Done))
    }

    /// What a binding by names means, and whether it survives a restart.
    fn binding(
        &mut self,
        vhost: VirtualHostId,
        bind: Bind,
        catalog: &Catalog,
    ) -> Result<(ExchangeId, Binding<Target>, bool), HostError> {
        let source = self.exchange(vhost, &bind.source)?;
        let source = source.ok_or_else(|| HostError::NoExchange(bind.source.clone()))?;
        let (destination, durable) = if bind.to_exchange {
            let found = self.exchange(vhost, &bind.destination)?;
            let id = found.ok_or_else(|| HostError::NoExchange(bind.destination.clone()))?;
            let durable = self.exchanges.get(&id).map(|to| to.definition.durable);
            (Target::Exchange(id), durable)
        } else if let Some(topic) = catalog.stream(vhost, &bind.destination) {
            (Target::Topic(topic.id), Some(true))
        } else {
            let id = self.queue_for(vhost, &bind.destination, bind.connection)?;
            self.turn(id, |queue: &mut Queue, turn| queue.touch(turn.now_ms));
            let durable = self.queues.get(&id).map(|to| to.definition.durable);
            (Target::Queue(id), durable)
        };
        let from = self.exchanges.get(&source);
        let durable = durable == Some(true) && from.is_some_and(|from| from.definition.durable);
        let binding = Binding {
            key: bind.key,
            arguments: bind.arguments,
            destination,
        };
        Ok((source, binding, durable))
    }
}

impl Cx<'_> {
    /// Journals a change. Returns what its answer waits for.
    pub(super) fn store(&mut self, durable: bool, event: HostEvent) -> Durability {
        let event = BrokerEvent::Host(event).encode();
        if durable {
            self.engine.event(&event);
            Durability::Fsync
        } else {
            self.engine.note(&event);
            Durability::Memory
        }
    }
}

impl ExchangeDefinition {
    /// In what another declaration of the same name differs, if it does.
    fn differs_from(&self, other: &Self) -> Option<Difference> {
        if self.kind_name != other.kind_name {
            return Some(Difference::Kind {
                received: other.kind_name.clone(),
                current: self.kind_name.clone(),
            });
        }
        if self.durable != other.durable {
            return Some(Difference::Durable(other.durable));
        }
        if self.auto_delete != other.auto_delete {
            return Some(Difference::AutoDelete(other.auto_delete));
        }
        if self.internal != other.internal {
            return Some(Difference::Internal(other.internal));
        }
        differing_argument(&self.arguments, &other.arguments)
    }
}

/// The first argument, by name, in which two declarations differ.
pub(super) fn differing_argument(current: &Arguments, received: &Arguments) -> Option<Difference> {
    let names = current.iter().chain(received.iter());
    let mut names: Vec<_> = names.map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    let differs = |name: &&Bytes| current.get(name) != received.get(name);
    let name = names.into_iter().find(differs)?;
    let owned = |arguments: &Arguments| {
        let mut all = arguments.iter();
        let found = all.find(|(found, _)| found == name);
        found.map(|(_, value)| value.clone())
    };
    Some(Difference::Argument {
        name: name.clone(),
        received: owned(received),
        current: owned(current),
    })
}
