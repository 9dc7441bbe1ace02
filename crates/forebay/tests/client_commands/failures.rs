//! Failures, and a folder that is checked.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::broker::{Broker, command, text, until};

#[test]
fn failures_have_codes_of_their_own_and_say_what_to_do() {
    let broker = Broker::start();
    broker.talk(&["topic", "create", "orders", "--partitions", "1"]);
    for (args, code, expected) in [
        (
            &["topic", "describe", "nothing"][..],
            3,
            "topic nothing does not exist",
        ),
        (&["consume", "nothing"], 3, "forebay topic list"),
        (
            &["consume", "orders", "--partition", "9"],
            3,
            "partition 9 of topic orders",
        ),
        (
            &["group", "describe", "nobody"],
            3,
            "group nobody does not exist",
        ),
        (
            &["produce", "orders", "--file", "missing"],
            3,
            "cannot read missing",
        ),
        (
            &["topic", "list", "--server", "127.0.0.1:1"],
            5,
            "forebay serve",
        ),
        (&["topic", "list", "--server", &broker.admin], 5, "HTTP"),
        (
            &["topic", "alter", "orders", "--config", "no=1"],
            1,
            "INVALID_CONFIG",
        ),
    ] {
        let complaint = broker.complaint(args, code);
        assert!(complaint.contains(expected), "{args:?}: {complaint}");
        assert!(complaint.starts_with("error: "), "{args:?}: {complaint}");
    }
    let large = broker.produce(&["orders"], &format!("{}\n", "x".repeat(2 << 20)));
    assert_eq!(large.status.code(), Some(1));
    let complaint = text(&large.stderr);
    assert!(complaint.contains("forebay topic alter orders --config max.message.bytes=N"));
    let unsplit = broker.produce(&["orders", "-K", ":"], "a:1\nb2\n");
    assert!(text(&unsplit.stderr).contains("line 2 has no key separator"));
    assert_eq!(
        broker.stdout(&["consume", "orders"]),
        "1\n",
        "what came before is sent"
    );
}

#[test]
fn a_broker_that_says_nothing_times_out() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let output = command()
        .args(["topic", "list", "--timeout", "200ms", "--server", &address])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(6));
    assert_eq!(
        text(&output.stderr),
        format!(
            "error: no answer within 200ms: connecting to {address}; --timeout gives it more time\n"
        )
    );
}

#[test]
fn a_folder_is_checked_when_no_broker_uses_it() {
    let mut broker = Broker::start();
    broker.talk(&["topic", "create", "orders", "--partitions", "1"]);
    broker.produced(&["orders"], "a\nb\n");
    let locked = broker.complaint(&["check", "forebay-data"], 1);
    assert!(locked.contains("stop the broker"), "{locked}");
    let pid = Pid::from_raw(broker.child.id().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    until("the broker's end", || broker.child.try_wait().unwrap());
    let said = broker.talk(&["check", "forebay-data"]);
    assert!(said.starts_with("checked "), "{said}");
    let report = broker.json(&["check", "forebay-data"]);
    assert_eq!(report["damages"], json!([]));
}
