//! `forebay consume`: records of a topic, in a format of one's own or as JSON lines.

use clap::Args;

use super::connection::Global;
use super::failure::Failure;
use super::format_string::{FormatString, LETTERS};
use super::position::{FORMS, Position};

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

    pub(crate) fn run(self, _global: &Global) -> Result<(), Failure> {
        let _ = self.start();
        Err(super::not_in_this_build("consume"))
    }
}
