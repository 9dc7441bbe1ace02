//! The broker's configuration under the names that Kafka has for it. Tools look there for defaults
//! and limits. It only tells what is so: a setting of Kafka's that has no counterpart is not there.

use std::time::Duration;

use forebay_broker::BrokerOptions;
use forebay_broker::topic::{CONFIGS, ConfigKind};

use crate::gateway::{GatewayOptions, NODE_ID, Shared};
use crate::limits;

/// What a value is, with Kafka's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub(super) enum ConfigType {
    Boolean = 1,
    Text = 2,
    Int = 3,
    Long = 5,
    Double = 6,
    List = 7,
}

impl From<ConfigKind> for ConfigType {
    fn from(kind: ConfigKind) -> Self {
        match kind {
            ConfigKind::Boolean => Self::Boolean,
            ConfigKind::Int(..) => Self::Int,
            ConfigKind::Long(..) => Self::Long,
            ConfigKind::Double(..) => Self::Double,
            ConfigKind::OneOf(_) => Self::Text,
            ConfigKind::List(_) => Self::List,
        }
    }
}

/// One configuration of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BrokerConfig {
    pub(super) name: &'static str,
    pub(super) kind: ConfigType,
    /// What the operator made it, where that is not the default.
    pub(super) set: Option<String>,
    pub(super) default: String,
    pub(super) doc: &'static str,
}

