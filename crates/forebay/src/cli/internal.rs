//! `forebay internal`: what the project's own documents are made with. Hidden from help.

use clap::{Args, Subcommand};

use super::failure::Failure;

/// Print what the documents are made from
#[derive(Debug, Args)]
pub(crate) struct Internal {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// docs/configuration.md
    ConfigReference,
}

impl Internal {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.what {
            What::ConfigReference => {
                super::output::write_data(crate::config::reference::markdown().as_bytes())
            }
        }
    }
}
