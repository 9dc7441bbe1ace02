//! `cargo xtask sim`: builds the simulator and runs it.

mod mutants;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::layout::Layout;
use crate::test::report::Report;

/// The client's column of simulated cases in the report.
const CLIENT: &str = "simulator";
/// How many seeds every change is held against.
const SEEDS_IN_CI: u64 = 500;

/// Options of `cargo xtask sim`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How many seeds to run.
    #[arg(long, default_value_t = SEEDS_IN_CI)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Run this seed alone, twice, and compare what happened.
    #[arg(long)]
    seed: Option<u64>,
    /// With --seed: print every event.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Cut one recorded workload at every change of its disk, in every way.
    #[arg(long, conflicts_with = "seed")]
    exhaustive: bool,
    /// Break the broker in every way of sim/mutants.toml, and have the simulation find each.
    #[arg(long, conflicts_with_all = ["seed", "exhaustive"])]
    mutants: bool,
}

/// Runs what is asked for and fails the process if anything failed.
pub(crate) fn run(args: &Args) -> Result<()> {
    let layout = Layout::find()?;
    if args.mutants {
        let mut report = Report::default();
        mutants::run(&layout, &mut report)?;
        ensure!(report.failed() == 0, "a mutant got away");
        return Ok(());
    }
    let mut command = Command::new(build(&layout, &layout.root)?);
    match args.seed {
        Some(seed) => {
            command.args(["--seed", &seed.to_string()]);
            command.args(args.trace.then_some("--trace"));
        }
        None => {
            command.args(["--first", &args.first.to_string()]);
            command.args(["--seeds", &args.seeds.to_string()]);
            command.args(args.exhaustive.then_some("--exhaustive"));
        }
    }
    ensure!(
        command.status()?.success(),
        "the simulation found something"
    );
    Ok(())
}

/// What the simulation has to show of every change.
pub(crate) fn suite(layout: &Layout, report: &mut Report) -> Result<()> {
    let simulator = build(layout, &layout.root)?;
    let seeds = SEEDS_IN_CI.to_string();
    for (case, arguments) in [
        ("a_seed_does_the_same_twice", &["--seed", "1"][..]),
        (
            "nothing_promised_is_lost_in_any_history",
            &["--seeds", &seeds],
        ),
        (
            "nothing_promised_is_lost_at_any_change_of_the_disk",
            &["--exhaustive"],
        ),
    ] {
        let output = patient(&simulator).args(arguments).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        println!("{}", text.trim_end());
        if output.status.success() {
            report.pass(CLIENT, case);
        } else {
            report.fail(CLIENT, case, &text);
        }
    }
    mutants::run(layout, report)
}

/// A program that gives way to others: what is simulated has a time of its own.
fn patient(program: &Path) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "19"]).arg(program);
    command
}

/// Builds the simulator of a source tree; answers where it is.
fn build(layout: &Layout, sources: &Path) -> Result<PathBuf> {
    let mut command = patient(Path::new("cargo"));
    command.current_dir(sources);
    command.args(["build", "--quiet", "--package", "forebay-simulator"]);
    command.args(["--profile", "simulation", "--target-dir"]);
    command.arg(layout.target());
    ensure!(command.status()?.success(), "the simulator does not build");
    // Another source tree builds to the same place.
    let built = layout.target().join("simulation").join("forebay-simulator");
    let name = sources.file_name().unwrap_or_default().to_string_lossy();
    let kept = layout.cache.join(format!("simulator-{name}"));
    std::fs::copy(built, &kept)?;
    Ok(kept)
}
