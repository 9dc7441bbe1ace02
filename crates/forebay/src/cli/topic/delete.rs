//! `forebay topic delete`.

use clap::Args;
use forebay_kafka::client::Client;
use serde_json::{Value, json};

use crate::cli::bounds::Bounds;
use crate::cli::failure::Failure;
use crate::cli::progress::counted;
use crate::cli::{confirm, output, terminal};

/// What `topic delete` was told.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Names of the topics
    #[arg(required = true, value_name = "TOPIC")]
    names: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Delete {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        if !self.yes {
            for name in &self.names {
                confirm::by_name(&question(client, name).await?, name)?;
            }
        }
        let mut done = Vec::new();
        let mut failures = Vec::new();
        for (name, result) in self
            .names
            .iter()
            .zip(client.delete_topics(&self.names).await?)
        {
            match result {
                Ok(()) => {
                    if !json {
                        terminal::note(&format!("deleted topic {name}"));
                    }
                    done.push(json!({ "name": name, "deleted": true }));
                }
                Err(error) => failures.push(Failure::from(error)),
            }
        }
        if json {
            output::print_json(&Value::Array(done))?;
        }
        Failure::all(failures)
    }
}

/// What is about to be lost.
async fn question(client: &Client, name: &str) -> Result<String, Failure> {
    let topic = client.describe_topic(name).await?;
    let partitions: Vec<i32> = topic
        .partitions
        .iter()
        .map(|partition| partition.index)
        .collect();
    let bounds = Bounds::of(client, name, &partitions).await?;
    let records = bounds.values().map(|bounds| bounds.records()).sum();
    let records = counted(records, "record");
    Ok(format!("deleting topic {name} with {records}"))
}
