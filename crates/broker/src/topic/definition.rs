//! Every topic configuration there is: Kafka's names, types and defaults (Kafka 4.3, `TopicConfig`),
//! and ours. One table, from which validation, descriptions and documentation come.

use crate::limits::CONFIG_VALUE_BYTES_MAX;

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConfigKind {
    /// `true` or `false`.
    Boolean,
    /// A whole number between two bounds, both included, in four bytes.
    Int(i64, i64),
    /// A whole number between two bounds, both included.
    Long(i64, i64),
    /// A number between two bounds, both included.
    Double(f64, f64),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A comma-separated list of these words; with none given, of anything.
    List(&'static [&'static str]),
}

/// One topic configuration.
#[derive(Clone, Copy, Debug)]
pub struct ConfigDefinition {
    /// Its name.
    pub name: &'static str,
    /// What a value must look like.
    pub kind: ConfigKind,
    /// What it is when nobody says.
    pub default: &'static str,
    /// Whether it does anything here. Kafka's tools set many that only mean something to Kafka's
    /// own storage; those are kept and shown, so that the tools are content.
    pub effective: bool,
    /// What it means.
    pub doc: &'static str,
}

const MAX: i64 = i64::MAX;

macro_rules! configs {
    ($($name:literal $kind:expr, $default:literal, $effective:literal, $doc:literal;)*) => {
        &[$(ConfigDefinition {
            name: $name, kind: $kind, default: $default, effective: $effective, doc: $doc,
        }),*]
    };
}

use ConfigKind::{Boolean, Double, Int, List, Long, OneOf};

/// The table, sorted by name.
#[rustfmt::skip]
pub const CONFIGS: &[ConfigDefinition] = configs! {
    "cleanup.policy" List(&["delete", "compact"]), "delete", true,
        "What happens to old data: `delete` drops it by time and size, `compact` keeps the newest record of every key, both together do both.";
    "compression.gzip.level" Int(-1, 9), "-1", false, "Kafka's gzip level. Forebay recompresses with its own.";
    "compression.lz4.level" Int(1, 17), "9", false, "Kafka's lz4 level. Forebay recompresses with its own.";
    "compression.type" OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), "producer", true,
        "The codec at rest. `producer` keeps batches as they came, which costs nothing.";
    "compression.zstd.level" Int(-131072, 22), "3", false, "Kafka's zstd level. Forebay recompresses with its own.";
    "delete.retention.ms" Long(0, MAX), "86400000", true,
        "How long a tombstone stays readable in a compacted topic after the pass that kept it.";
    "file.delete.delay.ms" Long(0, MAX), "60000", false, "Kafka's delay before segment files are deleted.";
    "flush.messages" Long(1, MAX), "9223372036854775807", false, "Kafka's flush interval. See `forebay.durability`.";
    "flush.ms" Long(0, MAX), "9223372036854775807", false, "Kafka's flush interval. See `forebay.durability`.";
    "follower.replication.throttled.replicas" List(&[]), "", false, "Kafka's replication throttle.";
    "forebay.durability" OneOf(&["memory", "os", "fsync"]), "fsync", true,
        "When a write is acknowledged: `fsync` survives power loss, `os` a killed process, `memory` nothing.";
    "forebay.stream" Boolean, "true", true,
        "Whether the topic is a stream among the queues of RabbitMQ's and SQS's clients. A queue may have the name of a topic that is none.";
    "index.interval.bytes" Int(0, 2147483647), "4096", false, "Kafka's index density.";
    "leader.replication.throttled.replicas" List(&[]), "", false, "Kafka's replication throttle.";
    "local.retention.bytes" Long(-2, MAX), "-2", false, "Kafka's tiered storage.";
    "local.retention.ms" Long(-2, MAX), "-2", false, "Kafka's tiered storage.";
    "max.compaction.lag.ms" Long(1, MAX), "9223372036854775807", false,
        "Kafka's upper bound on how long a record stays uncompacted.";
    "max.message.bytes" Int(0, 2147483647), "1048588", true, "The largest record batch, after compression, in bytes.";
    "message.timestamp.after.max.ms" Long(0, MAX), "3600000", true,
        "How far ahead of the broker's clock a record's timestamp may be.";
    "message.timestamp.before.max.ms" Long(0, MAX), "9223372036854775807", true,
        "How far behind the broker's clock a record's timestamp may be.";
    "message.timestamp.type" OneOf(&["CreateTime", "LogAppendTime"]), "CreateTime", true,
        "Whose clock stamps records: the producer's or the broker's.";
    "min.cleanable.dirty.ratio" Double(0.0, 1.0), "0.5", true,
        "The share of a compacted log that must be dirty before a pass is worth it.";
    "min.compaction.lag.ms" Long(0, MAX), "0", true, "How long a record stays uncompacted at least.";
    "min.insync.replicas" Int(1, 2147483647), "1", false, "Accepted; every partition has one replica, which is in sync.";
    "preallocate" Boolean, "false", false, "Kafka's segment preallocation.";
    "remote.log.copy.disable" Boolean, "false", false, "Kafka's tiered storage.";
    "remote.log.delete.on.disable" Boolean, "false", false, "Kafka's tiered storage.";
    "remote.storage.enable" Boolean, "false", false, "Kafka's tiered storage.";
    "retention.bytes" Long(-1, MAX), "-1", true, "Bytes of a partition that are kept; -1 keeps all.";
    "retention.ms" Long(-1, MAX), "604800000", true, "How long records are kept, in milliseconds; -1 keeps them for ever.";
    "segment.bytes" Int(14, 2147483647), "1073741824", true,
        "The newest part of a partition, up to this size, is never compacted.";
    "segment.index.bytes" Int(4, 2147483647), "10485760", false, "Kafka's index size.";
    "segment.jitter.ms" Long(0, MAX), "0", false, "Kafka's segment roll jitter.";
    "segment.ms" Long(1, MAX), "604800000", true,
        "The newest part of a partition, up to this age in milliseconds, is never compacted.";
    "unclean.leader.election.enable" Boolean, "false", false, "Accepted; there is one replica.";
};

