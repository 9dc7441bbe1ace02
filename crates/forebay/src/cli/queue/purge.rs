//! `forebay queue purge`.

use clap::Args;
use serde_json::json;

use super::{Queues, number};
use crate::cli::failure::Failure;
use crate::cli::progress::counted;
use crate::cli::{confirm, output, terminal};

/// What `queue purge` was told.
#[derive(Debug, Args)]
pub(crate) struct Purge {
    /// Name of the queue
    #[arg(value_name = "QUEUE")]
    name: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Purge {
    pub(super) async fn run(self, queues: &mut Queues, json: bool) -> Result<(), Failure> {
        let queue = queues.one(&self.name).await?;
        if !self.yes {
            let messages = counted(number(&queue["ready"]), "message");
            let question = format!("dropping {messages} of queue {}", self.name);
            confirm::by_name(&question, &self.name)?;
        }
        let path = queues.path(&self.name, "/messages");
        let purged = number(&queues.client.delete(&path).await?["purged"]);
        if json {
            return output::print_json(&json!({ "name": self.name, "purged": purged }));
        }
        let messages = counted(purged, "message");
        terminal::note(&format!("dropped {messages} of queue {}", self.name));
        Ok(())
    }
}
