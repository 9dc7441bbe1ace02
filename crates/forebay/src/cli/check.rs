//! `forebay check DIR`: every checksum of a data folder, offline.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use forebay_storage::{Damage, LocalDisk, Medium, Report, StorageError, check};
use indicatif::BinaryBytes;
use serde_json::{Value, json};

use super::failure::{Cause, Failure};
use super::progress::{self, counted};
use super::{output, terminal};

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
    pub(crate) fn run(self, json: bool) -> Result<(), Failure> {
        if !self.data.is_dir() {
            let message = format!("no data folder at {}", self.data.display());
            return Err(Failure::new(Cause::NotFound, message));
        }
        let disk = LocalDisk::open_existing(&self.data).map_err(cannot_check)?;
        let medium: Arc<dyn Medium> = Arc::new(disk);
        let bar = progress::bytes(Some(0));
        let found = check(&medium, |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        let report = found.map_err(cannot_check)?;
        if json {
            output::print_json(&as_json(&report))?;
        } else {
            for damage in &report.damages {
                output::print_data(&format!("{damage}\n"))?;
            }
            terminal::note(&summary(&report));
        }
        if report.damages.is_empty() {
            return Ok(());
        }
        let damages = counted(report.damages.len() as u64, "damaged place");
        let message = format!("{damages} in {}", self.data.display());
        Err(Failure::new(Cause::Failed, message))
    }
}

fn cannot_check(error: StorageError) -> Failure {
    let failure = Failure::new(Cause::Failed, error.to_string());
    match error {
        StorageError::Locked { .. } => failure.hint("stop the broker, or check a copy"),
        _ => failure,
    }
}

/// What was looked at, in a line.
fn summary(report: &Report) -> String {
    let mut text = format!(
        "checked {} with {}, {}",
        counted(report.files, "file"),
        BinaryBytes(report.bytes),
        counted(report.batches, "batch checksum"),
    );
    if let Some(logs) = report.logs {
        text.push_str(&format!(", {}", counted(logs, "log")));
    }
    if report.torn {
        text.push_str("; the last write was cut short, which the next start repairs");
    }
    text
}

fn as_json(report: &Report) -> Value {
    let damage = |damage: &Damage| json!({ "file": damage.file, "offset": damage.offset, "what": damage.what });
    json!({
        "files": report.files,
        "bytes": report.bytes,
        "batches": report.batches,
        "logs": report.logs,
        "torn": report.torn,
        "damages": report.damages.iter().map(damage).collect::<Vec<_>>(),
    })
}
