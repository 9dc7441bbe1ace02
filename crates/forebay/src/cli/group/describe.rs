//! `forebay group describe`.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use forebay_kafka::client::{Client, ClientError, GroupDescription, GroupMember};
use serde_json::{Value, json};

use super::ranges::ranges;
use crate::cli::bounds::Bounds;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::progress::{counted, grouped};
use crate::cli::table::Table;

/// What `group describe` was told.
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// Names of the groups
    #[arg(required = true, value_name = "GROUP")]
    names: Vec<String>,
}

/// All that is told about a group.
struct Report {
    group: GroupDescription,
    progress: Vec<Progress>,
}

/// How far a group is in a partition.
struct Progress {
    topic: String,
    partition: i32,
    committed: Option<i64>,
    /// Nothing when the topic is gone and only the commit is left.
    bounds: Option<Bounds>,
    /// The member that reads the partition, by its place in the list.
    member: Option<usize>,
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
        let group = client.describe_group(name).await?;
        let mut committed: BTreeMap<(String, i32), i64> = BTreeMap::new();
        for found in client.fetch_offsets(name, None).await? {
            if let Some(offset) = found.offset {
                committed.insert((found.topic, found.partition), offset);
            }
        }
        let readers = readers(&group.members);
        let partitions: BTreeSet<&(String, i32)> = committed.keys().chain(readers.keys()).collect();
        let mut by_topic: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in &partitions {
            by_topic.entry(topic).or_default().push(*partition);
        }
        let mut bounds = BTreeMap::new();
        for (topic, partitions) in by_topic {
            match Bounds::of(client, topic, &partitions).await {
                Ok(found) => {
                    bounds.insert(topic, found);
                }
                Err(ClientError::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let progress = partitions.iter().map(|place| Progress {
            topic: place.0.clone(),
            partition: place.1,
            committed: committed.get(place).copied(),
            bounds: bounds
                .get(place.0.as_str())
                .and_then(|topic| topic.get(&place.1).copied()),
            member: readers.get(place).copied(),
        });
        let progress = progress.collect();
        Ok(Self { group, progress })
    }

    fn text(&self) -> String {
        let members = self.group.members.len();
        let lag = self.progress.iter().filter_map(Progress::lag).sum();
        let mut text = format!(
            "Group {}: {}, {}, lag {}\n",
            self.group.name,
            self.group.state,
            counted(members as u64, "member"),
            grouped(lag),
        );
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        if !self.progress.is_empty() {
            let heads = ["TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER"];
            let mut table = Table::new(heads).right_aligned(&[1, 2, 3, 4]);
            for progress in &self.progress {
                let end = progress.bounds.map(|bounds| bounds.end.unsigned_abs());
                let committed = progress.committed.map(i64::unsigned_abs);
                table.row([
                    &progress.topic,
                    &progress.partition.to_string(),
                    &or_dash(committed.map(grouped)),
                    &or_dash(end.map(grouped)),
                    &or_dash(progress.lag().map(grouped)),
                    &or_dash(progress.member.map(|member| (member + 1).to_string())),
                ]);
            }
            text.push_str(&format!("\n{table}"));
        }
        if members > 0 {
            let heads = ["MEMBER", "CLIENT", "HOST", "PARTITIONS", "ID"];
            let mut table = Table::new(heads).right_aligned(&[0]);
            for (at, member) in self.group.members.iter().enumerate() {
                table.row([
                    &(at + 1).to_string(),
                    &member.client_id,
                    &member.host,
                    &assigned(member),
                    member.instance_id.as_ref().unwrap_or(&member.id),
                ]);
            }
            text.push_str(&format!("\n{table}"));
        }
        text
    }

    fn json(&self) -> Value {
        let members = self.group.members.iter().map(|member| {
            json!({
                "id": member.id,
                "instance_id": member.instance_id,
                "client_id": member.client_id,
                "host": member.host,
                "assignment": member.assignment,
            })
        });
        let offsets = self.progress.iter().map(|progress| {
            json!({
                "topic": progress.topic,
                "partition": progress.partition,
                "committed_offset": progress.committed,
                "end_offset": progress.bounds.map(|bounds| bounds.end),
                "lag": progress.lag(),
                "member_id": progress.member.map(|at| &self.group.members[at].id),
            })
        });
        json!({
            "name": self.group.name,
            "state": self.group.state,
            "protocol_type": self.group.protocol_type,
            "assignor": self.group.assignor,
            "lag": self.progress.iter().filter_map(Progress::lag).sum::<u64>(),
            "members": members.collect::<Vec<_>>(),
            "offsets": offsets.collect::<Vec<_>>(),
        })
    }
}

impl Progress {
    /// Records that are still to read. What retention took meanwhile cannot be read any more.
    fn lag(&self) -> Option<u64> {
        let (committed, bounds) = (self.committed?, self.bounds?);
        let behind = bounds.end - committed.max(bounds.first);
        Some(u64::try_from(behind).unwrap_or(0))
    }
}

/// Which member reads a partition.
fn readers(members: &[GroupMember]) -> BTreeMap<(String, i32), usize> {
    let mut readers = BTreeMap::new();
    for (at, member) in members.iter().enumerate() {
        for (topic, partitions) in &member.assignment {
            for partition in partitions {
                readers.insert((topic.clone(), *partition), at);
            }
        }
    }
    readers
}

/// `orders 0-2, 5; logs 1`.
fn assigned(member: &GroupMember) -> String {
    if member.assignment.is_empty() {
        return "-".to_owned();
    }
    let topics = member
        .assignment
        .iter()
        .map(|(topic, partitions)| format!("{topic} {}", ranges(partitions)));
    topics.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_counts_what_can_still_be_read() {
        let progress = |committed, first, end| Progress {
            topic: "orders".to_owned(),
            partition: 0,
            committed,
            bounds: Some(Bounds { first, end }),
            member: None,
        };
        assert_eq!(progress(Some(70), 0, 100).lag(), Some(30));
        assert_eq!(
            progress(Some(10), 60, 100).lag(),
            Some(40),
            "the rest is gone"
        );
        assert_eq!(
            progress(Some(200), 0, 100).lag(),
            Some(0),
            "the topic is a new one"
        );
        assert_eq!(progress(None, 0, 100).lag(), None);
    }

    #[test]
    fn a_member_is_shown_with_what_it_reads() {
        let assignment = BTreeMap::from([
            ("logs".to_owned(), vec![1]),
            ("orders".to_owned(), vec![0, 1, 2, 5]),
        ]);
        let mut member = GroupMember {
            id: "m-1".to_owned(),
            instance_id: None,
            client_id: "app".to_owned(),
            host: "127.0.0.1".to_owned(),
            assignment,
        };
        assert_eq!(assigned(&member), "logs 1; orders 0-2,5");
        member.assignment.clear();
        assert_eq!(assigned(&member), "-");
    }
}
