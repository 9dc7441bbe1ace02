//! `forebay queue dlq`.

use std::collections::BTreeMap;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Queues, number};
use crate::cli::failure::Failure;
use crate::cli::format_string::show_time;
use crate::cli::progress::{counted, grouped};
use crate::cli::table::Table;
use crate::cli::{output, terminal};
use crate::config::units::show_duration;

/// What `queue dlq` was told.
#[derive(Debug, Args)]
pub(crate) struct Dlq {
    /// Name of the queue; without, every queue that the dead of others come to
    #[arg(value_name = "QUEUE")]
    name: Option<String>,
    /// How many messages of each queue are looked at, from the oldest on
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    look: u64,
}

/// Messages that died last in the same queue, of the same reason.
#[derive(Debug, Default, PartialEq, Eq)]
struct Group {
    messages: u64,
    /// Deaths of the message that died most often.
    most: u64,
    oldest_ms: i64,
    newest_ms: i64,
    first_offset: u64,
}

/// What was found in a queue, by source and reason.
#[derive(Debug, Default)]
struct Found {
    groups: BTreeMap<(String, String), Group>,
    looked: u64,
    more: bool,
}

impl Dlq {
    pub(super) async fn run(self, queues: &mut Queues, json: bool) -> Result<(), Failure> {
        let now_ms = Timestamp::now().as_millisecond();
        let wanted = match &self.name {
            Some(name) => vec![queues.one(name).await?],
            None => queues.all(true).await?,
        };
        let mut rows = Vec::new();
        for queue in wanted {
            let name = queue["name"].as_str().unwrap_or_default().to_owned();
            // Of one connection alone nobody else sees anything.
            if queue["exclusive"].as_bool() == Some(true) {
                continue;
            }
            let found = self.look_into(queues, &name).await?;
            rows.push((queue, name, found));
        }
        if json {
            let all = rows
                .iter()
                .map(|(queue, name, found)| found.json(name, queue));
            return output::print_json(&Value::Array(all.collect()));
        }
        if rows.is_empty() {
            terminal::note("no queue is where the dead of another go");
            return Ok(());
        }
        match &self.name {
            Some(name) => self.print_one(name, &rows, now_ms),
            None => self.print_all(&rows, now_ms),
        }
    }

    async fn look_into(&self, queues: &mut Queues, name: &str) -> Result<Found, Failure> {
        let mut found = Found::default();
        let looking = queues.messages(name, 0, self.look, 0, |message| found.add(&message));
        found.more = looking.await?.is_some();
        Ok(found)
    }

    fn print_all(&self, rows: &[(Value, String, Found)], now_ms: i64) -> Result<(), Failure> {
        let heads = ["QUEUE", "READY", "SOURCE", "REASON", "MESSAGES", "OLDEST"];
        let mut table = Table::new(heads).right_aligned(&[1, 4]);
        for (queue, name, found) in rows {
            let ready = grouped(number(&queue["ready"]));
            if found.groups.is_empty() {
                let sources = queue["dead_letters_of"].as_array().into_iter().flatten();
                let sources: Vec<_> = sources.filter_map(Value::as_str).collect();
                table.row([name, &ready, &sources.join(", "), "-", "0", "-"]);
            }
            for ((source, reason), group) in &found.groups {
                table.row([
                    name,
                    &ready,
                    source,
                    reason,
                    &grouped(group.messages),
                    &age(now_ms, group.oldest_ms),
                ]);
            }
        }
        output::print_data(&table)?;
        note_more(rows);
        Ok(())
    }

    fn print_one(
        &self,
        name: &str,
        rows: &[(Value, String, Found)],
        now_ms: i64,
    ) -> Result<(), Failure> {
        let heads = [
            "SOURCE",
            "REASON",
            "MESSAGES",
            "MOST DEATHS",
            "OLDEST",
            "NEWEST",
            "FIRST OFFSET",
        ];
        let mut table = Table::new(heads).right_aligned(&[2, 3, 6]);
        for ((source, reason), group) in rows.iter().flat_map(|(_, _, found)| &found.groups) {
            table.row([
                source,
                reason,
                &grouped(group.messages),
                &grouped(group.most),
                &age(now_ms, group.oldest_ms),
                &age(now_ms, group.newest_ms),
                &group.first_offset.to_string(),
            ]);
        }
        output::print_data(&table)?;
        note_more(rows);
        terminal::note(&format!(
            "\nforebay queue peek {name} shows them; forebay queue redrive {name} sends them on their way again"
        ));
        Ok(())
    }
}

