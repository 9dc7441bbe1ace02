//! `forebay queue describe`.

use std::fmt::Write;
use std::time::Duration;

use clap::Args;
use indicatif::BinaryBytes;
use serde_json::Value;

use super::list::dead_letters_to;
use super::{Queues, number};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::progress::{counted, grouped};
use crate::cli::table::Table;
use crate::config::units::show_duration;

/// What `queue describe` was told.
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// Names of the queues
    #[arg(required = true, value_name = "QUEUE")]
    names: Vec<String>,
}

impl Describe {
    pub(super) async fn run(self, queues: &mut Queues, json: bool) -> Result<(), Failure> {
        let mut found = Vec::new();
        for name in &self.names {
            found.push(queues.one(name).await?);
        }
        if json {
            return output::print_json(&Value::Array(found));
        }
        let texts: Vec<String> = found.iter().map(report).collect();
        output::print_data(&texts.join("\n"))
    }
}

fn report(queue: &Value) -> String {
    let mut text = format!(
        "Queue {}: {} ready ({}), {} locked, {} delayed, {}\n\n",
        queue["name"].as_str().unwrap_or_default(),
        counted(number(&queue["ready"]), "message"),
        BinaryBytes(number(&queue["ready_bytes"])),
        grouped(number(&queue["locked"])),
        grouped(number(&queue["delayed"])),
        counted(number(&queue["consumers"]), "consumer"),
    );
    let mut seen = Table::new(["SINCE IT WAS MADE", "MESSAGES"]).right_aligned(&[1]);
    let totals = &queue["totals"];
    for (label, field) in [
        ("came in", "enqueued"),
        ("delivered", "delivered"),
        ("delivered again", "redelivered"),
        ("acknowledged", "acked"),
        ("purged", "purged"),
        ("moved elsewhere", "moved"),
    ] {
        seen.row([label, &grouped(number(&totals[field]))]);
    }
    for (label, field) in [
        ("dead letters", "dead_lettered"),
        ("dead and dropped", "dropped"),
    ] {
        for (reason, count) in totals[field].as_object().into_iter().flatten() {
            seen.row([&format!("{label}, {reason}"), &grouped(number(count))]);
        }
    }
    let mut topics = Table::new(["SUBSCRIBED TO", "PARTITIONS", "LAG"]).right_aligned(&[1, 2]);
    let subscriptions = queue["subscriptions"].as_array();
    for subscription in subscriptions.into_iter().flatten() {
        let partitions = subscription["partitions"].as_array().map_or(0, Vec::len);
        topics.row([
            subscription["topic"].as_str().unwrap_or_default(),
            &grouped(partitions as u64),
            &grouped(number(&subscription["lag"])),
        ]);
    }
    let mut settings = Table::new(["SETTING", "VALUE"]);
    let yes_or_no = |value: &Value| match value.as_bool() {
        Some(true) => "yes".to_owned(),
        _ => "no".to_owned(),
    };
    settings.row(["durable", &yes_or_no(&queue["durable"])]);
    settings.row(["dead letters to", &dead_letters_to(queue)]);
    for (label, value) in [
        (
            "delivery limit",
            queue["delivery_limit"].as_u64().map(grouped),
        ),
        ("time to live", queue["ttl_ms"].as_u64().map(shown_ms)),
        ("most messages", queue["max_messages"].as_u64().map(grouped)),
        ("most bytes", queue["max_bytes"].as_u64().map(grouped)),
    ] {
        if let Some(value) = value {
            settings.row([label, &value]);
        }
    }
    write!(text, "{seen}\n{settings}").expect("strings take all that is written");
    if subscriptions.is_some_and(|all| !all.is_empty()) {
        write!(text, "\n{topics}").expect("strings take all that is written");
    }
    text
}

fn shown_ms(ms: u64) -> String {
    show_duration(Duration::from_millis(ms))
}
