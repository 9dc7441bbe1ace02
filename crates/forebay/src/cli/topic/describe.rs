//! `forebay topic describe`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use clap::Args;
use forebay_kafka::client::{Client, ConfigEntry, ConfigSource, TopicDescription};
use indicatif::BinaryBytes;
use serde_json::{Map, Value, json};

use crate::cli::bounds::Bounds;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::progress::{counted, grouped};
use crate::cli::table::Table;
use crate::config::units::{ByteSize, show_duration};

/// What `topic describe` was told.
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// Names of the topics
    #[arg(required = true, value_name = "TOPIC")]
    names: Vec<String>,
}

/// All that is told about a topic.
struct Report {
    topic: TopicDescription,
    bounds: BTreeMap<i32, Bounds>,
    sizes: BTreeMap<i32, u64>,
    /// What was set on the topic itself.
    config: Vec<ConfigEntry>,
}

impl Describe {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let mut reports = Vec::new();
        for name in &self.names {
            reports.push(Report::of(client, name).await?);
        }
        if json {
            return output::print_json(&reports.iter().map(Report::json).collect());
        }
        let texts: Vec<String> = reports.iter().map(Report::text).collect();
        output::print_data(&texts.join("\n"))
    }
}

impl Report {
    async fn of(client: &Client, name: &str) -> Result<Self, Failure> {
        let topic = client.describe_topic(name).await?;
        // A partition without leader has no offsets to tell, and is what one wants to see here.
        let led: Vec<i32> = topic
            .partitions
            .iter()
            .filter(|partition| partition.leader.is_some())
            .map(|partition| partition.index)
            .collect();
        let bounds = Bounds::of(client, name, &led).await?;
        let asked = BTreeMap::from([(name.to_owned(), led)]);
        // Not every broker tells, nor tells everyone.
        let sizes = client.log_sizes(Some(&asked)).await.unwrap_or_default();
        let mut config = client.describe_configs(name).await?;
        config.retain(|entry| entry.source == ConfigSource::Topic);
        Ok(Self {
            topic,
            bounds,
            sizes: sizes.into_values().next().unwrap_or_default(),
            config,
        })
    }

    fn records(&self) -> u64 {
        self.bounds.values().map(|bounds| bounds.records()).sum()
    }

    fn text(&self) -> String {
        let mut text = format!(
            "Topic {}: {}, {}",
            self.topic.name,
            counted(self.topic.partitions.len() as u64, "partition"),
            counted(self.records(), "record"),
        );
        if !self.sizes.is_empty() {
            let size = BinaryBytes(self.sizes.values().sum());
            write!(text, ", {size}").expect("strings take all that is written");
        }
        let heads = ["PARTITION", "LEADER", "START", "END", "RECORDS", "SIZE"];
        let mut table = Table::new(heads).right_aligned(&[0, 1, 2, 3, 4, 5]);
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        for partition in &self.topic.partitions {
            let bounds = self.bounds.get(&partition.index);
            let size = self.sizes.get(&partition.index);
            table.row([
                &partition.index.to_string(),
                &partition
                    .leader
                    .map_or_else(|| "none".to_owned(), |leader| leader.to_string()),
                &or_dash(bounds.map(|bounds| grouped(bounds.first.unsigned_abs()))),
                &or_dash(bounds.map(|bounds| grouped(bounds.end.unsigned_abs()))),
                &or_dash(bounds.map(|bounds| grouped(bounds.records()))),
                &or_dash(size.map(|size| BinaryBytes(*size).to_string())),
            ]);
        }
        write!(text, "\n\n{table}").expect("strings take all that is written");
        if !self.config.is_empty() {
            let mut table = Table::new(["CONFIG", "VALUE", ""]);
            for entry in &self.config {
                let value = entry.value.as_deref().unwrap_or("(secret)");
                table.row([&entry.name, value, &meaning(&entry.name, value)]);
            }
            write!(text, "\n{table}").expect("strings take all that is written");
        }
        text
    }

    fn json(&self) -> Value {
        let partitions = self.topic.partitions.iter().map(|partition| {
            let bounds = self.bounds.get(&partition.index);
            json!({
                "partition": partition.index,
                "leader": partition.leader,
                "replicas": partition.replicas,
                "in_sync": partition.in_sync,
                "start_offset": bounds.map(|bounds| bounds.first),
                "end_offset": bounds.map(|bounds| bounds.end),
                "size_bytes": self.sizes.get(&partition.index),
            })
        });
        let config: Map<String, Value> = self
            .config
            .iter()
            .map(|entry| (entry.name.clone(), entry.value.clone().into()))
            .collect();
        json!({
            "name": self.topic.name,
            "id": self.topic.id.to_string(),
            "internal": self.topic.internal,
            "partitions": partitions.collect::<Vec<_>>(),
            "config": config,
        })
    }
}

/// An entry in units that people read; empty where the value says it all.
fn meaning(name: &str, value: &str) -> String {
    match (name.rsplit('.').next(), value.parse::<i64>()) {
        (Some("ms" | "bytes"), Ok(-1)) => "unlimited".to_owned(),
        (Some("ms"), Ok(millis)) if millis > 0 => {
            show_duration(Duration::from_millis(millis.unsigned_abs()))
        }
        (Some("bytes"), Ok(bytes)) if bytes >= 1000 => {
            let size = ByteSize(bytes.unsigned_abs()).to_string();
            // A size that no unit divides is shown as it is, and that is said already.
            if size == value { String::new() } else { size }
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_shown_in_units_that_people_read() {
        assert_eq!(meaning("retention.ms", "604800000"), "7d");
        assert_eq!(meaning("retention.bytes", "-1"), "unlimited");
        assert_eq!(meaning("segment.bytes", "1073741824"), "1GiB");
        assert_eq!(meaning("max.message.bytes", "1048588"), "");
        assert_eq!(meaning("cleanup.policy", "compact"), "");
        assert_eq!(meaning("min.insync.replicas", "2"), "");
    }
}
