//! Promises of the commands that talk to a broker, kept against a broker of the same build.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take here. Generous: the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(30);

/// A broker on free ports, and the commands that talk to it.
struct Broker {
    child: Child,
    folder: TempDir,
    kafka: String,
    admin: String,
}

impl Broker {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (child, ready) = serve(&folder, "127.0.0.1:0");
        let address = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self {
            kafka: address("kafka"),
            admin: address("admin"),
            child,
            folder,
        }
    }

    /// Kills the broker without warning and starts it again at the same address.
    fn crash_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        fs::remove_file(self.folder.path().join("ready.json")).unwrap();
        self.child = serve(&self.folder, &self.kafka).0;
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command();
        command.args(args).env("FOREBAY_SERVER", &self.kafka);
        command.current_dir(self.folder.path());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Standard output of a command that must succeed.
    fn stdout(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(
            output.status.success(),
            "{args:?}: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Standard error of a command that must succeed without printing data.
    fn talk(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(
            output.status.success(),
            "{args:?}: {}",
            text(&output.stderr)
        );
        assert_eq!(text(&output.stdout), "", "{args:?}");
        text(&output.stderr)
    }

    fn json(&self, args: &[&str]) -> Value {
        self.stdout(&[args, &["--json"]].concat()).parse().unwrap()
    }

    /// The complaint of a command that must end with a code.
    fn complaint(&self, args: &[&str], code: i32) -> String {
        let output = self.run(args);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {complaint}");
        complaint
    }

    /// Produces lines from standard input.
    fn produce(&self, args: &[&str], lines: &str) -> Output {
        let mut child = self
            .command(&[&["produce"], args].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(lines.as_bytes()).unwrap();
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    fn produced(&self, args: &[&str], lines: &str) -> String {
        let output = self.produce(args, lines);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    }

    /// Starts a command that goes on until it is interrupted.
    fn start_command(&self, name: &str, args: &[&str]) -> Running {
        let path = |kind: &str| self.folder.path().join(format!("{name}.{kind}"));
        let file = |kind: &str| fs::File::create(path(kind)).unwrap();
        let child = self
            .command(args)
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .unwrap();
        Running {
            child,
            out: path("out"),
            err: path("err"),
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a broker and waits until it is ready.
fn serve(folder: &TempDir, kafka: &str) -> (Child, Value) {
    let child = command()
        .current_dir(folder.path())
        .args(["serve", "--kafka", kafka, "--admin", "127.0.0.1:0"])
        .args(["--ready-file", "ready.json"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let ready = folder.path().join("ready.json");
    let ready = until("the broker", || fs::read_to_string(&ready).ok());
    (child, ready.parse().unwrap())
}

/// A command that runs beside the test.
struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Running {
    fn printed(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    /// Ctrl-C; gives what it said at its end, which must be a success.
    fn interrupt(mut self) -> String {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        let status = until("the command's end", || self.child.try_wait().unwrap());
        let said = fs::read_to_string(&self.err).unwrap();
        assert!(status.success(), "{status}: {said}");
        said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary, away from the variables of whoever runs the tests.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    command.stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FOREBAY_") {
            command.env_remove(name);
        }
    }
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

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
