//! `forebay topic`: create, list, describe, alter, delete; one file each.

mod alter;
mod create;
mod delete;
mod describe;
mod list;

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::connection::{Global, setting};
use super::failure::Failure;
use crate::config::setting::{Durability, Limit, Setting};
use crate::config::units::ByteSize;
use alter::Alter;
use create::Create;
use delete::Delete;
use describe::Describe;
use list::List;

/// Create, list, describe, alter and delete topics
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  forebay topic create orders --partitions 12 --retention 30d
  forebay topic list
  forebay topic describe orders
  forebay topic alter orders --config max.message.bytes=10485760
  forebay topic delete orders --yes")]
pub(crate) struct Topic {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create topics
    #[command(after_help = "\
Examples:
  forebay topic create orders
  forebay topic create orders payments --partitions 12
  forebay topic create clicks --durability os --retention 6h --retention-bytes 10GB
  forebay topic create customers --cleanup compact")]
    Create(Create),
    /// List topics
    List(List),
    /// Show a topic's partitions and configuration
    Describe(Describe),
    /// Change a topic's configuration, or give it more partitions
    #[command(after_help = "\
Examples:
  forebay topic alter orders --partitions 24
  forebay topic alter orders --retention unlimited
  forebay topic alter orders --config compression.type=zstd --unset retention.bytes")]
    Alter(Alter),
    /// Delete topics and every message in them
    Delete(Delete),
}

/// Configuration of a topic: flags in human units for what is set most, `--config` for the rest.
#[derive(Debug, Default, Args)]
pub(crate) struct TopicConfig {
    /// How long messages are kept, or unlimited
    #[arg(long, value_name = "DURATION", value_parser = setting::<Limit<Duration>>)]
    retention: Option<Limit<Duration>>,
    /// How many bytes each partition keeps, or unlimited
    #[arg(long, value_name = "SIZE", value_parser = setting::<Limit<ByteSize>>)]
    retention_bytes: Option<Limit<ByteSize>>,
    /// What happens to old messages: delete, or compact to the last one of each key
    #[arg(long, value_name = "POLICY", value_delimiter = ',')]
    cleanup: Vec<Cleanup>,
    /// What an acknowledgement promises: fsync, os or memory
    #[arg(long, value_name = Durability::PLACEHOLDER, value_parser = setting::<Durability>)]
    durability: Option<Durability>,
    /// Any other entry by its Kafka name; may be repeated
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = key_value)]
    config: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Cleanup {
    Delete,
    Compact,
}

impl TopicConfig {
    /// The entries in Kafka's names and units, in the order in which they were given.
    pub(crate) fn entries(&self) -> Vec<(String, String)> {
        let mut entries = Vec::new();
        let mut push = |key: &str, value: String| entries.push((key.to_owned(), value));
        if let Some(retention) = self.retention {
            let millis = match retention {
                Limit::Unlimited => "-1".to_owned(),
                Limit::At(duration) => duration.as_millis().to_string(),
            };
            push("retention.ms", millis);
        }
        if let Some(bytes) = self.retention_bytes {
            let bytes = match bytes {
                Limit::Unlimited => "-1".to_owned(),
                Limit::At(size) => size.0.to_string(),
            };
            push("retention.bytes", bytes);
        }
        if !self.cleanup.is_empty() {
            let word = |policy: &Cleanup| match policy {
                Cleanup::Delete => "delete",
                Cleanup::Compact => "compact",
            };
            let words: Vec<&str> = self.cleanup.iter().map(word).collect();
            push("cleanup.policy", words.join(","));
        }
        if let Some(durability) = self.durability {
            push("forebay.durability", durability.show());
        }
        entries.extend(self.config.iter().cloned());
        entries
    }
}

/// Reads `KEY=VALUE`.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

impl Topic {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        if let Action::Alter(alter) = &self.action {
            alter.check()?;
        }
        let json = global.json;
        global.with_client(async |client| match self.action {
            Action::Create(create) => create.run(&client, json).await,
            Action::List(list) => list.run(&client, json).await,
            Action::Describe(describe) => describe.run(&client, json).await,
            Action::Alter(alter) => alter.run(&client, json).await,
            Action::Delete(delete) => delete.run(&client, json).await,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn human_units_become_kafkas_entries() {
        let config = TopicConfig {
            retention: Limit::parse("7d"),
            retention_bytes: Limit::parse("unlimited"),
            cleanup: vec![Cleanup::Compact, Cleanup::Delete],
            durability: Some(Durability::Os),
            config: vec![key_value("max.message.bytes=10").unwrap()],
        };
        let entries: Vec<String> = config
            .entries()
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        assert_eq!(
            entries,
            [
                "retention.ms=604800000",
                "retention.bytes=-1",
                "cleanup.policy=compact,delete",
                "forebay.durability=os",
                "max.message.bytes=10",
            ]
        );
    }

    #[test]
    fn an_entry_needs_a_key_but_may_have_an_empty_value() {
        assert_eq!(key_value("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(key_value("a="), Ok(("a".to_owned(), String::new())));
        assert!(key_value("a").is_err() && key_value("=b").is_err());
    }
}
