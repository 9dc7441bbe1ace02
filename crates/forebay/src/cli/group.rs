//! `forebay group`: list, describe and reset consumer groups.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use super::connection::Global;
use super::failure::Failure;
use super::position::{FORMS, Position};

/// List, describe and reset consumer groups
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  forebay group list
  forebay group describe billing
  forebay group reset billing --topic orders --to -1h
  forebay group reset billing --all-topics --to latest --execute")]
pub(crate) struct Group {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List groups
    List,
    /// Show a group's members, offsets and lag
    Describe(Describe),
    /// Move a group's committed offsets
    ///
    /// Shows what would change; --execute does it. The group must have no active members.
    Reset(Reset),
}

/// What `group describe` was told.
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// Names of the groups
    #[arg(required = true, value_name = "GROUP")]
    names: Vec<String>,
}

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

/// A topic, and the partitions that are meant; none means all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Selection {
    topic: String,
    partitions: Vec<i32>,
}

/// Reads `orders` or `orders:0,3`.
fn selection(text: &str) -> Result<Selection, String> {
    let expected = || "expected TOPIC or TOPIC:PARTITION,PARTITION".to_owned();
    let (topic, partitions) = match text.split_once(':') {
        None => (text, Vec::new()),
        Some((topic, list)) => {
            let number = |word: &str| word.parse::<u16>().map(i32::from).map_err(|_| expected());
            (
                topic,
                list.split(',').map(number).collect::<Result<_, _>>()?,
            )
        }
    };
    if topic.is_empty() {
        Err(expected())
    } else {
        Ok(Selection {
            topic: topic.to_owned(),
            partitions,
        })
    }
}

/// The selections by topic: one that is named twice is merged, and all partitions win over some.
fn merge(selections: &[Selection]) -> BTreeMap<&str, Vec<i32>> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for selection in selections {
        match topics.get_mut(selection.topic.as_str()) {
            None => {
                topics.insert(&selection.topic, selection.partitions.clone());
            }
            Some(partitions) if partitions.is_empty() || selection.partitions.is_empty() => {
                partitions.clear();
            }
            Some(partitions) => partitions.extend(&selection.partitions),
        }
    }
    for partitions in topics.values_mut() {
        partitions.sort_unstable();
        partitions.dedup();
    }
    topics
}

impl Group {
    pub(crate) fn run(self, _global: &Global) -> Result<(), Failure> {
        if let Action::Reset(reset) = &self.action {
            let _ = merge(&reset.topics);
        }
        Err(super::not_in_this_build("group"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_may_name_its_partitions() {
        let some = Selection {
            topic: "orders".to_owned(),
            partitions: vec![0, 3],
        };
        assert_eq!(selection("orders:0,3"), Ok(some));
        assert_eq!(selection("orders").unwrap().partitions, Vec::<i32>::new());
        for wrong in ["", ":1", "orders:", "orders:a", "orders:-1", "orders:1,"] {
            assert!(selection(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_topic_that_is_named_twice_is_reset_once() {
        let selections: Vec<_> = ["a:3,1", "a:1,2", "b:1", "b"]
            .iter()
            .map(|text| selection(text).unwrap())
            .collect();
        let merged = merge(&selections);
        assert_eq!(merged["a"], [1, 2, 3]);
        assert!(merged["b"].is_empty(), "all partitions");
    }
}
