//! A topic's configuration: what was set for it, over the broker's defaults, and what follows.

use std::collections::BTreeMap;
use std::sync::Arc;

use forebay_record::Compression;
use forebay_storage::{CompactionPolicy, Durability, LogPolicy};

use super::definition::{CONFIGS, ConfigDefinition, definition};

/// Values by name.
pub type Values = BTreeMap<String, String>;

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is no configuration of this name.
    #[error("unknown topic config name: {0}")]
    Unknown(String),
    /// The value cannot be.
    #[error("invalid value {value} for configuration {name}: {reason}")]
    Invalid {
        /// The configuration.
        name: String,
        /// The value given.
        value: String,
        /// What it should be.
        reason: String,
    },
    /// Appending to or subtracting from something that is no list.
    #[error("configuration {0} is not a list")]
    NotAList(String),
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// Set for this topic.
    Topic,
    /// Set for the broker.
    Broker,
    /// Nobody set it.
    Default,
}

/// A change of one configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigChange {
    /// Set it.
    Set(String, String),
    /// Let the default count again.
    Delete(String),
    /// Add words to a list.
    Append(String, String),
    /// Take words from a list.
    Subtract(String, String),
}

impl ConfigChange {
    /// What it brings to the journal.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Set(name, value) | Self::Append(name, value) | Self::Subtract(name, value) => {
                name.len() + value.len()
            }
            Self::Delete(name) => name.len(),
        }
    }
}

/// Whose clock stamps records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's.
    LogAppendTime,
}

/// A topic's configuration, resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicConfig {
    overrides: Values,
    defaults: Arc<Values>,
    /// The largest batch in bytes.
    pub batch_bytes_max: usize,
    /// Whose clock stamps records.
    pub timestamp_type: TimestampType,
    /// How far ahead of the broker's clock a timestamp may be, in milliseconds.
    pub timestamp_ahead_ms: i64,
    /// How far behind the broker's clock a timestamp may be, in milliseconds.
    pub timestamp_behind_ms: i64,
    /// The codec at rest; none keeps the producer's.
    pub compression: Option<Compression>,
    /// When a write is acknowledged.
    pub durability: Durability,
    /// Whether it is a stream among the queues.
    pub is_stream: bool,
    /// What the log keeps.
    pub policy: LogPolicy,
}

impl TopicConfig {
    /// Resolves `overrides` over the broker's `defaults`.
    pub fn new(overrides: Values, defaults: &Arc<Values>) -> Result<Self, ConfigError> {
        for (name, value) in &overrides {
            check(name, value)?;
        }
        let lookup = |name: &str| lookup(&overrides, defaults, name).0;
        let long = |name: &str| -> i64 {
            lookup(name)
                .trim()
                .parse()
                .expect("values were checked when they were set")
        };
        let words = |name: &str| lookup(name).split(',').map(str::trim).collect::<Vec<_>>();
        let unsigned = |name: &str| u64::try_from(long(name)).ok();
        let policy = words("cleanup.policy");
        let dirty_ratio = lookup("min.cleanable.dirty.ratio").trim().parse();
        let compaction = policy.contains(&"compact").then(|| CompactionPolicy {
            dirty_ratio: dirty_ratio.expect("values were checked when they were set"),
            tombstone_ms: unsigned("delete.retention.ms").unwrap_or_default(),
            lag_ms: unsigned("min.compaction.lag.ms").unwrap_or_default(),
        });
        let policy = LogPolicy {
            retention_ms: unsigned("retention.ms"),
            retention_bytes: unsigned("retention.bytes"),
            delete: policy.contains(&"delete"),
            compaction,
            segment_bytes: unsigned("segment.bytes").unwrap_or(u64::MAX),
            segment_ms: unsigned("segment.ms").unwrap_or(u64::MAX),
        };
        let compression = match lookup("compression.type") {
            "uncompressed" => Some(Compression::None),
            "gzip" => Some(Compression::Gzip),
            "snappy" => Some(Compression::Snappy),
            "lz4" => Some(Compression::Lz4),
            "zstd" => Some(Compression::Zstd),
            _ => None,
        };
        let durability = match lookup("forebay.durability") {
            "memory" => Durability::Memory,
            "os" => Durability::Os,
            _ => Durability::Fsync,
        };
        let timestamp_type = match lookup("message.timestamp.type") {
            "LogAppendTime" => TimestampType::LogAppendTime,
            _ => TimestampType::CreateTime,
        };
        Ok(Self {
            batch_bytes_max: usize::try_from(long("max.message.bytes")).unwrap_or(usize::MAX),
            timestamp_type,
            timestamp_ahead_ms: long("message.timestamp.after.max.ms"),
            timestamp_behind_ms: long("message.timestamp.before.max.ms"),
            compression,
            durability,
            is_stream: lookup("forebay.stream").trim() == "true",
            policy,
            defaults: Arc::clone(defaults),
            overrides,
        })
    }

