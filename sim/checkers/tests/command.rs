//! The command that tests in other languages run.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const HEADER: &str = r#"{"format":"forebay-history","version":1}"#;
const PRODUCER: &str = r#"{"op":"producer","process":"p","once":true,"keeps_order":"log"}"#;
const SEND: &str =
    r#"{"op":"send","process":"p","log":"t-0","value":"a","outcome":"ok","offset":0}"#;
const RECEIVE: &str = r#"{"op":"receive","process":"c","log":"t-0","value":"a","offset":0}"#;
const DRAIN: &str =
    r#"{"op":"drain","process":"c","log":"t-0","start":0,"end":1,"invoked":5,"completed":6}"#;

fn judge(folder: &Path, name: &str, lines: &[&str]) -> (Output, String) {
    let history = folder.join(name);
    let json = folder.join("verdict.json");
    fs::write(&history, lines.join("\n") + "\n").expect("a history is written");
    let output = Command::new(env!("CARGO_BIN_EXE_check-history"))
        .arg("--json")
        .arg(&json)
        .arg(&history)
        .output()
        .expect("the command runs");
    (output, fs::read_to_string(json).unwrap_or_default())
}

#[test]
fn the_exit_code_is_the_judgement() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [HEADER, PRODUCER, SEND, RECEIVE, DRAIN];

    let (good, json) = judge(folder.path(), "good", &lines);
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    assert!(String::from_utf8_lossy(&good.stdout).contains("no anomaly"));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["counts"]["acknowledged"], 1);

    let (bad, json) = judge(folder.path(), "bad", &[HEADER, PRODUCER, SEND, DRAIN]);
    assert_eq!(bad.status.code(), Some(1), "{bad:?}");
    assert!(String::from_utf8_lossy(&bad.stdout).contains("! lost"));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["anomalies"]["lost"]["count"], 1);
    assert_eq!(
        json["anomalies"]["lost"]["examples"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[test]
fn what_cannot_be_judged_is_neither_good_nor_bad() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name, lines: &[&str], reason: &str| {
        let (output, _) = judge(folder.path(), name, lines);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(stderr.contains(reason), "{stderr}");
    };
    refused("no header", &[SEND], "line 1: not the header of a history");
    refused(
        "twice",
        &[HEADER, PRODUCER, SEND, SEND],
        "line 4: the value \"a\" was sent",
    );
    refused(
        "unknown producer",
        &[HEADER, SEND],
        "line 2: \"p\" sends, but",
    );
    refused(
        "not an operation",
        &[HEADER, "{}"],
        "line 2: missing field `op`",
    );
}
