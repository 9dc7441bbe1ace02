//! Builds through cargo, the one that runs this task.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::layout::Layout;
use crate::process;

/// A cold build of everything on two cores is the larger part of it.
pub(crate) const LIMIT: Duration = Duration::from_secs(25 * 60);

/// Cargo in the root of the workspace.
pub(crate) fn command(layout: &Layout) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(&layout.root);
    command
}

/// Builds packages of the workspace as they are released.
pub(crate) fn build_release(layout: &Layout, packages: &[&str]) -> Result<()> {
    let mut command = command(layout);
    command.args(["build", "--release"]);
    for package in packages {
        command.args(["--package", package]);
    }
    process::must(&mut command, &layout.log("cargo-build"), LIMIT)
}
