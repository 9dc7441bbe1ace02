//! `forebay topic alter`.

use clap::Args;
use forebay_kafka::client::Client;
use serde_json::json;

use super::TopicConfig;
use crate::cli::failure::{Cause, Failure};
use crate::cli::progress::counted;
use crate::cli::{output, terminal};

/// What `topic alter` was told.
#[derive(Debug, Args)]
pub(crate) struct Alter {
    /// Name of the topic
    #[arg(value_name = "TOPIC")]
    name: String,
    /// New number of partitions; it can only grow
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    #[command(flatten)]
    config: TopicConfig,
    /// Go back to the broker's default for this entry; may be repeated
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
}

impl Alter {
    /// What a command line asks for that changes nothing.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.partitions.is_none() && self.config.entries().is_empty() && self.unset.is_empty() {
            let message = format!("nothing to alter in topic {}", self.name);
            return Err(Failure::new(Cause::Usage, message)
                .hint("--partitions, --retention, --config or --unset says what"));
        }
        Ok(())
    }

    pub(super) async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let set = self.config.entries();
        let mut changes = Vec::new();
        if !set.is_empty() || !self.unset.is_empty() {
            client
                .incremental_alter_configs(&self.name, &set, &self.unset)
                .await?;
            changes.extend(set.iter().map(|(key, value)| format!("{key}={value}")));
            changes.extend(self.unset.iter().map(|key| format!("{key} unset")));
        }
        if let Some(partitions) = self.partitions {
            let grown = client.create_partitions(&self.name, partitions).await;
            if let Err(error) = grown {
                let failure = Failure::from(error);
                // The configuration was changed already, and whoever reads this must know.
                return Err(match changes.is_empty() {
                    true => failure,
                    false => failure.hint(format!("altered before that: {}", changes.join(", "))),
                });
            }
            changes.push(counted(partitions.unsigned_abs().into(), "partition"));
        }
        if json {
            let set: serde_json::Map<_, _> = set
                .into_iter()
                .map(|(key, value)| (key, value.into()))
                .collect();
            return output::print_json(&json!({
                "name": self.name,
                "partitions": self.partitions,
                "set": set,
                "unset": self.unset,
            }));
        }
        terminal::note(&format!(
            "altered topic {}: {}",
            self.name,
            changes.join(", ")
        ));
        Ok(())
    }
}
