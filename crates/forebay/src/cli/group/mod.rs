//! `forebay group`: list, describe and reset consumer groups; one file each.

mod describe;
mod list;
mod ranges;
mod reset;
mod selection;

use clap::{Args, Subcommand};

use super::connection::Global;
use super::failure::Failure;
use describe::Describe;
use reset::Reset;

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

impl Group {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let json = global.json;
        global.with_client(async |client| match self.action {
            Action::List => list::run(&client, json).await,
            Action::Describe(describe) => describe.run(&client, json).await,
            Action::Reset(reset) => reset.run(&client, json).await,
        })
    }
}
