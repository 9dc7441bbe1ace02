//! What holds for one queue or exchange, all things considered.
//!
//! Of the policies that apply that one counts whose priority is highest, one of users and one of
//! operators (RabbitMQ, "Policies"). What something was declared with beats them, but of two limits the
//! smaller counts.

use bytes::Bytes;

use super::definition::{least, smaller_limit};
use super::{ApplyTo, Policy, PolicyKind, PolicyRules};
use crate::access::Directory;
use crate::host::{DeadLetterTarget, ExchangeDefinition, QueueDefinition, VirtualHostId};
use crate::queue::QueueSettings;

/// What a policy may apply to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Object {
    Exchange,
    Queue,
    QuorumQueue,
}

impl ApplyTo {
    fn includes(self, object: Object) -> bool {
        match self {
            Self::All => true,
            Self::Queues => object != Object::Exchange,
            Self::ClassicQueues => object == Object::Queue,
            Self::QuorumQueues => object == Object::QuorumQueue,
            Self::Streams => false,
            Self::Exchanges => object == Object::Exchange,
        }
    }
}

impl Directory {
    /// The policy of a kind that counts for a queue: its name, and it.
    pub fn policy_of_queue(
        &self,
        kind: PolicyKind,
        virtual_host: VirtualHostId,
        queue: &QueueDefinition,
    ) -> Option<(&str, &Policy)> {
        self.counting(kind, virtual_host, &queue.name, queue.object())
    }

    /// The policy of a kind that counts for an exchange: its name, and it.
    pub fn policy_of_exchange(
        &self,
        kind: PolicyKind,
        virtual_host: VirtualHostId,
        exchange: &ExchangeDefinition,
    ) -> Option<(&str, &Policy)> {
        self.counting(kind, virtual_host, &exchange.name, Object::Exchange)
    }

    fn counting(
        &self,
        kind: PolicyKind,
        virtual_host: VirtualHostId,
        name: &[u8],
        object: Object,
    ) -> Option<(&str, &Policy)> {
        let mut all = self.policies(kind).peekable();
        // Most brokers have none.
        all.peek()?;
        let host = self.name_of(virtual_host)?;
        let applying = all.filter(|(of, _, policy)| {
            *of == host && policy.apply_to.includes(object) && policy.pattern.matches(name)
        });
        let applying = applying.map(|(_, name, policy)| (name, policy));
        // The first by name of those with the highest priority.
        applying.reduce(|best, next| {
            if next.1.priority > best.1.priority {
                next
            } else {
                best
            }
        })
    }

    fn rules(&self, of: impl Fn(PolicyKind) -> Option<PolicyRules>) -> Option<PolicyRules> {
        match (of(PolicyKind::User), of(PolicyKind::Operator)) {
            (Some(users), Some(operators)) => Some(users.under(operators)),
            (users, operators) => users.or(operators),
        }
    }
}

/// How a queue works.
pub(crate) struct EffectiveQueue {
    pub(crate) settings: QueueSettings,
    pub(crate) dead_letter: Option<DeadLetterTarget>,
}

impl EffectiveQueue {
    pub(crate) fn of(
        queue: &QueueDefinition,
        virtual_host: VirtualHostId,
        directory: &Directory,
    ) -> Self {
        let rules = directory.rules(|kind| {
            let found = directory.policy_of_queue(kind, virtual_host, queue);
            found.map(|(_, policy)| policy.rules.clone())
        });
        let mut effective = Self {
            settings: queue.settings.clone(),
            dead_letter: queue.dead_letter.clone(),
        };
        if let Some(rules) = rules {
            effective.follow(&rules, queue);
        }
        effective
    }

    fn follow(&mut self, rules: &PolicyRules, queue: &QueueDefinition) {
        let settings = &mut self.settings;
        settings.ttl_ms = least(settings.ttl_ms, rules.ttl_ms);
        settings.expires_ms = least(settings.expires_ms, rules.expires_ms);
        let bounds = &mut settings.bounds;
        bounds.messages = least(bounds.messages, rules.max_messages);
        bounds.bytes = least(bounds.bytes, rules.max_bytes);
        if let Some(overflow) = rules.overflow
            && !queue.says(b"x-overflow")
        {
            bounds.overflow = overflow;
        }
        if queue.object() == Object::QuorumQueue {
            let said = queue.says(b"x-delivery-limit");
            let own = said.then_some(settings.delivery_limit);
            if let Some(limit) = smaller_limit(own, rules.delivery_limit) {
                settings.delivery_limit = limit;
            }
        }
        if self.dead_letter.is_none()
            && let Some(exchange) = &rules.dead_letter_exchange
        {
            self.dead_letter = Some(DeadLetterTarget {
                exchange: exchange.clone(),
                routing_key: rules.dead_letter_routing_key.clone(),
            });
        } else if let Some(target) = &mut self.dead_letter
            && target.routing_key.is_none()
        {
            target.routing_key = rules.dead_letter_routing_key.clone();
        }
        settings.dead_letter = self.dead_letter.is_some();
    }
}

/// Where messages go that an exchange has no binding for.
pub(crate) fn alternate_of(
    exchange: &ExchangeDefinition,
    virtual_host: VirtualHostId,
    directory: &Directory,
) -> Option<Bytes> {
    exchange.alternate.clone().or_else(|| {
        let rules = directory.rules(|kind| {
            let found = directory.policy_of_exchange(kind, virtual_host, exchange);
            found.map(|(_, policy)| policy.rules.clone())
        });
        rules?.alternate_exchange
    })
}

impl QueueDefinition {
    /// Whether an argument was given.
    fn says(&self, name: &[u8]) -> bool {
        self.arguments.get(name).is_some()
    }

    fn object(&self) -> Object {
        match self.is_quorum() {
            true => Object::QuorumQueue,
            false => Object::Queue,
        }
    }
}