fn note_more(rows: &[(Value, String, Found)]) {
    for (_, name, found) in rows.iter().filter(|(_, _, found)| found.more) {
        let looked = counted(found.looked, "message");
        terminal::note(&format!(
            "of {name} the first {looked}; --look N looks further"
        ));
    }
}

impl Found {
    fn add(&mut self, message: &Value) {
        self.looked += 1;
        let deaths = message["deaths"].as_array();
        let last = deaths.and_then(|deaths| deaths.first());
        let text = |field: &str| {
            let found = last.and_then(|death| death[field].as_str());
            found.unwrap_or("-").to_owned()
        };
        let died_ms = last.and_then(|death| death["last_ms"].as_i64());
        let at_ms = died_ms.or(message["timestamp_ms"].as_i64()).unwrap_or(-1);
        let key = (text("queue"), text("reason"));
        let offset = number(&message["offset"]);
        let group = self.groups.entry(key).or_insert_with(|| Group {
            oldest_ms: at_ms,
            newest_ms: at_ms,
            first_offset: offset,
            ..Group::default()
        });
        group.messages += 1;
        let count = last.map_or(0, |death| number(&death["count"]));
        group.most = group.most.max(count);
        group.oldest_ms = group.oldest_ms.min(at_ms);
        group.newest_ms = group.newest_ms.max(at_ms);
    }

    fn json(&self, name: &str, queue: &Value) -> Value {
        let groups = self.groups.iter().map(|((source, reason), group)| {
            json!({
                "source": source,
                "reason": reason,
                "messages": group.messages,
                "most_deaths": group.most,
                "oldest": show_time(group.oldest_ms),
                "oldest_ms": group.oldest_ms,
                "newest": show_time(group.newest_ms),
                "newest_ms": group.newest_ms,
                "first_offset": group.first_offset,
            })
        });
        json!({
            "name": name,
            "ready": queue["ready"],
            "dead_letters_of": queue["dead_letters_of"],
            "looked": self.looked,
            "more": self.more,
            "groups": groups.collect::<Vec<_>>(),
        })
    }
}

/// How long ago, in the largest unit that says it: `3m ago`.
fn age(now_ms: i64, then_ms: i64) -> String {
    let seconds = now_ms.saturating_sub(then_ms).max(0).unsigned_abs() / 1000;
    let unit = match seconds {
        0..60 => 1,
        60..3_600 => 60,
        3_600..86_400 => 3_600,
        _ => 86_400,
    };
    let rounded = std::time::Duration::from_secs(seconds / unit * unit);
    format!("{} ago", show_duration(rounded))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(offset: u64, reason: &str, count: u64, last_ms: i64) -> Value {
        json!({ "offset": offset, "deaths": [
            { "queue": "work", "reason": reason, "count": count, "last_ms": last_ms },
            { "queue": "earlier", "reason": "expired", "count": 9, "last_ms": 1 },
        ]})
    }

    #[test]
    fn messages_are_grouped_by_their_last_death() {
        let mut found = Found::default();
        found.add(&dead(3, "rejected", 1, 2_000));
        found.add(&dead(4, "expired", 1, 3_000));
        found.add(&dead(5, "rejected", 4, 1_000));
        let rejected = Group {
            messages: 2,
            most: 4,
            oldest_ms: 1_000,
            newest_ms: 2_000,
            first_offset: 3,
        };
        let key = ("work".to_owned(), "rejected".to_owned());
        assert_eq!(found.groups[&key], rejected);
        assert_eq!(found.groups.len(), 2);
    }

    #[test]
    fn ages_are_told_in_one_unit() {
        for (seconds, text) in [
            (5, "5s ago"),
            (125, "2m ago"),
            (7_300, "2h ago"),
            (200_000, "2d ago"),
        ] {
            assert_eq!(age(seconds * 1_000, 0), text);
        }
    }
}
