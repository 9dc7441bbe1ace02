//! Groups: sharing, resuming, moving, and a crash in the middle.

use std::fs;

use serde_json::{Value, json};

use crate::broker::{Broker, Running, text, until};

#[test]
fn a_group_goes_on_where_it_stopped_and_can_be_moved() {
    let broker = Broker::start();
    broker.talk(&["topic", "create", "orders", "--partitions", "1"]);
    broker.produced(&["orders"], "a\nb\nc\nd\n");
    let read = ["consume", "orders", "--group", "billing", "--format", "%v"];
    let two = [&read[..], &["--count", "2"]].concat();
    assert_eq!(broker.stdout(&two), "ab");
    assert_eq!(
        broker.stdout(&["group", "describe", "billing"]),
        "\
Group billing: Empty, 0 members, lag 2

TOPIC   PARTITION  COMMITTED  END  LAG  MEMBER
orders          0          2    4    2  -
"
    );
    assert_eq!(broker.stdout(&read), "cd");
    assert_eq!(broker.stdout(&read), "");
    assert_eq!(
        broker.stdout(&["group", "list"]),
        "GROUP    STATE  TYPE\nbilling  Empty  consumer\n"
    );

    let reset = [
        "group", "reset", "billing", "--topic", "orders", "--to", "1",
    ];
    let output = broker.run(&reset);
    assert_eq!(
        text(&output.stdout),
        "\
TOPIC   PARTITION  CURRENT  NEW  CHANGE
orders          0        4    1      -3
"
    );
    assert!(text(&output.stderr).contains("dry run: nothing was changed"));
    assert_eq!(broker.stdout(&read), "", "a dry run changes nothing");
    let done = broker.json(&[&reset[..], &["--execute"]].concat());
    assert_eq!(done["executed"], true);
    assert_eq!(
        done["offsets"],
        json!([{ "topic": "orders", "partition": 0, "current_offset": 4, "new_offset": 1 }])
    );
    assert_eq!(broker.stdout(&read), "bcd");
}

#[test]
fn members_share_partitions_and_leave_nothing_behind() {
    let broker = Broker::start();
    broker.talk(&["topic", "create", "orders", "--partitions", "4"]);
    let read = ["consume", "orders", "--group", "billing", "--follow"];
    let first = broker.start_command("first", &read);
    let second = broker.start_command("second", &read);
    let described = until("two members with two partitions each", || {
        let output = broker.run(&["group", "describe", "billing", "--json"]);
        let groups: Value = text(&output.stdout).parse().ok()?;
        let members = groups[0]["members"].as_array()?.clone();
        let shares = |member: &Value| member["assignment"]["orders"].as_array().map(Vec::len);
        (members.len() == 2 && members.iter().all(|member| shares(member) == Some(2)))
            .then_some(groups)
    });
    assert_eq!(described[0]["state"], "Stable");
    assert_eq!(described[0]["assignor"], "range");

    let reset = [
        "group",
        "reset",
        "billing",
        "--all-topics",
        "--to",
        "earliest",
    ];
    let refused = broker.complaint(&reset, 1);
    assert!(
        refused.starts_with("error: group billing has 2 active members"),
        "{refused}"
    );

    let lines: String = (0..200).map(|n| format!("k{n}:{n}\n")).collect();
    broker.produced(&["orders", "-K", ":"], &lines);
    let count = |running: &Running| running.printed().lines().count();
    until("all messages", || {
        (count(&first) + count(&second) == 200).then_some(())
    });
    assert!(count(&first) > 0 && count(&second) > 0);
    first.interrupt();
    second.interrupt();
    // Both have left and committed; nobody waits for a session to end.
    let after = broker.json(&["group", "describe", "billing"]);
    assert_eq!(after[0]["state"], "Empty");
    assert_eq!(after[0]["lag"], 0);
}

#[test]
fn a_crash_of_the_broker_costs_neither_writer_nor_reader_a_message() {
    let mut broker = Broker::start();
    broker.talk(&["topic", "create", "orders", "--partitions", "3"]);
    let read = ["consume", "orders", "--follow", "--from", "beginning"];
    let reader = broker.start_command("reader", &read);
    let lines: String = (0..4_000).map(|n| format!("{n}\n")).collect();
    fs::write(broker.folder.path().join("lines"), lines).unwrap();
    let write = ["produce", "orders", "--file", "lines", "--rate", "2000"];
    let mut writer = broker.start_command("writer", &write);
    until("the first messages", || {
        (!reader.printed().is_empty()).then_some(())
    });
    broker.crash_and_restart();

    let status = until("the writer", || writer.child.try_wait().unwrap());
    let said = fs::read_to_string(&writer.err).unwrap();
    assert!(
        status.success() && said.starts_with("4,000 records"),
        "{said}"
    );
    until("all messages", || {
        (reader.printed().lines().count() >= 4_000).then_some(())
    });
    let printed = reader.printed();
    let mut numbers: Vec<u32> = printed.lines().map(|line| line.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..4_000), "each one once");
    let said = reader.interrupt();
    assert!(said.contains("trying again"), "{said}");
}
