//! How the program of each suite is started, and how it says what it found.

use std::process::Command;

use super::report::Format;
use crate::layout::Layout;

pub(super) fn pytest(layout: &Layout, folder: &str) -> (Command, Format) {
    let mut command = Command::new(layout.cache.join("venv/bin/python"));
    command
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", folder])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(layout.conformance.join("python"));
    (command, Format::Lines)
}

/// The same for cases that mostly wait and do not mind one another: files of them run at once.
pub(super) fn pytest_at_once(layout: &Layout, folder: &str) -> (Command, Format) {
    let (mut command, format) = pytest(layout, folder);
    command.args(["-n", "6", "--dist", "loadfile"]);
    (command, format)
}

/// The same for cases that mostly start programs and do not mind one another: one a processor at once.
pub(super) fn pytest_by_processor(layout: &Layout, folder: &str) -> (Command, Format) {
    let (mut command, format) = pytest(layout, folder);
    command.args(["-n", "auto"]);
    (command, format)
}

/// The Java program of the suites, for `client`, `tools` and the pipe.
pub(crate) fn java(layout: &Layout) -> Command {
    let java = layout.cache.join("java");
    let path = format!(
        "{}:{}/*",
        java.join("classes").display(),
        java.join("lib").display()
    );
    let mut command = Command::new("java");
    command
        .args([
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
        ])
        .args([path.as_str(), "forebay.conformance.Main"]);
    command
}

pub(super) fn cases(layout: &Layout, which: &str) -> (Command, Format) {
    let mut command = java(layout);
    command.arg(which);
    (command, Format::Lines)
}

/// All tests of the module in `folder`, below `conformance/`.
pub(super) fn go(layout: &Layout, folder: &str) -> (Command, Format) {
    let mut command = Command::new("go");
    command
        .args(["test", "-v", "-count=1", "-timeout=280s", "./..."])
        .current_dir(layout.conformance.join(folder));
    (command, Format::Go)
}

/// The tests in `folder`, below `conformance/`.
pub(super) fn node(layout: &Layout, folder: &str) -> (Command, Format) {
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=tap", "--test-concurrency=1", "."])
        .current_dir(layout.conformance.join(folder))
        .env("NODE_PATH", layout.cache.join("node/node_modules"));
    (command, Format::Tap)
}

/// This program again, so that the benchmark has a log of its own and a deadline.
pub(super) fn instructions(layout: &Layout) -> (Command, Format) {
    let mut command = crate::cargo::command(layout);
    command.args(["xtask", "bench", "instructions", "--check"]);
    (command, Format::Lines)
}

pub(super) fn rdkafka(layout: &Layout) -> (Command, Format) {
    rust(layout, "rust", "rdkafka", &["--no-fail-fast"])
}

/// One of lapin's test programs.
pub(super) fn lapin(layout: &Layout, program: &str) -> (Command, Format) {
    rust(layout, "rust/rabbit", "lapin", &["--test", program])
}

pub(super) fn aws_sdk_rust(layout: &Layout) -> (Command, Format) {
    rust(layout, "rust/aws", "aws-sdk-rust", &["--no-fail-fast"])
}

/// The tests of a client of Rust in `folder`, below `conformance/`.
fn rust(layout: &Layout, folder: &str, client: &str, which: &[&str]) -> (Command, Format) {
    let mut command = Command::new("cargo");
    command
        .args(["test", "--locked"])
        .args(which)
        .current_dir(layout.conformance.join(folder))
        .env("CARGO_TARGET_DIR", layout.cache.join(client));
    (command, Format::Cargo)
}