    /// This configuration with `changes` made to it.
    pub fn changed(&self, changes: &[ConfigChange]) -> Result<Self, ConfigError> {
        let mut overrides = self.overrides.clone();
        for change in changes {
            match change {
                ConfigChange::Set(name, value) => {
                    overrides.insert(name.clone(), value.clone());
                }
                ConfigChange::Delete(name) => {
                    definition(name).ok_or_else(|| ConfigError::Unknown(name.clone()))?;
                    overrides.remove(name);
                }
                ConfigChange::Append(name, words) => {
                    let mut list = self.list(&overrides, name)?;
                    for word in split(words) {
                        if !list.contains(&word) {
                            list.push(word);
                        }
                    }
                    overrides.insert(name.clone(), list.join(","));
                }
                ConfigChange::Subtract(name, words) => {
                    let gone: Vec<String> = split(words).collect();
                    let mut list = self.list(&overrides, name)?;
                    list.retain(|word| !gone.contains(word));
                    overrides.insert(name.clone(), list.join(","));
                }
            }
        }
        Self::new(overrides, &self.defaults)
    }

    /// What was set for this topic.
    pub fn overrides(&self) -> &Values {
        &self.overrides
    }

    /// Every configuration with its value and where that comes from, sorted by name.
    pub fn all(&self) -> impl Iterator<Item = (&'static ConfigDefinition, &str, ConfigSource)> {
        CONFIGS.iter().map(|definition| {
            let (value, source) = lookup(&self.overrides, &self.defaults, definition.name);
            (definition, value, source)
        })
    }

    /// What the broker's default for `name` is, where the broker has one of its own.
    pub fn broker_default(&self, name: &str) -> Option<&str> {
        self.defaults.get(name).map(String::as_str)
    }

    fn list(&self, overrides: &Values, name: &str) -> Result<Vec<String>, ConfigError> {
        let found = definition(name).ok_or_else(|| ConfigError::Unknown(name.to_owned()))?;
        if !matches!(found.kind, super::ConfigKind::List(_)) {
            return Err(ConfigError::NotAList(name.to_owned()));
        }
        Ok(split(lookup(overrides, &self.defaults, name).0).collect())
    }
}

/// Fails unless `value` can be the value of `name`.
pub fn check(name: &str, value: &str) -> Result<(), ConfigError> {
    let found = definition(name).ok_or_else(|| ConfigError::Unknown(name.to_owned()))?;
    found.check(value).map_err(|reason| ConfigError::Invalid {
        name: name.to_owned(),
        value: value.to_owned(),
        reason,
    })
}

fn lookup<'a>(overrides: &'a Values, defaults: &'a Values, name: &str) -> (&'a str, ConfigSource) {
    if let Some(value) = overrides.get(name) {
        return (value, ConfigSource::Topic);
    }
    if let Some(value) = defaults.get(name) {
        return (value, ConfigSource::Broker);
    }
    (
        definition(name).map_or("", |definition| definition.default),
        ConfigSource::Default,
    )
}

fn split(words: &str) -> impl Iterator<Item = String> + '_ {
    words
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(changes: &[ConfigChange]) -> Result<TopicConfig, ConfigError> {
        TopicConfig::new(Values::new(), &Arc::default())?.changed(changes)
    }

    #[test]
    fn lists_are_appended_to_and_subtracted_from() {
        let append = ConfigChange::Append("cleanup.policy".into(), "compact".into());
        let both = config(&[append]).unwrap();
        assert!(both.policy.delete && both.policy.compaction.is_some());
        let subtract = ConfigChange::Subtract("cleanup.policy".into(), "delete".into());
        assert!(!both.changed(&[subtract]).unwrap().policy.delete);
    }

    #[test]
    fn a_deleted_override_gives_way_to_the_default() {
        let set = ConfigChange::Set("retention.ms".into(), "1".into());
        let changed = config(&[set]).unwrap();
        assert_eq!(changed.policy.retention_ms, Some(1));
        let deleted = changed
            .changed(&[ConfigChange::Delete("retention.ms".into())])
            .unwrap();
        assert_eq!(deleted.policy.retention_ms, Some(604_800_000));
        assert!(deleted.overrides().is_empty());
    }

    #[test]
    fn unknown_names_and_values_that_are_no_list_are_refused() {
        let unknown = ConfigChange::Set("retention".into(), "1".into());
        assert!(matches!(config(&[unknown]), Err(ConfigError::Unknown(_))));
        let no_list = ConfigChange::Append("retention.ms".into(), "1".into());
        assert!(matches!(config(&[no_list]), Err(ConfigError::NotAList(_))));
    }
}
