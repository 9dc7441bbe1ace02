//! Messages come in: routed, and appended to the log of every queue that they reach.

use std::vec;

use bytes::{Bytes, BytesMut};
use forebay_storage::shard::Replies;
use forebay_storage::{Durability, Engine, Now, Room};
use tokio::sync::oneshot;

use super::enqueue::shared_bytes;
use super::{Cx, ExchangeId, Host, Names, Target};
use crate::host::{Envelope, Position, Publication, PublishError, Published, VirtualHostId};
use crate::machine::command::{Answer, PublishResults};
use crate::machine::{BrokerMachine, Reply};
use crate::topic::Catalog;

/// A publisher's messages, as far as they are not done.
pub(super) struct Waiting {
    virtual_host: VirtualHostId,
    messages: vec::IntoIter<Publication>,
    /// Those that came as one publication and cannot go as one. They are before the others.
    apart: vec::IntoIter<Publication>,
    /// The message that is on its way to its queues, and those that do not have it yet.
    current: Option<(Publication, Vec<Target>)>,
    /// Whether one of its queues refused it.
    refused: bool,
    /// Its publisher is told where it is, in the one queue that it goes to.
    tells_positions: bool,
    position: Option<Published>,
    results: PublishResults,
    durability: Durability,
    answer: oneshot::Sender<PublishResults>,
}

impl Waiting {
    /// Notes what became of the publication at hand, which is so many messages: the same of each, but where it is.
    fn done(&mut self, count: usize, result: Result<Published, PublishError>) {
        self.current = None;
        let position = |at: u64| match result.clone() {
            Ok(Published::Stored(Position { queue, offset })) => {
                let offset = offset + at;
                Ok(Published::Stored(Position { queue, offset }))
            }
            result => result,
        };
        self.results.extend((0..count as u64).map(position));
    }
}

impl BrokerMachine {
    pub(in crate::machine) fn publish_messages(
        &mut self,
        virtual_host: VirtualHostId,
        messages: Vec<Publication>,
        tells_positions: bool,
        answer: oneshot::Sender<PublishResults>,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        let (host, mut cx) = self.host_with(engine, now, replies);
        host.waiting.push_back(Waiting {
            virtual_host,
            results: Vec::with_capacity(messages.iter().map(Publication::count).sum()),
            messages: messages.into_iter(),
            apart: Vec::new().into_iter(),
            current: None,
            refused: false,
            tells_positions,
            position: None,
            durability: Durability::Memory,
            answer,
        });
        host.continue_publishing(&mut cx);
        host.finish(&mut cx);
    }
}

impl Host {
    /// Goes on with what publishers brought, in the order in which they came, as far as the journal has
    /// room.
    pub(super) fn continue_publishing(&mut self, cx: &mut Cx<'_>) {
        while let Some(mut waiting) = self.waiting.pop_front() {
            if !self.publish_all(&mut waiting, cx) {
                self.waiting.push_front(waiting);
                return;
            }
            let answer = Answer::Publish(waiting.answer, waiting.results);
            cx.replies.after(waiting.durability, answer);
        }
    }