/// What Kafka calls the broker's default of a topic's configuration. Those without a name of their
/// own there have that of the topic's.
pub(super) fn default_name(topic_config: &'static str) -> &'static str {
    match topic_config {
        "cleanup.policy" => "log.cleanup.policy",
        "delete.retention.ms" => "log.cleaner.delete.retention.ms",
        "file.delete.delay.ms" => "log.segment.delete.delay.ms",
        "flush.messages" => "log.flush.interval.messages",
        "flush.ms" => "log.flush.interval.ms",
        "index.interval.bytes" => "log.index.interval.bytes",
        "local.retention.bytes" => "log.local.retention.bytes",
        "local.retention.ms" => "log.local.retention.ms",
        "max.compaction.lag.ms" => "log.cleaner.max.compaction.lag.ms",
        "max.message.bytes" => "message.max.bytes",
        "message.timestamp.after.max.ms" => "log.message.timestamp.after.max.ms",
        "message.timestamp.before.max.ms" => "log.message.timestamp.before.max.ms",
        "message.timestamp.type" => "log.message.timestamp.type",
        "min.cleanable.dirty.ratio" => "log.cleaner.min.cleanable.ratio",
        "min.compaction.lag.ms" => "log.cleaner.min.compaction.lag.ms",
        "preallocate" => "log.preallocate",
        "retention.bytes" => "log.retention.bytes",
        "retention.ms" => "log.retention.ms",
        "segment.bytes" => "log.segment.bytes",
        "segment.index.bytes" => "log.index.size.max.bytes",
        "segment.jitter.ms" => "log.roll.jitter.ms",
        "segment.ms" => "log.roll.ms",
        same => same,
    }
}

/// Every configuration of the broker, sorted by name.
pub(super) fn all(shared: &Shared) -> Vec<BrokerConfig> {
    let options = shared.broker.options();
    let mut all = fixed();
    all.extend(of_broker(options));
    all.extend(of_gateway(&shared.options));
    all.extend(CONFIGS.iter().map(|definition| BrokerConfig {
        name: default_name(definition.name),
        kind: definition.kind.into(),
        set: options.topic_defaults.get(definition.name).cloned(),
        default: definition.default.to_owned(),
        doc: definition.doc,
    }));
    all.sort_unstable_by_key(|config| config.name);
    all
}

/// What nobody can set.
fn fixed() -> Vec<BrokerConfig> {
    use ConfigType::{Boolean, Int};
    let fixed = |name, kind, value: String, doc| BrokerConfig {
        name,
        kind,
        set: None,
        default: value,
        doc,
    };
    let sessions = limits::FETCH_SESSIONS_MAX.to_string();
    #[rustfmt::skip]
    let all = vec![
        fixed("broker.id", Int, NODE_ID.to_string(), "The broker's id."),
        fixed("default.replication.factor", Int, "1".to_owned(), "Replicas of a partition: there is one node."),
        fixed("delete.topic.enable", Boolean, "true".to_owned(), "Whether topics can be deleted."),
        fixed("fetch.max.bytes", Int, limits::FETCH_BYTES_MAX.to_string(), "The most bytes that one fetch is answered with."),
        fixed("max.incremental.fetch.session.cache.slots", Int, sessions, "Fetch sessions that are kept."),
        fixed("max.request.partition.size.limit", Int, limits::PARTITIONS_DESCRIBED_MAX.to_string(), "Partitions that one answer describes."),
        fixed("node.id", Int, NODE_ID.to_string(), "The broker's id."),
    ];
    all
}

fn of_broker(options: &BrokerOptions) -> Vec<BrokerConfig> {
    use ConfigType::{Boolean, Int, Long};
    let defaults = BrokerOptions::default();
    let setting = |name, kind, value: fn(&BrokerOptions) -> String, doc| {
        let default = value(&defaults);
        let set = Some(value(options)).filter(|set| *set != default);
        BrokerConfig {
            name,
            kind,
            set,
            default,
            doc,
        }
    };
    #[rustfmt::skip]
    let all = vec![
        setting("auto.create.topics.enable", Boolean, |o| o.auto_create_topics.to_string(),
            "Whether asking for a topic creates it."),
        setting("group.initial.rebalance.delay.ms", Int, |o| millis(o.groups.initial_rebalance_delay),
            "How long the first rebalance of an empty group waits for more members, in milliseconds."),
        setting("group.max.session.timeout.ms", Int, |o| millis(o.groups.session_timeout_max),
            "The longest session time-out a group's member may have, in milliseconds."),
        setting("group.max.size", Int, |o| o.groups.group_size_max.to_string(),
            "Members a group may have."),
        setting("group.min.session.timeout.ms", Int, |o| millis(o.groups.session_timeout_min),
            "The shortest session time-out a group's member may have, in milliseconds."),
        setting("num.partitions", Int, |o| o.default_partitions.to_string(),
            "Partitions of a topic whose creator does not say."),
        setting("offset.metadata.max.bytes", Int, |o| o.groups.offset_metadata_bytes_max.to_string(),
            "Bytes of metadata that may be stored with an offset."),
        setting("offsets.retention.check.interval.ms", Long, |o| millis(o.groups.offsets_retention_check_interval),
            "How often offsets past their retention are looked for, in milliseconds."),
        setting("offsets.retention.minutes", Int, |o| (o.groups.offsets_retention.as_secs() / 60).to_string(),
            "How long the offsets of an empty group are kept, in minutes."),
        setting("producer.id.expiration.ms", Int, |o| millis(o.producer_id_expiration),
            "How long an idempotent producer that does not write is remembered, in milliseconds."),
    ];
    all
}

fn of_gateway(options: &GatewayOptions) -> Vec<BrokerConfig> {
    use ConfigType::{Int, Long};
    let defaults = GatewayOptions::at("", 0);
    let setting = |name, kind, value: fn(&GatewayOptions) -> String, doc| {
        let default = value(&defaults);
        let set = Some(value(options)).filter(|set| *set != default);
        BrokerConfig {
            name,
            kind,
            set,
            default,
            doc,
        }
    };
    #[rustfmt::skip]
    let all = vec![
        setting("connections.max.idle.ms", Long, |o| millis(o.idle_timeout),
            "Time after which a connection without traffic is closed, in milliseconds."),
        setting("queued.max.request.bytes", Long, |o| o.request_memory_bytes.to_string(),
            "Bytes of requests in flight over all connections."),
        setting("socket.request.max.bytes", Int, |o| o.frame_bytes_max.to_string(),
            "The largest request in bytes."),
    ];
    all
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_set_is_told_from_the_defaults() {
        let options = BrokerOptions {
            default_partitions: 7,
            ..BrokerOptions::default()
        };
        let configs = of_broker(&options);
        let set = configs.iter().filter(|config| config.set.is_some());
        let set: Vec<_> = set.map(|config| (config.name, &*config.default)).collect();
        assert_eq!(set, [("num.partitions", "1")]);
    }

    #[test]
    fn every_default_of_a_topic_has_a_name_of_its_own() {
        let names = CONFIGS.iter().map(|config| default_name(config.name));
        let mut names: Vec<_> = names
            .chain(fixed().iter().map(|config| config.name))
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
