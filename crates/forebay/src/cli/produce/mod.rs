//! `forebay produce`: lines of standard input or a file, one record each.

mod sender;
mod source;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use forebay_kafka::client::{self, Client, ClientError, Subject};
use indicatif::ProgressBar;
use serde_json::json;

use super::connection::Global;
use super::failure::{Cause, Failure};
use super::format_string::unescape;
use super::interrupt;
use super::pace::{Pace, Rate};
use super::record_line::LineRules;
use super::topic::key_value;
use super::{output, progress, terminal};
use crate::signals::Stop;
use sender::{Manner, Sender};
use source::{Chunk, Source};

/// Send lines as messages
///
/// Reads standard input, or a file, and sends each line as one message. Ends when all of them are
/// acknowledged.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  echo 'hello' | forebay produce greetings
  forebay produce orders --file orders.jsonl --compression zstd
  forebay produce customers --key-separator '\\t' < customers.tsv
  seq 100000 | forebay produce load --rate 5000 --acks 1
  echo '{}' | forebay produce events --key user-7 --header source=cli")]
pub(crate) struct Produce {
    /// The topic to send to
    topic: String,
    /// Read this file in place of standard input
    #[arg(short, long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// What stands between key and value in a line; \t and \xHH are understood
    #[arg(short = 'K', long, value_name = "SEPARATOR", value_parser = separator)]
    key_separator: Option<Separator>,
    /// The key of every message
    #[arg(short, long, conflicts_with = "key_separator")]
    key: Option<String>,
    /// A header of every message; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", value_parser = key_value)]
    headers: Vec<(String, String)>,
    /// Send an empty value as a tombstone, which deletes its key from a compacted topic
    #[arg(long)]
    empty_is_null: bool,
    /// Send to this partition [default: by key, or spread when there is none]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// How batches are compressed
    #[arg(short = 'z', long, value_name = "CODEC", default_value = "none")]
    compression: Compression,
    /// Which acknowledgement to wait for
    #[arg(long, value_name = "ACKS", default_value = "all")]
    acks: Acks,
    /// Send no faster than this: records a second, or such as 30/min
    #[arg(long, value_parser = Rate::parse)]
    rate: Option<Rate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Acks {
    /// The topic's full durability
    All,
    /// The same: there are no replicas to wait for
    #[value(name = "1")]
    Leader,
    /// None at all: fast, and losses go unseen
    #[value(name = "0")]
    None,
}

/// Bytes between key and value; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Separator(Vec<u8>);

fn separator(text: &str) -> Result<Separator, String> {
    match unescape(text)? {
        bytes if bytes.is_empty() => Err("an empty separator splits nothing".to_owned()),
        bytes => Ok(Separator(bytes)),
    }
}

impl Produce {
    fn rules(&self) -> LineRules {
        LineRules {
            key_separator: self.key_separator.clone().map(|separator| separator.0),
            key: self.key.clone().map(String::into_bytes),
            empty_is_null: self.empty_is_null,
        }
    }

    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let source = Source::open(self.file.as_deref())?;
        global.with_client(async |client| self.send(client, source, global.json).await)
    }

    async fn send(self, client: Client, source: Source, json: bool) -> Result<(), Failure> {
        let stop = interrupt::listen()?;
        let manner = self.manner(&client).await?;
        if self.file.is_none() && io::stdin().is_terminal() && terminal::is_watched() {
            terminal::note("each line is a message; Ctrl-D ends");
        }
        let started = Instant::now();
        let mut run = Run {
            bar: progress::bytes(source.total_bytes),
            sender: Sender::new(client, manner),
            rules: self.rules(),
            pace: self.rate.map(|rate| Pace::new(rate, started)),
            lines: 0,
        };
        let result = run.all(source, stop).await;
        run.bar.finish_and_clear();
        let tally = run.sender.tally();
        let elapsed = started.elapsed();
        if json {
            output::print_json(&json!({
                "topic": self.topic,
                "records": tally.records,
                "bytes": tally.bytes,
                "seconds": elapsed.as_secs_f64(),
                "last": tally.last.map(|(partition, offset)| {
                    json!({ "partition": partition, "offset": offset })
                }),
            }))?;
        } else if tally.records > 0 || result.is_ok() {
            terminal::note(&match tally.last {
                Some((partition, offset)) if tally.records == 1 => {
                    format!(
                        "1 record to partition {partition} of {}, offset {offset}",
                        self.topic
                    )
                }
                _ => progress::summary(tally.records, tally.bytes, elapsed),
            });
        }
        result
    }

