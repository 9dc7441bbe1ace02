//! What holds for one queue, stream or exchange, all things considered.
//!
//! Of the policies that apply that one counts whose priority is highest, one of users and one of
//! operators (RabbitMQ, "Policies"). What a queue or an exchange was declared with beats them, but of two
//! limits the smaller counts. A stream it does not matter what it was declared with where they say anything
//! (`rabbit_stream_queue:policy_precedence`).

use bytes::Bytes;
use forebay_storage::LogPolicy;

use super::definition::{least, smaller_limit};
use super::{ApplyTo, Policy, PolicyKind, PolicyRules, QueueTypes};
use crate::access::Directory;
use crate::host::{DeadLetterTarget, ExchangeDefinition, QueueDefinition, VirtualHostId};
use crate::queue::QueueSettings;
use crate::topic::Topic;

/// What a policy may apply to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Object {
    Exchange,
    Queue,
    QuorumQueue,
    /// A topic that was declared as a stream.
    Stream,
    /// A topic that is a stream because topics are. Whoever made it may know nothing of queues, and what is put
    /// for all queues must not take its records away: it is meant only where streams are.
    Topic,
}

impl ApplyTo {
    fn includes(self, object: Object) -> bool {
        match self {
            Self::All => object != Object::Topic,
            Self::Queues => !matches!(object, Object::Exchange | Object::Topic),
            Self::ClassicQueues => object == Object::Queue,
            Self::QuorumQueues => object == Object::QuorumQueue,
            Self::Streams => matches!(object, Object::Stream | Object::Topic),
            Self::Exchanges => object == Object::Exchange,
        }
    }
}

impl Policy {
    /// A policy without a pattern is for every name, where a permission without one is for none.
    fn is_for(&self, name: &[u8]) -> bool {
        self.pattern.as_str().is_empty() || self.pattern.matches(name)
    }
}

