//! Messages in and out.

use std::fs;

use serde_json::{Value, json};

use crate::broker::{Broker, until};

#[test]
fn messages_come_out_as_they_went_in() {
    let broker = Broker::start();
    broker.talk(&["topic", "create", "orders", "--partitions", "1"]);
    let said = broker.produced(&["orders"], "hello\n");
    assert_eq!(said, "1 record to partition 0 of orders, offset 0\n");
    let lines = "user-7\tüber\nuser-8\t\n";
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let said = broker.produced(
            &[
                "orders",
                "-K",
                "\\t",
                "--empty-is-null",
                "-H",
                "from=test",
                "-z",
                codec,
            ],
            lines,
        );
        assert!(said.starts_with("2 records, 17 B in "), "{codec}: {said}");
    }
    let printed = broker.stdout(&["consume", "orders", "--format", "%o %k=%v %V %h\\n"]);
    let printed: Vec<&str> = printed.lines().collect();
    assert_eq!(printed.len(), 11);
    assert_eq!(printed[0], "0 =hello 5 ");
    assert_eq!(printed[9], "9 user-7=über 5 from=test");
    assert_eq!(printed[10], "10 user-8= -1 from=test");

    let line = broker.stdout(&["consume", "orders", "--from", "-1", "--json"]);
    let record: Value = line.parse().unwrap();
    assert_eq!(
        (&record["offset"], &record["key"], &record["value"]),
        (&json!(10), &json!("user-8"), &Value::Null)
    );
}

#[test]
fn every_line_of_a_large_file_arrives_once_and_keys_keep_their_order() {
    let broker = Broker::start();
    broker.talk(&["topic", "create", "load", "--partitions", "3"]);
    let lines: String = (0..50_000)
        .map(|n| format!("key-{}:{n}\n", n % 100))
        .collect();
    fs::write(broker.folder.path().join("lines"), &lines).unwrap();
    let sent = broker.json(&["produce", "load", "--file", "lines", "-K", ":", "-z", "lz4"]);
    assert_eq!(sent["records"], 50_000);

    let printed = broker.stdout(&["consume", "load", "--format", "%k %v\\n"]);
    let mut seen = 0;
    let mut last: std::collections::HashMap<&str, i64> = std::collections::HashMap::new();
    for line in printed.lines() {
        let (key, number) = line.split_once(' ').unwrap();
        let number: i64 = number.parse().unwrap();
        let before = last.insert(key, number);
        assert!(
            before.is_none_or(|before| before < number),
            "{key} is out of order"
        );
        seen += 1;
    }
    assert_eq!(seen, 50_000);
    let described = broker.json(&["topic", "describe", "load"]);
    let partitions = described[0]["partitions"].as_array().unwrap();
    assert!(
        partitions
            .iter()
            .all(|partition| partition["end_offset"] != json!(0))
    );
}

#[test]
fn reading_begins_and_ends_where_it_was_told() {
    let broker = Broker::start();
    broker.talk(&["topic", "create", "days", "--partitions", "1"]);
    broker.produced(&["days"], "mon\ntue\nwed\nthu\n");
    for (args, expected) in [
        (&["--from", "beginning"][..], "mon tue wed thu "),
        (&["--from", "end"], ""),
        (&["--from", "2"], "wed thu "),
        (&["--from", "-1"], "thu "),
        (&["--from", "-1h"], "mon tue wed thu "),
        (&["--from", "2001-01-01T00:00:00Z", "--count", "1"], "mon "),
        (&["--count", "3"], "mon tue wed "),
        (&["--count", "0"], ""),
        (&["--partition", "0", "--from", "1", "--count", "1"], "tue "),
    ] {
        let command = [&["consume", "days", "--format", "%v "], args].concat();
        assert_eq!(broker.stdout(&command), expected, "{args:?}");
    }
}

#[test]
fn a_follower_prints_what_comes_and_ends_well_on_interrupt() {
    let broker = Broker::start();
    broker.talk(&["topic", "create", "news", "--partitions", "2"]);
    broker.produced(&["news"], "old\n");
    let follower = broker.start_command("follower", &["consume", "news", "--follow"]);
    // It begins at the end, wherever that is once it has begun.
    until("the follower", || {
        broker.produced(&["news"], "new\n");
        (!follower.printed().is_empty()).then_some(())
    });
    assert!(follower.printed().lines().all(|line| line == "new"));
    let said = follower.interrupt();
    assert!(
        said.contains(" record") && said.contains(" B in "),
        "{said}"
    );
}
