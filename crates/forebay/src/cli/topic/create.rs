//! `forebay topic create`.

use clap::Args;
use forebay_kafka::client::{Client, ClientError, NewTopic};
use serde_json::{Value, json};

use super::TopicConfig;
use crate::cli::failure::Failure;
use crate::cli::progress::counted;
use crate::cli::{output, terminal};

/// What `topic create` was told.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Names of the topics
    #[arg(required = true, value_name = "TOPIC")]
    names: Vec<String>,
    /// Number of partitions [default: the broker's num-partitions]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    #[command(flatten)]
    config: TopicConfig,
    /// Succeed when a topic exists already
    #[arg(long)]
    if_not_exists: bool,
}

impl Create {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let topic = |name: &String| NewTopic {
            name: name.clone(),
            partitions: self.partitions,
            configs: self.config.entries(),
        };
        let topics: Vec<NewTopic> = self.names.iter().map(topic).collect();
        let mut done = Vec::new();
        let mut failures = Vec::new();
        for (topic, result) in topics.iter().zip(client.create_topics(&topics).await?) {
            match result {
                Ok(created) => {
                    let partitions = counted(created.partitions.unsigned_abs().into(), "partition");
                    if !json {
                        terminal::note(&format!("created topic {} with {partitions}", topic.name));
                    }
                    done.push(json!({
                        "name": topic.name, "created": true, "partitions": created.partitions,
                    }));
                }
                Err(ClientError::AlreadyExists(_)) if self.if_not_exists => {
                    if !json {
                        terminal::note(&format!("topic {} exists already", topic.name));
                    }
                    done.push(json!({ "name": topic.name, "created": false }));
                }
                Err(ClientError::AlreadyExists(subject)) => failures.push(
                    Failure::from(ClientError::AlreadyExists(subject))
                        .hint("--if-not-exists takes that for success"),
                ),
                Err(error) => failures.push(Failure::from(error)),
            }
        }
        if json {
            output::print_json(&Value::Array(done))?;
        }
        Failure::all(failures)
    }
}
