//! `forebay group reset`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use clap::Args;
use forebay_kafka::client::{Client, ClientError, NewOffset, Subject};
use serde_json::json;

use super::selection::{Selection, merge, selection};
use crate::cli::bounds::{Bounds, resolve};
use crate::cli::failure::{Cause, Failure};
use crate::cli::position::{FORMS, Position};
use crate::cli::progress::{counted, grouped};
use crate::cli::table::Table;
use crate::cli::{output, terminal};

/// What `group reset` was told.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  forebay group reset billing --topic orders --to earliest
  forebay group reset billing --topic orders:0,3 --to 1200 --execute
  forebay group reset billing --all-topics --to 2026-11-01T00:00:00Z --execute

{FORMS}"))]
pub(crate) struct Reset {
    /// Name of the group
    #[arg(value_name = "GROUP")]
    name: String,
    /// A topic to reset, or some of its partitions; may be repeated
    #[arg(short, long = "topic", value_name = "TOPIC[:N,N]", value_parser = selection)]
    #[arg(required_unless_present = "all_topics", conflicts_with = "all_topics")]
    topics: Vec<Selection>,
    /// Reset every topic that the group has committed offsets of
    #[arg(long)]
    all_topics: bool,
    /// Where to go, see below
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    #[arg(value_parser = Position::parse_now)]
    to: Position,
    /// Do it; without this nothing is changed
    #[arg(short = 'x', long)]
    execute: bool,
}

/// A commit that moves.
struct Move {
    topic: String,
    partition: i32,
    current: Option<i64>,
    new: i64,
}

impl Reset {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        self.check_unused(client).await?;
        let moves = self.moves(client).await?;
        if self.execute {
            let new: Vec<NewOffset> = moves.iter().map(Move::offset).collect();
            client.commit_offsets(&self.name, &new).await?;
        }
        if json {
            let offsets = moves.iter().map(|moved| {
                json!({
                    "topic": moved.topic,
                    "partition": moved.partition,
                    "current_offset": moved.current,
                    "new_offset": moved.new,
                })
            });
            return output::print_json(&json!({
                "name": self.name,
                "executed": self.execute,
                "offsets": offsets.collect::<Vec<_>>(),
            }));
        }
        output::print_data(&table(&moves))?;
        let offsets = counted(moves.len() as u64, "offset");
        terminal::note(&if self.execute {
            format!("\nset {offsets} of group {}", self.name)
        } else {
            "\ndry run: nothing was changed; --execute does it".to_owned()
        });
        Ok(())
    }

    /// A group that is in use would go on from where it is, and commit over what was reset.
    async fn check_unused(&self, client: &Client) -> Result<(), Failure> {
        let members = match client.describe_group(&self.name).await {
            Ok(group) => group.members.len(),
            // Offsets may be set for a group that is to come.
            Err(ClientError::NotFound(_)) => 0,
            Err(error) => return Err(error.into()),
        };
        if members == 0 {
            return Ok(());
        }
        let members = counted(members as u64, "active member");
        let message = format!("group {} has {members}", self.name);
        Err(Failure::new(Cause::Failed, message).hint(format!(
            "end its consumers first; forebay group describe {} shows them",
            self.name
        )))
    }

    async fn moves(&self, client: &Client) -> Result<Vec<Move>, Failure> {
        let mut committed: BTreeMap<String, BTreeMap<i32, i64>> = BTreeMap::new();
        for found in client.fetch_offsets(&self.name, None).await? {
            if let Some(offset) = found.offset {
                let topic = committed.entry(found.topic).or_default();
                topic.insert(found.partition, offset);
            }
        }
        let wanted: BTreeMap<&str, Vec<i32>> = if self.all_topics {
            let partitions = |of: &BTreeMap<i32, i64>| of.keys().copied().collect();
            committed
                .iter()
                .map(|(topic, of)| (topic.as_str(), partitions(of)))
                .collect()
        } else {
            merge(&self.topics)
        };
        if wanted.is_empty() {
            let message = format!("group {} has committed nothing", self.name);
            return Err(Failure::new(Cause::NotFound, message).hint("--topic names what to reset"));
        }
        let mut moves = Vec::new();
        for (topic, mut partitions) in wanted {
            let there = client.describe_topic(topic).await?.partitions;
            if partitions.is_empty() {
                partitions = there.iter().map(|partition| partition.index).collect();
            }
            let known = |wanted: &i32| there.iter().any(|partition| partition.index == *wanted);
            if let Some(missing) = partitions.iter().find(|partition| !known(partition)) {
                let subject = Subject::Partition(topic.to_owned(), *missing);
                return Err(ClientError::NotFound(subject).into());
            }
            let bounds = Bounds::of(client, topic, &partitions).await?;
            for (partition, new) in resolve(client, topic, &bounds, self.to).await? {
                let current = committed
                    .get(topic)
                    .and_then(|of| of.get(&partition).copied());
                moves.push(Move {
                    topic: topic.to_owned(),
                    partition,
                    current,
                    new,
                });
            }
        }
        Ok(moves)
    }
}

impl Move {
    fn offset(&self) -> NewOffset {
        NewOffset {
            topic: self.topic.clone(),
            partition: self.partition,
            offset: self.new,
        }
    }

    /// How far it goes: `+1,200`, `-30`.
    fn distance(&self) -> String {
        let Some(current) = self.current else {
            return "new".to_owned();
        };
        let distance = grouped(self.new.abs_diff(current));
        match self.new.cmp(&current) {
            Ordering::Less => format!("-{distance}"),
            Ordering::Equal => "same".to_owned(),
            Ordering::Greater => format!("+{distance}"),
        }
    }
}

fn table(moves: &[Move]) -> Table {
    let heads = ["TOPIC", "PARTITION", "CURRENT", "NEW", "CHANGE"];
    let mut table = Table::new(heads).right_aligned(&[1, 2, 3, 4]);
    for moved in moves {
        let current = moved.current.map(|offset| grouped(offset.unsigned_abs()));
        table.row([
            &moved.topic,
            &moved.partition.to_string(),
            current.as_deref().unwrap_or("-"),
            &grouped(moved.new.unsigned_abs()),
            &moved.distance(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_are_shown_with_their_distance() {
        let moved = |current, new| Move {
            topic: "orders".to_owned(),
            partition: 0,
            current,
            new,
        };
        let moves = [moved(Some(1000), 2200), moved(Some(30), 0), moved(None, 5)];
        assert_eq!(
            table(&moves).to_string(),
            "\
TOPIC   PARTITION  CURRENT    NEW  CHANGE
orders          0    1,000  2,200  +1,200
orders          0       30      0     -30
orders          0        -      5     new
"
        );
    }
}