    /// Whether all of it is done.
    fn publish_all(&mut self, waiting: &mut Waiting, cx: &mut Cx<'_>) -> bool {
        loop {
            let Some((publication, queues)) = &mut waiting.current else {
                let next = waiting.apart.next().or_else(|| waiting.messages.next());
                let Some(publication) = next else {
                    return true;
                };
                let count = publication.count();
                let mut queues = Vec::new();
                match self.route(
                    waiting.virtual_host,
                    &publication.envelope,
                    &mut queues,
                    cx.catalog,
                ) {
                    Ok(source) if queues.is_empty() => {
                        self.count_published(waiting.virtual_host, source, &publication, 0);
                        waiting.done(count, Ok(Published::Unroutable));
                    }
                    Ok(_) if count > 1 && !self.goes_as_one(&publication, &queues, cx) => {
                        match publication.apart() {
                            Ok(apart) => waiting.apart = apart.into_iter(),
                            Err(_) => waiting.done(count, Err(PublishError::Stopped)),
                        }
                    }
                    // Taken off the end, so that each has its turn in the order of the routing.
                    Ok(source) => {
                        self.count_published(
                            waiting.virtual_host,
                            source,
                            &publication,
                            queues.len(),
                        );
                        queues.reverse();
                        waiting.refused = false;
                        waiting.position = None;
                        waiting.current = Some((publication, queues));
                    }
                    Err(error) => waiting.done(count, Err(error)),
                }
                continue;
            };
            let count = publication.count();
            let Some(queue) = queues.pop() else {
                let published = match waiting.position {
                    _ if waiting.refused => Published::Refused,
                    Some(position) if waiting.tells_positions => position,
                    _ => Published::Routed,
                };
                waiting.done(count, Ok(published));
                continue;
            };
            let together = self.together(queue, queues);
            let needed = match together.len() {
                0 => self.stored_bytes(queue, publication),
                _ => shared_bytes(together.len(), publication),
            };
            match cx.engine.room(needed, false) {
                Room::Now => {}
                // Publishers are held back, and told so by their gateway.
                Room::Full if self.is_full => {
                    queues.push(queue);
                    return false;
                }
                Room::Full => {
                    waiting.done(count, Err(PublishError::StorageFull));
                    continue;
                }
                Room::AfterCommit | Room::AfterSpare => {
                    queues.push(queue);
                    return false;
                }
            }
            if !together.is_empty() {
                queues.truncate(queues.len() + 1 - together.len());
                let batch = taken(publication, queues);
                match self.enqueue_together(&together, publication, batch, cx) {
                    Ok(durability) => waiting.durability = waiting.durability.max(durability),
                    Err(error) => waiting.done(count, Err(error)),
                }
                continue;
            }
            let id = match queue {
                Target::Queue(id) => id,
                Target::Topic(id) => {
                    let key = publication.envelope.topic_key();
                    let batch = publication.for_topic();
                    match self.append_to_topic(id, key, batch, cx) {
                        Ok(durability) => waiting.durability = waiting.durability.max(durability),
                        Err(error) => waiting.done(count, Err(error)),
                    }
                    continue;
                }
                // Routing ends at those.
                Target::Exchange(_) => continue,
            };
            let batch = taken(publication, queues);
            match self.enqueue(id, publication, batch, cx) {
                Ok(Some((durability, position))) => {
                    waiting.durability = waiting.durability.max(durability);
                    waiting.position = Some(position);
                }
                Ok(None) => waiting.refused = true,
                Err(error) => waiting.done(count, Err(error)),
            }
        }
    }

    /// Whether the messages of a publication, which are several, fare alike in all that it reaches. Not where there
    /// may be room for some of them only, or where each has a place of its own.
    fn goes_as_one(&self, publication: &Publication, targets: &[Target], cx: &Cx<'_>) -> bool {
        let by_lot = |target| match target {
            Target::Exchange(id) => {
                let exchange = self.exchanges.get(&id);
                exchange.is_some_and(|exchange| exchange.router.is_by_lot())
            }
            _ => false,
        };
        if !publication.envelope.exchange.is_empty() && self.found.iter().any(by_lot) {
            return false;
        }
        targets.iter().all(|target| match target {
            Target::Queue(id) => self.queues.get(id).is_none_or(|state| {
                state.definition.delayed_for().is_none() && !state.queue.settings().bounds.refuse()
            }),
            // What other protocols see there comes to each of them.
            Target::Topic(id) => cx.catalog.get_by_id(*id).is_none_or(|topic| {
                let limit = topic.config.batch_bytes_max;
                publication.batch.len().saturating_mul(2) <= limit
            }),
            Target::Exchange(_) => true,
        })
    }

    /// Counts what was published where operators look for it.
    fn count_published(
        &mut self,
        vhost: VirtualHostId,
        source: Option<ExchangeId>,
        publication: &Publication,
        targets: usize,
    ) {
        let passed = match source {
            Some(id) => self.exchanges.get_mut(&id).map(|found| &mut found.passed),
            None if publication.envelope.topic().is_some() => None,
            None => self.names.get_mut(&vhost).map(|names| &mut names.passed),
        };
        if let Some(passed) = passed {
            passed.count(publication.count() as u64, targets);
        }
    }

