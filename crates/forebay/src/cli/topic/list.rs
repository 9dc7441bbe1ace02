//! `forebay topic list`.

use clap::Args;
use forebay_kafka::client::Client;
use indicatif::BinaryBytes;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::progress::grouped;
use crate::cli::table::Table;
use crate::cli::{output, terminal};

/// What `topic list` was told.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Also list internal topics
    #[arg(long)]
    internal: bool,
}

impl List {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let mut topics = client.list_topics().await?;
        topics.retain(|topic| self.internal || !topic.internal);
        // Not every broker tells, nor tells everyone; the list is of use without.
        let sizes = client.log_sizes(None).await.unwrap_or_default();
        let size = |name: &str| sizes.get(name).map(|sizes| sizes.values().sum::<u64>());
        if json {
            let topics = topics.iter().map(|topic| {
                json!({
                    "name": topic.name,
                    "partitions": topic.partitions.len(),
                    "size_bytes": size(&topic.name),
                    "internal": topic.internal,
                })
            });
            return output::print_json(&Value::Array(topics.collect()));
        }
        if topics.is_empty() {
            terminal::note("no topics yet; forebay topic create NAME makes one");
            return Ok(());
        }
        let mut table = Table::new(["TOPIC", "PARTITIONS", "SIZE"]).right_aligned(&[1, 2]);
        for topic in &topics {
            let partitions = grouped(topic.partitions.len() as u64);
            let size = size(&topic.name).map(|size| BinaryBytes(size).to_string());
            table.row([&topic.name, &partitions, size.as_deref().unwrap_or("-")]);
        }
        output::print_data(&table)
    }
}
