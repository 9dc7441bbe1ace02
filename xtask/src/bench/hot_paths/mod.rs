//! The hot paths of `bench/src/hot_path`, counted under valgrind: instructions, copies, allocations.
//!
//! Two runs of different length are counted, and what they differ by is what the turns cost; the start
//! of the process, which is the same in both, falls out.

mod baseline;
pub(crate) mod counts;
pub(crate) mod instructions;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::cargo;
use crate::layout::Layout;
use crate::process;

/// Turns of the shorter run; the longer one has twice as many. Enough that what a growing buffer costs
/// now and then is spread evenly.
const TURNS: u64 = 200;
/// Under valgrind the longest run takes seconds.
const LIMIT: Duration = Duration::from_secs(5 * 60);

/// The C library picks its copy routines by processor, and with some of them valgrind counts an
/// instruction a byte. All processors of the architecture have the plain ones.
const PLAIN_COPIES: (&str, &str) = (
    "GLIBC_TUNABLES",
    "glibc.cpu.hwcaps=-ERMS,-FSRM,-AVX2,-AVX_Fast_Unaligned_Load,-EVEX,-AVX512F",
);

/// A path, as the program that runs it describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct HotPath {
    pub(crate) name: String,
    pub(crate) about: String,
    /// In one turn.
    pub(crate) records: u64,
}

/// Builds the programs with the same features as the broker, so that the same code is counted.
pub(crate) fn build(layout: &Layout, binaries: &[&str]) -> Result<()> {
    let mut build = cargo::command(layout);
    build.args(["build", "--release", "--locked", "--bin", "forebay"]);
    build.args(["--package", "forebay", "--package", "forebay-bench"]);
    for binary in binaries {
        build.args(["--bin", binary]);
    }
    process::must(
        &mut build,
        &layout.log("bench.build-hot-paths"),
        cargo::LIMIT,
    )
}

/// All paths there are.
pub(crate) fn list(layout: &Layout) -> Result<Vec<HotPath>> {
    let log = layout.log("bench.hot-paths");
    process::must(
        &mut Command::new(program(layout, "instructions")),
        &log,
        LIMIT,
    )?;
    let text = fs::read_to_string(&log)?;
    let lines = text.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
        .collect()
}

/// Runs a path under a tool of valgrind, twice; answers by how much the `count` of the two runs differs,
/// for one turn.
pub(crate) fn count_per_turn(
    layout: &Layout,
    path: &HotPath,
    tool: &[&str],
    count: fn(&str) -> Option<u64>,
) -> Result<f64> {
    let run = |turns: u64| {
        let log = layout.log(&format!("bench.{}.valgrind", path.name));
        process::must(&mut valgrind(layout, tool, path, turns), &log, LIMIT)?;
        let text = fs::read_to_string(&log)?;
        count(&text).with_context(|| format!("no count in:\n{text}"))
    };
    let (few, many) = (run(TURNS)?, run(2 * TURNS)?);
    Ok((many as f64 - few as f64) / TURNS as f64)
}

/// Valgrind with a tool, running a path.
pub(crate) fn valgrind(layout: &Layout, tool: &[&str], path: &HotPath, turns: u64) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args(tool)
        .arg(program(layout, "instructions"))
        .arg(&path.name)
        // Arguments of one length: they lie on the stack, and move what lies below.
        .arg(format!("{turns:06}"))
        .env(PLAIN_COPIES.0, PLAIN_COPIES.1);
    command
}

pub(crate) fn program(layout: &Layout, name: &str) -> PathBuf {
    layout.released(name)
}

/// The number, without its commas, that follows `label` in one of valgrind's lines.
pub(crate) fn number_behind(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.split_once(label))?.1;
    let word = line
        .split_whitespace()
        .find(|word| word.starts_with(char::is_numeric))?;
    word.replace(',', "").parse().ok()
}

/// A file that valgrind writes nothing to.
pub(crate) fn nowhere() -> &'static Path {
    Path::new("/dev/null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_what_valgrind_says() {
        let text = "==7620== Events    : Ir\n==7620== Collected : 1901759\n\
                    ==7620== Total:     5,305,742 bytes in 2,584 blocks\n";
        assert_eq!(number_behind(text, "Collected :"), Some(1_901_759));
        assert_eq!(number_behind(text, "Total:"), Some(5_305_742));
        assert_eq!(number_behind(text, "Nothing:"), None);
    }
}
