//! Promises of the binary as a user meets it: help, configuration, mistakes, exit codes.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The binary in a folder of its own, away from the variables of whoever runs the tests.
fn forebay(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FOREBAY_") {
            command.env_remove(name);
        }
    }
    command
}

fn run(args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    forebay(folder.path()).args(args).output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// Asserts the exit code and that nothing but the complaint was printed.
fn complaint(output: &Output, code: i32) -> &str {
    assert_eq!(output.status.code(), Some(code), "{}", stderr(output));
    assert_eq!(stdout(output), "");
    stderr(output)
}

#[test]
fn help_names_every_command_and_every_exit_code() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    let help = stdout(&output);
    for command in [
        "serve",
        "topic",
        "produce",
        "consume",
        "group",
        "check",
        "completions",
        "--server",
    ] {
        assert!(help.contains(command), "{command}");
    }
    for code in [
        "0  success",
        "1  failed",
        "2  wrong usage",
        "3  not found",
        "6  timed out",
    ] {
        assert!(help.contains(code), "{code}");
    }
    assert!(!help.contains("internal"), "hidden commands stay hidden");
}

#[test]
fn every_command_shows_examples() {
    let commands: [&[&str]; 11] = [
        &["serve"],
        &["topic"],
        &["topic", "create"],
        &["topic", "alter"],
        &["produce"],
        &["consume"],
        &["group"],
        &["group", "reset"],
        &["check"],
        &["completions"],
        &[],
    ];
    for command in commands {
        let output = run(&[command, &["--help"]].concat());
        assert!(output.status.success(), "{command:?}");
        assert!(stdout(&output).contains("Examples:\n  "), "{command:?}");
    }
}

#[test]
fn serve_help_has_no_options_that_mean_nothing_there() {
    let help = run(&["serve", "--help"]);
    assert!(!stdout(&help).contains("--server") && !stdout(&help).contains("--timeout"));
    assert!(stdout(&help).contains("[env: FOREBAY_MAX_CONNECTIONS] [default: auto]"));
    let output = run(&["serve", "--server", "localhost:9092"]);
    assert_eq!(
        complaint(&output, 2),
        "error: --server means nothing to forebay serve\n"
    );
}

#[test]
fn the_configuration_shows_values_and_their_origins() {
    let folder = tempfile::tempdir().unwrap();
    let file = "retention = '1d'\ntail-cache-size = '128MiB'\nnum-partitions = 3\n";
    fs::write(folder.path().join("forebay.toml"), file).unwrap();
    let output = forebay(folder.path())
        .args([
            "serve",
            "--print-config",
            "--json",
            "--num-partitions",
            "5",
            "--allow-anonymous",
        ])
        .env("FOREBAY_RETENTION", "36h")
        .env("FOREBAY_NUM_PARTITIONS", "4")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let list: Value = serde_json::from_str(stdout(&output)).unwrap();
    let find = |name: &str| {
        let entry = list
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["name"] == name)
            .unwrap();
        (entry["value"].clone(), entry["origin"].clone())
    };
    let origin = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let flag = |name: &str| origin(&format!(r#"{{"source":"flag","name":"--{name}"}}"#));
    assert_eq!(find("num-partitions"), (5.into(), flag("num-partitions")));
    assert_eq!(
        find("allow-anonymous"),
        (true.into(), flag("allow-anonymous"))
    );
    let env = origin(r#"{"source":"env","name":"FOREBAY_RETENTION"}"#);
    assert_eq!(find("retention"), ("36h".into(), env));
    let file = origin(r#"{"source":"file","path":"forebay.toml","line":2}"#);
    assert_eq!(find("tail-cache-size"), (134_217_728.into(), file));
    assert_eq!(find("kafka").1, origin(r#"{"source":"default"}"#));
}

#[test]
fn a_named_file_is_read_in_place_of_the_usual_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("forebay.toml"), "nonsense").unwrap();
    fs::write(folder.path().join("other.toml"), "data = '/srv/forebay'").unwrap();
    for by_flag in [true, false] {
        let mut command = forebay(folder.path());
        command.args(["serve", "--print-config"]);
        let output = if by_flag {
            command.args(["--config", "other.toml"]).output().unwrap()
        } else {
            command
                .env("FOREBAY_CONFIG", "other.toml")
                .output()
                .unwrap()
        };
        assert!(output.status.success(), "{}", stderr(&output));
        let row = stdout(&output)
            .lines()
            .find(|line| line.starts_with("data "))
            .unwrap();
        assert!(row.ends_with("other.toml:1"), "{row}");
    }
    let output = run(&["serve", "--config", "missing.toml"]);
    assert!(
        complaint(&output, 2).starts_with("error: cannot read configuration file missing.toml")
    );
}

#[test]
fn every_fault_of_a_configuration_is_one_line_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = "retenton = '7d'\nlog.dirs = '/data'\nmax-connections = 0\n";
    fs::write(folder.path().join("forebay.toml"), file).unwrap();
    let output = forebay(folder.path())
        .args(["serve", "--durability", "sync"])
        .env("FOREBAY_KAFAK", "off")
        .env("FOREBAY_PORT", "tcp://10.0.0.7:9092")
        .output()
        .unwrap();
    assert_eq!(
        complaint(&output, 2),
        "\
error: unknown option retenton in forebay.toml:1; did you mean retention?
error: unknown option log.dirs in forebay.toml:2; Forebay calls it data
error: invalid max-connections \"0\" from forebay.toml:3: expected 1 to 1000000
error: unknown environment variable FOREBAY_KAFAK; did you mean FOREBAY_KAFKA?
error: invalid durability \"sync\" from --durability: expected fsync, os or memory
"
    );
}

#[test]
fn wrong_usage_is_code_2_and_suggests_what_was_meant() {
    for (args, expected) in [
        (&["topc", "list"][..], "'topic'"),
        (&["serve", "--retenton", "3d"], "'--retention'"),
        (
            &["topic", "list", "--server", "nowhere"],
            "expected host:port",
        ),
        (&["topic", "create"], "<TOPIC>..."),
        (
            &["consume", "orders", "--format", "%z"],
            "unknown format letter %z",
        ),
        (&["consume", "orders", "--from", "yesterday"], "-1h"),
        (&["produce", "orders", "--rate", "fast"], "records a second"),
        (&["group", "reset", "billing", "--to", "latest"], "--topic"),
    ] {
        let output = run(args);
        let complaint = complaint(&output, 2);
        assert!(complaint.contains(expected), "{args:?}: {complaint}");
    }
}

#[test]
fn a_missing_data_folder_is_code_3() {
    let output = run(&["check", "nothing-here"]);
    assert_eq!(
        complaint(&output, 3),
        "error: no data folder at nothing-here\n"
    );
}

#[test]
fn a_reader_that_went_away_is_a_quiet_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = forebay(folder.path());
    command
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(complaint(&output, 0), "");
}

#[test]
fn complaints_have_no_colours_away_from_a_terminal() {
    let output = run(&["serve", "--retention", "soon"]);
    assert!(!complaint(&output, 2).contains('\x1b'));
}
