//! `forebay consume`: records of a topic, in a format of one's own or as JSON lines.

mod membership;
mod printer;
mod reader;

use std::collections::BTreeMap;

use clap::Args;
use forebay_kafka::client::{Client, ClientError, Subject};

use super::bounds::{Bounds, resolve};
use super::connection::Global;
use super::failure::Failure;
use super::format_string::{FormatString, LETTERS};
use super::interrupt::{self, unless_interrupted};
use super::position::{FORMS, Position};
use super::terminal;
use crate::signals::Stop;
use membership::Membership;
use printer::{Form, Printer};
use reader::{Place, Reader, Round};

const EXAMPLES: &str = "\
Examples:
  forebay consume orders --from beginning
  forebay consume orders --follow
  forebay consume orders --from -1h --format '%d %k: %v\\n'
  forebay consume orders --from -10 --json | jq .value
  forebay consume orders --partition 3 --from 1234 --count 1
  forebay consume orders --group billing --follow";

/// Read messages
///
/// Reads what the topic holds and ends, or goes on with --follow. Without --from it reads from
/// the beginning, with --follow alone from the end, with --group from what the group committed.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{FORMS}\n\n{LETTERS}"))]
pub(crate) struct Consume {
    /// The topic to read
    topic: String,
    /// Where to begin, see below
    #[arg(short = 'o', long, value_name = "POSITION", allow_hyphen_values = true)]
    #[arg(value_parser = Position::parse_now)]
    from: Option<Position>,
    /// Read only this partition; may be repeated
    #[arg(short, long = "partition", value_name = "N")]
    #[arg(value_parser = clap::value_parser!(i32).range(0..))]
    partitions: Vec<i32>,
    /// Go on with new messages as they come
    #[arg(short, long)]
    follow: bool,
    /// End after this many messages
    #[arg(short, long, value_name = "N")]
    count: Option<u64>,
    /// Read as a member of this group and commit what was printed
    #[arg(short, long, conflicts_with_all = ["partitions", "from"])]
    group: Option<String>,
    /// How to print a message, see below
    #[arg(long, default_value = "%v\\n", conflicts_with = "json")]
    #[arg(value_parser = FormatString::parse)]
    format: FormatString,
}

impl Consume {
    /// Where to begin when no group says so.
    fn start(&self) -> Position {
        let default = if self.follow {
            Position::End
        } else {
            Position::Beginning
        };
        self.from.unwrap_or(default)
    }

    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        global.with_client(async |client| self.read(&client, global).await)
    }

    async fn read(self, client: &Client, global: &Global) -> Result<(), Failure> {
        let mut stop = interrupt::listen()?;
        let form = if global.json {
            Form::Json
        } else {
            Form::Format(self.format.clone())
        };
        // Before anything else: a group would otherwise wait for a topic that is misspelt.
        let topic = client.describe_topic(&self.topic).await?;
        let mut printer = Printer::new(form, self.count);
        let result = if printer.is_done() {
            Ok(())
        } else if let Some(group) = &self.group {
            let patience = global.timeout;
            let membership = Membership::new(client, group, &self.topic, self.follow, patience);
            membership.run(&mut printer, &mut stop).await
        } else {
            let mut partitions: Vec<i32> =
                topic.partitions.iter().map(|known| known.index).collect();
            if let Some(missing) = self
                .partitions
                .iter()
                .find(|wanted| !partitions.contains(wanted))
            {
                let subject = Subject::Partition(self.topic.clone(), *missing);
                return Err(ClientError::NotFound(subject).into());
            }
            if !self.partitions.is_empty() {
                partitions.retain(|known| self.partitions.contains(known));
            }
            self.read_alone(client, &partitions, global, &mut printer, &mut stop)
                .await
        };
        // Also after a failure, since what was read before it may be of use.
        let flushed = printer.flush();
        let is_interrupted = unless_interrupted(&mut stop, std::future::ready(()))
            .await
            .is_none();
        if is_interrupted || terminal::is_watched() {
            terminal::note(&printer.summary());
        }
        result.and(flushed)
    }

    async fn read_alone(
        &self,
        client: &Client,
        partitions: &[i32],
        global: &Global,
        printer: &mut Printer,
        stop: &mut Stop,
    ) -> Result<(), Failure> {
        let bounds = Bounds::of(client, &self.topic, partitions).await?;
        let starts = resolve(client, &self.topic, &bounds, self.start()).await?;
        let places: BTreeMap<i32, Place> = bounds
            .into_iter()
            .map(|(partition, bounds)| {
                let place = Place {
                    next: starts.get(&partition).copied().unwrap_or(bounds.first),
                    end: (!self.follow).then_some(bounds.end),
                };
                (partition, place)
            })
            .collect();
        let mut reader = Reader::new(client, &self.topic, places, global.timeout);
        loop {
            let Some(fetched) = unless_interrupted(stop, reader.fetch()).await else {
                return Ok(());
            };
            match reader.print(&fetched?, printer).await? {
                Round::Done => return Ok(()),
                // The end was seen, but compaction took the records before it.
                Round::Nothing if !self.follow => return Ok(()),
                Round::Nothing | Round::More => {}
            }
        }
    }
}
