//! Queues: looked into, purged, and their dead sent on their way again.

use serde_json::{Value, json};

use crate::amqp::Amqp;
use crate::broker::{Broker, until};

/// A broker with a queue `work` whose dead are in `dead`: so many of them.
fn with_dead(bodies: &[&[u8]]) -> (Broker, Amqp) {
    let broker = Broker::start();
    let mut client = Amqp::connect(&broker);
    client.declare("dead", None);
    client.declare("work", Some("dead"));
    for body in bodies {
        client.publish("work", body);
    }
    client.reject("work", bodies.len() as u64);
    await_ready(&broker, "dead", bodies.len() as u64);
    (broker, client)
}

fn ready(broker: &Broker, queue: &str) -> Option<u64> {
    let output = broker.run(&["queue", "describe", queue, "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).ok()?;
    found[0]["ready"].as_u64()
}

fn await_ready(broker: &Broker, queue: &str, count: u64) {
    until(queue, || (ready(broker, queue)? == count).then_some(()));
}

#[test]
fn a_poison_message_is_found_explained_and_sent_on_its_way_again() {
    let (broker, mut client) = with_dead(&[b"order 17", b"order 18"]);
    assert_eq!(
        broker.stdout(&["queue", "list"]),
        "\
QUEUE  READY  LOCKED  DELAYED  SIZE  CONSUMERS  DEAD LETTERS TO
dead       2       0        0  16 B          0  -
work       0       0        0   0 B          0  dead
"
    );
    let groups = broker.json(&["queue", "dlq"]);
    assert_eq!(groups.as_array().unwrap().len(), 1);
    assert_eq!(groups[0]["dead_letters_of"], json!(["work"]));
    let group = &groups[0]["groups"][0];
    assert_eq!(
        (&group["source"], &group["reason"]),
        (&json!("work"), &json!("rejected"))
    );
    assert_eq!(
        (&group["messages"], &group["most_deaths"]),
        (&json!(2), &json!(1))
    );
    let table = broker.stdout(&["queue", "dlq", "dead"]);
    assert!(table.starts_with("SOURCE  REASON    MESSAGES"), "{table}");

    let shown = broker.stdout(&["queue", "peek", "dead", "-n", "1"]);
    assert!(shown.starts_with("#0 ready  "), "{shown}");
    assert!(shown.contains("died in work (rejected), "), "{shown}");
    assert!(shown.ends_with("   order 17\n"), "{shown}");

    let dry = broker.talk(&["queue", "redrive", "dead", "--dry-run"]);
    assert_eq!(
        dry,
        "dry run: 2 messages of queue dead would be moved to where they died; nothing was changed\n"
    );
    assert_eq!(ready(&broker, "dead"), Some(2));

    let one = ["queue", "redrive", "dead", "--match", "18", "--yes"];
    let said = broker.talk(&one);
    assert!(
        said.starts_with("moved 1 message of queue dead to where they died in "),
        "{said}"
    );
    assert_eq!(
        (ready(&broker, "dead"), ready(&broker, "work")),
        (Some(1), Some(1))
    );

    // It is still poison.
    client.reject("work", 1);
    await_ready(&broker, "dead", 2);
    let messages = broker.json(&["queue", "peek", "dead"]);
    assert_eq!(messages[1]["body"], "order 18");
    assert_eq!(messages[1]["deaths"][0]["count"], 2);
    assert_eq!(messages[1]["deaths"][0]["queue"], "work");
}

#[test]
fn a_redrive_is_filtered_limited_and_paced() {
    let bodies: Vec<String> = (0..600).map(|number| format!("m{number:03}")).collect();
    let bodies: Vec<&[u8]> = bodies.iter().map(String::as_bytes).collect();
    let (broker, mut client) = with_dead(&bodies);
    let redrive = |more: &[&str]| {
        let done = broker.json(&[&["queue", "redrive", "dead", "--yes"][..], more].concat());
        done["moved"].as_u64().unwrap()
    };
    assert_eq!(redrive(&["--reason", "expired"]), 0);
    assert_eq!(redrive(&["--source-queue", "other"]), 0);
    assert_eq!(redrive(&["--older-than", "1h"]), 0);
    assert_eq!(redrive(&["--reason", "rejected", "--match", "m59"]), 10);
    assert_eq!(redrive(&["--limit", "3"]), 3);
    client.declare("repair", None);
    await_ready(&broker, "repair", 0);
    assert_eq!(
        redrive(&["--to", "repair", "--limit", "4", "--rate", "100/s"]),
        4
    );
    let exchange = ["--to-exchange", "amq.default-is-empty", "--limit", "1"];
    let missing = broker.complaint(
        &[&["queue", "redrive", "dead", "--yes"][..], &exchange].concat(),
        3,
    );
    assert!(
        missing.contains("exchange amq.default-is-empty does not exist"),
        "{missing}"
    );
    // More than the broker moves in a step.
    assert_eq!(redrive(&[]), 600 - 17);
    assert_eq!(ready(&broker, "dead"), Some(0));
    assert_eq!(ready(&broker, "work"), Some(596));
    assert_eq!(ready(&broker, "repair"), Some(4));
}

#[test]
fn what_was_redriven_is_in_one_place_after_a_crash() {
    let bodies = [&b"a"[..], b"b", b"c"];
    let (mut broker, client) = with_dead(&bodies);
    drop(client);
    broker.talk(&["queue", "redrive", "dead", "--limit", "2", "--yes"]);
    broker.crash_and_restart();
    await_ready(&broker, "work", 2);
    assert_eq!(ready(&broker, "dead"), Some(1));
    let messages = broker.json(&["queue", "peek", "work"]);
    assert_eq!(
        (&messages[0]["body"], &messages[1]["body"]),
        (&json!("a"), &json!("b"))
    );
}

#[test]
fn what_cannot_be_moved_is_a_failure_that_says_why() {
    let (broker, mut client) = with_dead(&[b"a"]);
    client.publish("dead", b"\xff never died");
    await_ready(&broker, "dead", 2);
    let complaint = broker.complaint(&["queue", "redrive", "dead", "--yes"], 1);
    assert!(
        complaint.contains("1 stay: they have no queue to go to"),
        "{complaint}"
    );
    assert!(
        complaint.contains("error: 1 message of queue dead could not be moved"),
        "{complaint}"
    );
    let left = broker.json(&["queue", "peek", "dead"]);
    assert_eq!(left[0]["body_base64"], "/yBuZXZlciBkaWVk");
    assert_eq!(left[0]["deaths"], json!([]));
}

#[test]
fn a_queue_is_described_and_purged() {
    let (broker, _client) = with_dead(&[b"a", b"b"]);
    let described = broker.stdout(&["queue", "describe", "work"]);
    assert!(
        described
            .starts_with("Queue work: 0 messages ready (0 B), 0 locked, 0 delayed, 0 consumers\n"),
        "{described}"
    );
    assert!(
        described.contains("dead letters, rejected         2\n"),
        "{described}"
    );
    assert!(described.contains("dead letters to  dead\n"), "{described}");
    let unasked = broker.complaint(&["queue", "purge", "dead"], 2);
    assert!(
        unasked.contains("dropping 2 messages of queue dead"),
        "{unasked}"
    );
    assert_eq!(
        broker.talk(&["queue", "purge", "dead", "--yes"]),
        "dropped 2 messages of queue dead\n"
    );
    assert_eq!(ready(&broker, "dead"), Some(0));
}

#[test]
fn failures_of_queue_commands_say_what_to_do() {
    let (broker, _client) = with_dead(&[]);
    for (args, code, expected) in [
        (
            &["queue", "describe", "nothing"][..],
            3,
            "queue nothing does not exist; forebay queue list",
        ),
        (
            &["queue", "redrive", "dead", "--to", "no", "--yes"],
            3,
            "queue no does not exist",
        ),
        (
            &["queue", "redrive", "dead", "--to", "dead", "--yes"],
            2,
            "--to names the queue",
        ),
        (&["queue", "redrive", "dead"], 2, "use --yes"),
        (
            &["queue", "list", "--virtual-host", "no"],
            3,
            "virtual host no does not exist",
        ),
        (
            &["queue", "list", "--admin", "127.0.0.1:1"],
            5,
            "--admin HOST:PORT",
        ),
        (
            &["queue", "list", "--admin", &broker.amqp],
            5,
            "is the admin listener",
        ),
    ] {
        let complaint = broker.complaint(args, code);
        assert!(complaint.contains(expected), "{args:?}: {complaint}");
        assert!(complaint.starts_with("error: "), "{args:?}: {complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}
