//! Topics: created, described, altered and deleted.

use serde_json::json;

use crate::broker::Broker;

#[test]
fn a_topic_is_created_described_altered_and_deleted() {
    let broker = Broker::start();
    let said = broker.talk(&["topic", "list"]);
    assert!(said.starts_with("no topics yet"), "{said}");

    let create = [
        "topic",
        "create",
        "orders",
        "--partitions",
        "2",
        "--retention",
        "7d",
    ];
    assert_eq!(
        broker.talk(&create),
        "created topic orders with 2 partitions\n"
    );
    assert_eq!(
        broker.complaint(&create, 1),
        "error: topic orders exists already; --if-not-exists takes that for success\n"
    );
    let again = [&create[..], &["--if-not-exists"]].concat();
    assert_eq!(broker.talk(&again), "topic orders exists already\n");
    assert_eq!(
        broker.stdout(&["topic", "list"]),
        "\
TOPIC   PARTITIONS  SIZE
orders           2   0 B
"
    );
    assert_eq!(
        broker.stdout(&["topic", "describe", "orders"]),
        "\
Topic orders: 2 partitions, 0 records, 0 B

PARTITION  LEADER  START  END  RECORDS  SIZE
        0       1      0    0        0   0 B
        1       1      0    0        0   0 B

CONFIG        VALUE
retention.ms  604800000  7d
"
    );

    let alter = [
        "topic",
        "alter",
        "orders",
        "--partitions",
        "3",
        "--unset",
        "retention.ms",
    ];
    assert_eq!(
        broker.talk(&alter),
        "altered topic orders: retention.ms unset, 3 partitions\n"
    );
    let described = broker.json(&["topic", "describe", "orders"]);
    assert_eq!(described[0]["partitions"].as_array().unwrap().len(), 3);
    assert_eq!(described[0]["config"], json!({}));
    let shrink = broker.complaint(&["topic", "alter", "orders", "--partitions", "1"], 1);
    assert!(shrink.contains("INVALID_PARTITIONS"), "{shrink}");
    broker.complaint(&["topic", "alter", "orders"], 2);

    let unasked = broker.complaint(&["topic", "delete", "orders"], 2);
    assert!(unasked.contains("use --yes"), "{unasked}");
    assert_eq!(
        broker.talk(&["topic", "delete", "orders", "--yes"]),
        "deleted topic orders\n"
    );
    assert_eq!(broker.json(&["topic", "list"]), json!([]));
}
