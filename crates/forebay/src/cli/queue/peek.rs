//! `forebay queue peek`.

use clap::Args;
use serde_json::Value;

use super::message::report;
use super::{Queues, number};
use crate::cli::failure::Failure;
use crate::cli::{output, terminal};

/// What `queue peek` was told.
#[derive(Debug, Args)]
pub(crate) struct Peek {
    /// Name of the queue
    #[arg(value_name = "QUEUE")]
    name: String,
    /// How many messages
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// The first offset
    #[arg(long, value_name = "OFFSET", default_value_t = 0)]
    from: u64,
    /// How many bytes of each body
    #[arg(long, value_name = "N", default_value_t = 65_536)]
    body_bytes: u64,
}

impl Peek {
    pub(super) async fn run(self, queues: &mut Queues, json: bool) -> Result<(), Failure> {
        let mut all = Vec::new();
        let (from, bytes) = (self.from, self.body_bytes);
        let looking = queues.messages(&self.name, from, self.count, bytes, |message| {
            all.push(message);
        });
        let next = looking.await?;
        if json {
            return output::print_json(&Value::Array(all));
        }
        if all.is_empty() {
            terminal::note(&format!("queue {} has no messages there", self.name));
            return Ok(());
        }
        output::print_data(&all.iter().map(report).collect::<String>())?;
        if let Some(next) = next {
            let last = all.last().map(|last| number(&last["offset"]) + 1);
            let next = last.unwrap_or(next).max(next);
            terminal::note(&format!("there may be more: --from {next}"));
        }
        Ok(())
    }
}