/// The definition of a configuration by name.
pub(super) fn definition(name: &str) -> Option<&'static ConfigDefinition> {
    let at = CONFIGS
        .binary_search_by(|definition| definition.name.cmp(name))
        .ok()?;
    CONFIGS.get(at)
}

impl ConfigDefinition {
    /// Why `value` cannot be this configuration's value, if it cannot.
    pub fn check(&self, value: &str) -> Result<(), String> {
        if value.len() > CONFIG_VALUE_BYTES_MAX {
            return Err(format!("must have at most {CONFIG_VALUE_BYTES_MAX} bytes"));
        }
        let number = |low: i64, high: i64| match value.trim().parse::<i64>() {
            Ok(number) if (low..=high).contains(&number) => Ok(()),
            Ok(_) => Err(format!("must lie between {low} and {high}")),
            Err(_) => Err("must be a whole number".to_owned()),
        };
        let words = |allowed: &[&str]| {
            let mut words = value
                .split(',')
                .map(str::trim)
                .filter(|word| !word.is_empty());
            match words.find(|word| !allowed.is_empty() && !allowed.contains(word)) {
                Some(word) => Err(format!("`{word}` is not one of {}", allowed.join(", "))),
                None => Ok(()),
            }
        };
        match self.kind {
            Boolean => match value.trim() {
                "true" | "false" => Ok(()),
                _ => Err("must be `true` or `false`".to_owned()),
            },
            Int(low, high) | Long(low, high) => number(low, high),
            Double(low, high) => match value.trim().parse::<f64>() {
                Ok(number) if (low..=high).contains(&number) => Ok(()),
                _ => Err(format!("must be a number between {low} and {high}")),
            },
            OneOf(allowed) if allowed.contains(&value.trim()) => Ok(()),
            OneOf(allowed) => Err(format!("must be one of {}", allowed.join(", "))),
            List(allowed) => words(allowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_defaults_are_valid() {
        assert!(CONFIGS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for definition in CONFIGS {
            assert_eq!(
                definition.check(definition.default),
                Ok(()),
                "{}",
                definition.name
            );
        }
    }

    #[test]
    fn values_out_of_bounds_or_of_another_type_are_refused() {
        for (name, value) in [
            ("retention.ms", "-2"),
            ("retention.ms", "soon"),
            ("cleanup.policy", "delete,shred"),
            ("min.cleanable.dirty.ratio", "1.5"),
            ("preallocate", "yes"),
            ("forebay.durability", "maybe"),
        ] {
            assert!(
                definition(name).unwrap().check(value).is_err(),
                "{name}={value}"
            );
        }
    }
}
