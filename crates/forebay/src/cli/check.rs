//! `forebay check DIR`: every checksum of a data folder, offline.

use std::path::PathBuf;

use clap::Args;

use super::failure::{Cause, Failure};

/// Verify every checksum of a data folder
///
/// Reads the whole folder and changes nothing in it. No broker may be running on it. Ends with
/// code 1 when anything is damaged, and names file and offset of each damage.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  forebay check ./forebay-data
  forebay check /var/lib/forebay --json")]
pub(crate) struct Check {
    /// The data folder
    #[arg(value_name = "DIR")]
    data: PathBuf,
}

impl Check {
    pub(crate) fn run(self, _json: bool) -> Result<(), Failure> {
        if !self.data.is_dir() {
            let message = format!("no data folder at {}", self.data.display());
            return Err(Failure::new(Cause::NotFound, message));
        }
        Err(super::not_in_this_build("check"))
    }
}
