//! What operators are shown.

use std::ops::Bound;

use bytes::Bytes;

use super::{Exchange, Host, Names, Target};
use crate::host::{
    BindingDescription, BindingPlace, Bindings, BindingsPart, ExchangeDescription, HostReply,
    HostTotals, Inspect, Inspected, Part, QueueDescription, QueueId, VirtualHostId,
};
use crate::machine::command::HostResult;
use crate::routing::Binding;
use crate::topic::Catalog;

impl Exchange {
    fn describe(&self) -> ExchangeDescription {
        ExchangeDescription {
            definition: self.definition.clone(),
            passed: self.passed,
        }
    }
}

impl Host {
    pub(super) fn inspect(
        &self,
        vhost: VirtualHostId,
        question: Inspect,
        catalog: &Catalog,
    ) -> HostResult {
        let names = self.names(vhost)?;
        let found = match question {
            Inspect::Queues(part) => {
                let ids = names.queues.after(part.after.as_ref()).take(part.limit);
                Inspected::Queues(ids.filter_map(|id| self.describe(id, catalog)).collect())
            }
            Inspect::Queue { name } => {
                let id = names.queues.get(&name);
                let queue = id.and_then(|id| self.describe(*id, catalog));
                Inspected::Queues(queue.into_iter().collect())
            }
            Inspect::Exchanges(part) => {
                let ids = names.exchanges.after(part.after.as_ref()).take(part.limit);
                let exchanges = ids.filter_map(|id| self.exchanges.get(&id));
                Inspected::Exchanges(exchanges.map(Exchange::describe).collect())
            }
            Inspect::Exchange { name } => {
                let id = names.exchanges.get(&name);
                let exchange = id.and_then(|id| self.exchanges.get(id));
                Inspected::Exchanges(exchange.map(Exchange::describe).into_iter().collect())
            }
            Inspect::DefaultExchange => Inspected::DefaultExchange(names.passed),
            Inspect::Bindings(part) => {
                let wanted = part.destination.as_ref();
                let wanted = wanted.map(|(name, to_exchange)| match to_exchange {
                    true => names.exchanges.get(name).copied().map(Target::Exchange),
                    false => match names.queues.get(name) {
                        Some(id) => Some(Target::Queue(*id)),
                        None => catalog
                            .stream(vhost, name)
                            .map(|topic| Target::Topic(topic.id)),
                    },
                });
                Inspected::Bindings(match wanted {
                    // It was asked for, and is not there.
                    Some(None) => Bindings::default(),
                    wanted => self.find_bindings(names, &part, wanted.flatten(), catalog),
                })
            }
            Inspect::Totals(part) => Inspected::Totals(self.count(names, &part)),
        };
        Ok(HostReply::Inspected(found))
    }

    fn count(&self, names: &Names, part: &Part) -> HostTotals {
        let mut totals = HostTotals {
            queues: names.queues.len(),
            exchanges: names.exchanges.len(),
            ..HostTotals::default()
        };
        let after = part
            .after
            .as_ref()
            .map_or(Bound::Unbounded, Bound::Excluded);
        let mut queues = names.queues.from(after);
        let mut last = None;
        for (name, id) in queues.by_ref().take(part.limit) {
            last = Some(name);
            if let Some(state) = self.queues.get(&id) {
                let counters = state.queue.counters();
                totals.ready += counters.ready;
                totals.locked += counters.locked;
                totals.delayed += counters.delayed;
            }
        }
        totals.last = last.filter(|_| queues.next().is_some()).cloned();
        totals
    }

    fn describe(&self, id: QueueId, catalog: &Catalog) -> Option<QueueDescription> {
        let state = self.queues.get(&id)?;
        Some(QueueDescription {
            definition: state.definition.clone(),
            counters: *state.queue.counters(),
            has_room: state.queue.has_room(&self.pools),
            memory_bytes: state.queue.memory_bytes(),
            dead_letter: state.dead_letter.clone(),
            active: state.queue.active_consumer(),
            topics: self.describe_topics(id, catalog),
            first_ready: state.queue.first_ready(),
            first_locked: state.queue.first_locked(),
            log: state.reader.clone(),
        })
    }

    fn find_bindings(
        &self,
        names: &Names,
        part: &BindingsPart,
        wanted: Option<Target>,
        catalog: &Catalog,
    ) -> Bindings {
        let mut found = Bindings::default();
        let mut left = part.limit.max(1);
        let start = part.source.as_ref().unwrap_or(&part.from.source);
        for (source, id) in names.exchanges.from(Bound::Included(start)) {
            if part.source.as_ref().is_some_and(|only| only != source) {
                break;
            }
            let Some(exchange) = self.exchanges.get(&id) else {
                continue;
            };
            let first = match *source == part.from.source {
                true => part.from.position,
                false => 0,
            };
            let place = |position| BindingPlace {
                source: source.clone(),
                position,
            };
            if left == 0 {
                found.next = Some(place(first));
                return found;
            }
            let bindings = exchange.router.bindings_from(first);
            let before = left;
            for (position, binding) in (first..).zip(bindings) {
                if left == 0 {
                    found.next = Some(place(position));
                    return found;
                }
                left -= 1;
                if wanted.is_none_or(|wanted| binding.destination == wanted) {
                    let described = self.describe_binding(source, binding, catalog);
                    found.bindings.extend(described);
                }
            }
            // To look at an exchange without bindings is a look, too.
            left -= usize::from(left == before);
        }
        found
    }

    fn describe_binding(
        &self,
        source: &Bytes,
        binding: &Binding<Target>,
        catalog: &Catalog,
    ) -> Option<BindingDescription> {
        let (destination, to_exchange) = match binding.destination {
            Target::Queue(id) => (self.queues.get(&id)?.definition.name.clone(), false),
            Target::Exchange(id) => (self.exchanges.get(&id)?.definition.name.clone(), true),
            Target::Topic(id) => {
                let topic = catalog.get_by_id(id)?;
                (topic.queue_name(), false)
            }
        };
        Some(BindingDescription {
            source: source.clone(),
            destination,
            to_exchange,
            key: binding.key.clone(),
            arguments: binding.arguments.clone(),
        })
    }
}