    /// Finds out about the topic.
    async fn manner(&self, client: &Client) -> Result<Manner, Failure> {
        let topic = client.describe_or_create_topic(&self.topic).await?;
        if let Some(partition) = self.partition
            && topic.partition(partition).is_none()
        {
            let subject = Subject::Partition(self.topic.clone(), partition);
            return Err(ClientError::NotFound(subject).into());
        }
        // Who may write need not be allowed to see this; then the broker's default will do.
        let config = client
            .describe_configs(&self.topic)
            .await
            .unwrap_or_default();
        let max_message_bytes = config
            .iter()
            .find(|entry| entry.name == "max.message.bytes")
            .and_then(|entry| entry.value.as_deref()?.parse().ok());
        let acks = self.acks.into();
        // Brokers hold repetitions against a sequence only when they acknowledge in full.
        let producer = match acks {
            client::Acks::All => Some(client.init_producer_id().await?),
            client::Acks::Leader | client::Acks::None => None,
        };
        Ok(Manner {
            topic: self.topic.clone(),
            partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
            partition: self.partition,
            headers: self.headers.clone(),
            compression: self.compression.into(),
            acks,
            max_message_bytes,
            producer,
        })
    }
}

impl From<Acks> for client::Acks {
    fn from(acks: Acks) -> Self {
        match acks {
            Acks::All => Self::All,
            Acks::Leader => Self::Leader,
            Acks::None => Self::None,
        }
    }
}

impl From<Compression> for forebay_record::Compression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::None,
            Compression::Gzip => Self::Gzip,
            Compression::Snappy => Self::Snappy,
            Compression::Lz4 => Self::Lz4,
            Compression::Zstd => Self::Zstd,
        }
    }
}

/// A run of the command.
struct Run {
    bar: ProgressBar,
    sender: Sender,
    rules: LineRules,
    pace: Option<Pace>,
    /// Lines so far, to say which one is wrong.
    lines: u64,
}

impl Run {
    async fn all(&mut self, mut source: Source, mut stop: Stop) -> Result<(), Failure> {
        loop {
            let chunk = tokio::select! {
                biased;
                () = stop.requested() => {
                    self.sender.finish().await?;
                    return Err(Failure::new(Cause::Interrupted, "interrupted"));
                }
                chunk = source.chunks.recv() => chunk,
                // Acknowledgements make room and show progress while nothing is to be read.
                result = self.sender.acknowledged(), if self.sender.is_waiting() => {
                    result?;
                    self.sender.flush(false).await?;
                    continue;
                }
            };
            match chunk {
                None => return self.sender.finish().await,
                Some(Err(error)) => {
                    self.sender.finish().await?;
                    let message = format!("cannot read line {}: {error}", self.lines + 1);
                    return Err(Failure::new(Cause::Failed, message));
                }
                Some(Ok(chunk)) => self.chunk(&chunk, &mut stop).await?,
            }
            if source.chunks.is_empty() {
                self.sender.flush(false).await?;
            }
        }
    }

    async fn chunk(&mut self, chunk: &Chunk, stop: &mut Stop) -> Result<(), Failure> {
        for text in chunk.lines() {
            self.lines += 1;
            let Some(line) = self.rules.split(text) else {
                self.sender.finish().await?;
                let message = format!("line {} has no key separator", self.lines);
                return Err(Failure::new(Cause::Failed, message).hint(
                    "the lines before it were sent; without --key-separator lines have no key",
                ));
            };
            if let Some(pace) = &mut self.pace {
                let wait = pace.wait(Instant::now());
                if !wait.is_zero() && !pause(&mut self.sender, wait, stop).await? {
                    // The caller sees the same request to stop.
                    return Ok(());
                }
            }
            self.sender.add(&line).await?;
            self.bar.inc(text.len() as u64 + 1);
        }
        self.bar
            .set_message(progress::counted(self.lines, "record"));
        Ok(())
    }
}

/// Waits before the next record, while those before it go out. `false` when somebody pressed Ctrl-C.
async fn pause(sender: &mut Sender, wait: Duration, stop: &mut Stop) -> Result<bool, Failure> {
    let until = tokio::time::Instant::now() + wait;
    sender.flush(false).await?;
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => return Ok(false),
            () = tokio::time::sleep_until(until) => return Ok(true),
            result = sender.acknowledged(), if sender.is_waiting() => {
                result?;
                sender.flush(false).await?;
            }
        }
    }
}