    /// Finds the queues and topics that a message goes to, each once. Returns the exchange, unless it is the default
    /// one or a topic by its name.
    pub(super) fn route(
        &mut self,
        vhost: VirtualHostId,
        envelope: &Envelope,
        queues: &mut Vec<Target>,
        catalog: &Catalog,
    ) -> Result<Option<ExchangeId>, PublishError> {
        let no_exchange = || PublishError::NoExchange(envelope.exchange.clone());
        let names = self.names.get(&vhost).ok_or_else(no_exchange)?;
        if let Some(address) = envelope.topic() {
            let name = std::str::from_utf8(&address.name).unwrap_or_default();
            queues.extend(catalog.get(name).map(|topic| Target::Topic(topic.id)));
            return Ok(None);
        }
        if envelope.exchange.is_empty() {
            for key in &envelope.routing_keys {
                if let Some(target) = named(vhost, names, key, catalog)
                    && !queues.contains(&target)
                {
                    queues.push(target);
                }
            }
            return Ok(None);
        }
        let source = names.exchanges.get(&envelope.exchange).copied();
        let source = source.ok_or_else(no_exchange)?;
        let exchange = self.exchanges.get(&source).ok_or_else(no_exchange)?;
        if exchange.definition.internal {
            return Err(PublishError::Internal(envelope.exchange.clone()));
        }
        self.route_from(vhost, source, envelope, queues, catalog);
        Ok(Some(source))
    }

    /// The same from an exchange on.
    pub(super) fn route_from(
        &mut self,
        vhost: VirtualHostId,
        source: ExchangeId,
        envelope: &Envelope,
        queues: &mut Vec<Target>,
        catalog: &Catalog,
    ) {
        self.found.clear();
        self.found.add(Target::Exchange(source));
        let mut at = 0;
        loop {
            let next = self.found.iter().nth(at);
            let Some(target) = next else { break };
            at += 1;
            match target {
                Target::Queue(_) | Target::Topic(_) => queues.push(target),
                Target::Exchange(id) => {
                    let Some(exchange) = self.exchanges.get(&id) else {
                        continue;
                    };
                    if let (Some(delayed), Some(_)) = (exchange.delayed, envelope.delay_ms()) {
                        self.found.add(Target::Queue(delayed));
                        continue;
                    }
                    self.here.clear();
                    exchange.router.route(envelope, &mut self.here);
                    let alternate = exchange.alternate.clone();
                    if let Some(alternate) = alternate.filter(|_| self.here.is_empty()) {
                        self.route_to_alternate(vhost, &alternate, envelope, catalog);
                    }
                    for target in self.here.iter() {
                        self.found.add(target);
                    }
                }
            }
        }
    }

    fn route_to_alternate(
        &mut self,
        vhost: VirtualHostId,
        alternate: &Bytes,
        envelope: &Envelope,
        catalog: &Catalog,
    ) {
        let Some(names) = self.names.get(&vhost) else {
            return;
        };
        if !alternate.is_empty() {
            if let Some(id) = names.exchanges.get(alternate) {
                self.here.add(Target::Exchange(*id));
            }
            return;
        }
        let keys = envelope.routing_keys.iter();
        for target in keys.filter_map(|key| named(vhost, names, key, catalog)) {
            self.here.add(target);
        }
    }
}

/// The batch of a message that goes on to `others`, or to nobody else.
fn taken(publication: &mut Publication, others: &[Target]) -> BytesMut {
    if others.is_empty() {
        std::mem::take(&mut publication.batch)
    } else {
        BytesMut::from(&publication.batch[..])
    }
}

/// What the default exchange routes a key to.
pub(super) fn named(
    vhost: VirtualHostId,
    names: &Names,
    key: &Bytes,
    catalog: &Catalog,
) -> Option<Target> {
    let queue = names.queues.get(key).map(|id| Target::Queue(*id));
    queue.or_else(|| {
        catalog
            .stream(vhost, key)
            .map(|topic| Target::Topic(topic.id))
    })
}
