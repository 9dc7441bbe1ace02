//! `forebay produce`: lines of standard input or a file, one record each.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::connection::Global;
use super::failure::Failure;
use super::format_string::unescape;
use super::pace::Rate;
use super::record_line::LineRules;
use super::topic::key_value;

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

    pub(crate) fn run(self, _global: &Global) -> Result<(), Failure> {
        let _ = self.rules();
        Err(super::not_in_this_build("produce"))
    }
}
