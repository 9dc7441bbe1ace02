//! The workspace's own tests, through cargo.

use std::fs;
use std::time::Instant;

use anyhow::Result;

use super::report::Report;
use crate::cargo::{self, LIMIT};
use crate::layout::Layout;
use crate::process::{self, Ending};

/// Runs `cargo test --workspace` and adds its counts.
pub(crate) fn run(layout: &Layout, report: &mut Report) -> Result<()> {
    println!("cargo test       ...");
    let started = Instant::now();
    let log = layout.log("cargo-test");
    let mut command = cargo::command(layout);
    command.args(["test", "--workspace", "--no-fail-fast"]);
    let ending = process::run(&mut command, &log, LIMIT)?;
    let output = fs::read_to_string(&log)?;

    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for line in output
        .lines()
        .filter_map(|line| line.strip_prefix("test result: "))
    {
        let count = |word: &str| {
            line.split([';', '.'])
                .filter_map(|part| part.trim().strip_suffix(word))
                .find_map(|number| number.trim().parse::<usize>().ok())
                .unwrap_or(0)
        };
        passed += count("passed");
        failed += count("failed");
        skipped += count("ignored");
    }
    report.add_cargo(passed, failed, skipped);
    println!(
        "cargo test       {passed} passed, {failed} failed in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    match ending {
        Ending::Exited(status) if status.success() => {}
        Ending::Exited(status) => {
            print!("{}", process::tail(&log));
            if failed == 0 {
                report.fail("cargo", "tests_build_and_run", &format!("{status}"));
            }
        }
        Ending::TimedOut => {
            report.fail(
                "cargo",
                "tests_build_and_run",
                &format!("longer than {LIMIT:?}"),
            );
        }
    }
    Ok(())
}