impl QueueTypes {
    fn include(self, object: Object) -> bool {
        match object {
            Object::Exchange => false,
            Object::Queue => self.classic,
            Object::QuorumQueue => self.quorum,
            Object::Stream | Object::Topic => self.streams,
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

    /// The policy of a kind that counts for a topic as a stream: its name, and it.
    pub fn policy_of_stream(&self, kind: PolicyKind, topic: &Topic) -> Option<(&str, &Policy)> {
        if !topic.config.is_stream {
            return None;
        }
        let object = match topic.stream {
            Some(_) => Object::Stream,
            None => Object::Topic,
        };
        self.counting(kind, topic.virtual_host(), &topic.queue_name(), object)
    }

    /// What a topic keeps: what its configuration says, where no policy says anything.
    pub fn kept_by(&self, topic: &Topic) -> LogPolicy {
        let rules = self.rules(|kind| {
            let found = self.policy_of_stream(kind, topic);
            found.map(|(_, policy)| policy.rules.clone())
        });
        let own = topic.config.policy.clone();
        let Some(rules) = rules else { return own };
        LogPolicy {
            retention_ms: rules.max_age_ms.or(own.retention_ms),
            retention_bytes: rules.max_bytes.or(own.retention_bytes),
            segment_bytes: rules.segment_bytes.unwrap_or(own.segment_bytes),
            ..own
        }
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
            *of == host
                && policy.apply_to.includes(object)
                && !policy.not_for.include(object)
                && policy.is_for(name)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::access::{AccessChange, Pattern};
    use crate::names::TopicName;
    use crate::topic::config::Values;
    use crate::topic::{StreamName, TopicConfig};

    fn topic(is_declared: bool, configs: &[(&str, &str)]) -> Topic {
        let configs = configs.iter();
        let configs: Values = configs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let declared = StreamName {
            virtual_host: VirtualHostId::DEFAULT,
            queue: Bytes::from_static(b"events"),
        };
        Topic {
            id: Uuid::nil(),
            name: TopicName::new("events").unwrap(),
            stream: is_declared.then(|| Arc::new(declared)),
            config: Arc::new(TopicConfig::new(configs, &Arc::default()).unwrap()),
            partitions: Vec::new(),
        }
    }

    fn at_most(max_bytes: u64) -> Policy {
        Policy {
            pattern: Pattern::new(".*").unwrap(),
            apply_to: ApplyTo::All,
            priority: 0,
            definition: "{}".to_owned(),
            rules: PolicyRules {
                max_bytes: Some(max_bytes),
                ..PolicyRules::default()
            },
            not_for: QueueTypes::default(),
        }
    }

    fn directory(policies: Vec<(PolicyKind, &str, Policy)>) -> Directory {
        let mut directory = Directory::default();
        let host = AccessChange::virtual_host("/");
        let mut apply = |change, id| directory.apply(change, id).unwrap();
        apply(host, Some(VirtualHostId::DEFAULT));
        for (kind, name, policy) in policies {
            let put = AccessChange::PutPolicy {
                kind,
                virtual_host: "/".to_owned(),
                name: name.to_owned(),
                policy,
            };
            apply(put, None);
        }
        directory
    }

    fn kept_bytes(policies: Vec<(PolicyKind, &str, Policy)>, topic: &Topic) -> Option<u64> {
        directory(policies).kept_by(topic).retention_bytes
    }

    use PolicyKind::{Operator, User};

    #[test]
    fn what_policies_say_of_a_stream_holds_whatever_it_was_declared_with() {
        let own = topic(true, &[("retention.bytes", "50"), ("retention.ms", "5")]);
        assert_eq!(kept_bytes(Vec::new(), &own), Some(50));
        for bytes in [20, 90] {
            let users = vec![(User, "p", at_most(bytes))];
            assert_eq!(kept_bytes(users, &own), Some(bytes));
            let operators = vec![(Operator, "o", at_most(bytes))];
            assert_eq!(kept_bytes(operators, &own), Some(bytes));
        }
        let mut policy = at_most(20);
        policy.rules = PolicyRules {
            max_age_ms: Some(60_000),
            segment_bytes: Some(100),
            ..PolicyRules::default()
        };
        let kept = directory(vec![(User, "p", policy)]).kept_by(&own);
        let expected = LogPolicy {
            retention_ms: Some(60_000),
            retention_bytes: Some(50),
            segment_bytes: 100,
            ..own.config.policy.clone()
        };
        assert_eq!(kept, expected);
    }

    #[test]
    fn an_operators_policy_bounds_those_of_users() {
        for (users, operators) in [(20, 90), (90, 20)] {
            let both = vec![
                (User, "p", at_most(users)),
                (Operator, "o", at_most(operators)),
            ];
            assert_eq!(kept_bytes(both, &topic(true, &[])), Some(20));
        }
    }

    #[test]
    fn what_is_for_all_queues_is_for_streams_that_were_declared() {
        for (apply_to, declared, made) in [
            (ApplyTo::All, true, false),
            (ApplyTo::Queues, true, false),
            (ApplyTo::Streams, true, true),
            (ApplyTo::ClassicQueues, false, false),
            (ApplyTo::QuorumQueues, false, false),
            (ApplyTo::Exchanges, false, false),
        ] {
            for (is_declared, counts) in [(true, declared), (false, made)] {
                let mut policy = at_most(9);
                policy.apply_to = apply_to;
                let kept = kept_bytes(vec![(User, "p", policy)], &topic(is_declared, &[]));
                assert_eq!(kept, counts.then_some(9), "{apply_to:?} {is_declared}");
            }
        }
        let mut all = at_most(9);
        all.apply_to = ApplyTo::Streams;
        let none = topic(true, &[("forebay.stream", "false")]);
        assert_eq!(kept_bytes(vec![(User, "p", all)], &none), None);
    }

    #[test]
    fn a_policy_without_a_pattern_is_for_every_name() {
        let mut policy = at_most(9);
        policy.pattern = Pattern::new("").unwrap();
        assert_eq!(
            kept_bytes(vec![(User, "p", policy)], &topic(true, &[])),
            Some(9)
        );
    }

    #[test]
    fn a_policy_with_something_that_streams_do_not_have_leaves_them_to_the_next() {
        let mut first = at_most(5);
        first.priority = 1;
        first.not_for.streams = true;
        let next = at_most(9);
        let both = vec![(User, "first", first), (User, "next", next)];
        assert_eq!(kept_bytes(both, &topic(true, &[])), Some(9));
    }
}
