//! `cargo xtask bench instructions`: how many instructions each hot path takes, which hardly depends
//! on the machine and not at all on what else it does.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::baseline::{self, Baseline};
use super::{HotPath, build, count_per_turn, list, nowhere, number_behind, valgrind};
use crate::bench::samples::digits;
use crate::layout::Layout;
use crate::process;

/// How much more a path may take before somebody has to look at it.
const MAX_GROWTH: f64 = 1.05;
/// How much less it takes before the baseline should say so.
const WORTH_KEEPING: f64 = 0.95;
/// Turns under which functions are told apart.
const PROFILE_TURNS: u64 = 2_000;

/// Options of `cargo xtask bench instructions`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Fail if a path takes 5 % more than bench/instructions.toml says.
    #[arg(long, conflicts_with = "update")]
    check: bool,
    /// Write what was counted to bench/instructions.toml.
    #[arg(long)]
    update: bool,
    /// Show where the instructions of one path are.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["check", "update"])]
    profile: Option<String>,
}

pub(crate) fn run(layout: &Layout, args: &Args) -> Result<()> {
    build(layout, &["instructions"])?;
    let paths = list(layout)?;
    if let Some(name) = &args.profile {
        return profile(layout, &paths, name);
    }
    let counted: Vec<(HotPath, f64)> = paths
        .into_iter()
        .map(|path| {
            let count = count(layout, &path)?;
            Ok((path, count))
        })
        .collect::<Result<_>>()?;
    if args.update {
        print(&counted);
        return Baseline::write(layout, &counted);
    }
    if args.check {
        return check(&Baseline::read(layout)?, &counted);
    }
    print(&counted);
    Ok(())
}

/// Instructions of one turn.
pub(crate) fn count(layout: &Layout, path: &HotPath) -> Result<f64> {
    let out = format!("--callgrind-out-file={}", nowhere().display());
    let tool = ["--tool=callgrind", out.as_str()];
    count_per_turn(layout, path, &tool, |text| {
        number_behind(text, "Collected :")
    })
}

fn print(counted: &[(HotPath, f64)]) {
    println!("{:<12} {:>12} {:>12}", "", "a turn", "a record");
    for (path, count) in counted {
        let record = count / path.records as f64;
        println!(
            "{:<12} {:>12} {:>12}  {}",
            path.name,
            digits(*count),
            digits(record),
            path.about
        );
    }
}

/// Says of each path whether it is where it was, in the words that the test runner reads.
fn check(baseline: &Baseline, counted: &[(HotPath, f64)]) -> Result<()> {
    if baseline.architecture != std::env::consts::ARCH {
        println!(
            "SKIP instructions: the baseline is of {}, this is {}",
            baseline.architecture,
            std::env::consts::ARCH
        );
        return Ok(());
    }
    let here = baseline::valgrind_version();
    if baseline.valgrind != here {
        println!(
            "note: the baseline was counted by {}, this is {here}",
            baseline.valgrind
        );
    }
    let mut failed = 0;
    for (path, count) in counted {
        let verdict = judge(baseline.instructions.get(&path.name).copied(), *count);
        let case = format!("instructions_of_{}", path.name);
        match verdict {
            Ok(note) => println!("PASS {case}\nFIGURE {}: {note}", path.name),
            Err(reason) => {
                failed += 1;
                println!("FAIL {case}: {reason}");
            }
        }
    }
    let unknown = baseline
        .instructions
        .keys()
        .find(|name| !counted.iter().any(|(path, _)| path.name == **name));
    if let Some(name) = unknown {
        failed += 1;
        println!("FAIL instructions_of_{name}: the baseline has it, and it is no path any more");
    }
    ensure!(
        failed == 0,
        "{failed} hot paths are not what the baseline says"
    );
    Ok(())
}

/// What to say about a count, or why it fails.
fn judge(baseline: Option<f64>, count: f64) -> Result<String, String> {
    let update = "cargo xtask bench instructions --update";
    let Some(baseline) = baseline else {
        return Err(format!("not in bench/instructions.toml; {update}"));
    };
    let ratio = count / baseline;
    let percent = (ratio - 1.0) * 100.0;
    let told = format!("{} instructions a turn ({percent:+.1} %)", digits(count));
    if ratio > MAX_GROWTH {
        Err(format!(
            "{told}: the baseline is {}. If it must be, say why and run {update}",
            digits(baseline)
        ))
    } else if ratio < WORTH_KEEPING {
        Ok(format!("{told}; keep it: {update}"))
    } else {
        Ok(told)
    }
}

/// The functions that a path's instructions are in.
fn profile(layout: &Layout, paths: &[HotPath], name: &str) -> Result<()> {
    let path = paths.iter().find(|path| path.name == name);
    let path = path.with_context(|| {
        let known: Vec<_> = paths.iter().map(|path| path.name.as_str()).collect();
        format!("no path is called {name}; there are {}", known.join(", "))
    })?;
    let log = layout.log("bench.profile");
    let out = layout.log(&format!("bench.{name}.callgrind"));
    let file = format!("--callgrind-out-file={}", out.display());
    let tool = ["--tool=callgrind", file.as_str()];
    let mut run = valgrind(layout, &tool, path, PROFILE_TURNS);
    process::must(&mut run, &log, super::LIMIT)?;
    let mut annotate = Command::new("callgrind_annotate");
    let status = annotate
        .args(["--auto=no", "--threshold=95"])
        .arg(&out)
        .status();
    ensure!(
        status?.success(),
        "callgrind_annotate cannot read {}",
        out.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_percent_more_is_too_much() {
        assert!(judge(Some(1000.0), 1050.0).is_ok());
        assert!(judge(Some(1000.0), 1051.0).is_err());
        assert!(judge(None, 1.0).is_err());
    }

    #[test]
    fn what_became_cheaper_is_to_be_kept() {
        assert!(judge(Some(1000.0), 940.0).is_ok_and(|note| note.contains("--update")));
        assert!(judge(Some(1000.0), 960.0).is_ok_and(|note| !note.contains("--update")));
    }
}
