//! `forebay queue list`.

use clap::Args;
use indicatif::BinaryBytes;
use serde_json::Value;

use super::{Queues, number};
use crate::cli::failure::Failure;
use crate::cli::progress::grouped;
use crate::cli::table::Table;
use crate::cli::{output, terminal};

/// What `queue list` was told.
#[derive(Debug, Args)]
pub(crate) struct List {}

impl List {
    pub(super) async fn run(self, queues: &mut Queues, json: bool) -> Result<(), Failure> {
        let all = queues.all(false).await?;
        if json {
            return output::print_json(&Value::Array(all));
        }
        if all.is_empty() {
            terminal::note("no queues yet; a RabbitMQ client that declares one makes it");
            return Ok(());
        }
        let heads = [
            "QUEUE",
            "READY",
            "LOCKED",
            "DELAYED",
            "SIZE",
            "CONSUMERS",
            "DEAD LETTERS TO",
        ];
        let mut table = Table::new(heads).right_aligned(&[1, 2, 3, 4, 5]);
        for queue in &all {
            table.row([
                queue["name"].as_str().unwrap_or_default(),
                &grouped(number(&queue["ready"])),
                &grouped(number(&queue["locked"])),
                &grouped(number(&queue["delayed"])),
                &BinaryBytes(number(&queue["ready_bytes"])).to_string(),
                &grouped(number(&queue["consumers"])),
                &dead_letters_to(queue),
            ]);
        }
        output::print_data(&table)
    }
}

/// Where a queue's dead go: `queue`, `exchange` or `exchange key`.
pub(super) fn dead_letters_to(queue: &Value) -> String {
    let target = &queue["dead_letter"];
    let (exchange, key) = (target["exchange"].as_str(), target["routing_key"].as_str());
    match (exchange, key) {
        (None, _) => "-".to_owned(),
        (Some(""), Some(key)) => key.to_owned(),
        (Some(""), None) => "(the message's own keys)".to_owned(),
        (Some(exchange), None) => exchange.to_owned(),
        (Some(exchange), Some(key)) => format!("{exchange} {key}"),
    }
}
