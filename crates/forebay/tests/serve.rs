//! Promises of a running broker to whoever starts and stops it.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde_json::Value;
use tempfile::TempDir;

/// How long a broker may take for anything here. Generous: the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(20);

/// A broker on free ports in a folder of its own; ended when dropped.
struct Broker {
    child: Option<Child>,
    folder: TempDir,
}

impl Broker {
    fn start(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = serve(folder.path())
            .args(["--kafka", "127.0.0.1:0", "--amqp", "127.0.0.1:0"])
            .args(["--aws", "127.0.0.1:0"])
            .args(["--admin", "127.0.0.1:0"])
            .args(["--ready-file", "ready.json"])
            .args(flags)
            .spawn()
            .unwrap();
        Self {
            child: Some(child),
            folder,
        }
    }

    fn ready_file(&self) -> PathBuf {
        self.folder.path().join("ready.json")
    }

    /// Waits for the ready file and reads it.
    fn ready(&self) -> Value {
        until("the ready file", || {
            fs::read_to_string(self.ready_file()).ok()
        })
        .parse()
        .expect("the file is complete as soon as it exists")
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.as_ref().unwrap().id().cast_signed()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Processor time used so far, in hundredths of a second.
    fn cpu_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // proc(5): behind the name in brackets come state (field 3) and so on; user and system
        // time are fields 14 and 15.
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Waits for the end and gives what was printed.
    fn end(mut self) -> Output {
        let mut child = self.child.take().unwrap();
        until("the broker's end", || child.try_wait().unwrap());
        child.wait_with_output().unwrap()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn serve(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    command.current_dir(folder).arg("serve");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FOREBAY_") {
            command.env_remove(name);
        }
    }
    command
}

fn until<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = poll() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_table_and_the_ready_file_name_what_is_bound() {
    let broker = Broker::start(&[]);
    let ready = broker.ready();
    let kafka = ready["kafka"].as_str().unwrap().to_owned();
    let admin = ready["admin"].as_str().unwrap().to_owned();
    assert!(!kafka.ends_with(":0") && kafka != admin);
    TcpStream::connect(&kafka).unwrap();

    broker.signal(Signal::TERM);
    let path = broker.ready_file();
    let output = broker.end();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        !path.exists(),
        "nobody takes a stopped broker for a ready one"
    );
    let table = text(&output.stdout);
    assert!(
        table.contains(&format!("bootstrap.servers={kafka}")),
        "{table}"
    );
    assert!(table.contains(&format!("http://{admin}/")), "{table}");
    assert!(
        table.contains("ready in ") && table.contains("fsync"),
        "{table}"
    );
}

#[test]
fn an_interrupt_stops_it_in_good_order_too() {
    let broker = Broker::start(&[]);
    broker.ready();
    broker.signal(Signal::INT);
    assert_eq!(broker.end().status.code(), Some(0));
}

#[test]
fn a_listener_that_is_off_is_not_in_the_ready_file() {
    let broker = Broker::start(&["--admin", "off"]);
    let ready = broker.ready();
    assert_eq!(
        ready.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["kafka", "amqp", "aws"]
    );
}

#[test]
fn json_logs_are_all_there_is() {
    let broker = Broker::start(&["--log-format", "json"]);
    let ready = broker.ready();
    broker.signal(Signal::TERM);
    let output = broker.end();
    assert_eq!(text(&output.stdout), "");
    let lines: Vec<Value> = text(&output.stderr)
        .lines()
        .map(|line| line.parse().expect("a line is JSON"))
        .collect();
    let event = lines
        .iter()
        .find(|line| line["message"] == "ready")
        .unwrap();
    assert_eq!(event["kafka"], ready["kafka"]);
}

#[test]
fn a_taken_port_is_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let broker = Broker::start(&["--kafka", &address.to_string()]);
    let output = broker.end();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        format!(
            "error: cannot listen on {address} (kafka): address in use; another broker? use \
             --kafka HOST:PORT\n"
        )
    );
}

#[test]
fn strangers_are_kept_out_unless_they_are_let_in() {
    let output = Broker::start(&["--kafka", "0.0.0.0:0"]).end();
    assert_eq!(output.status.code(), Some(2));
    let complaint = text(&output.stderr);
    assert!(complaint.contains("without credentials"), "{complaint}");
    assert!(complaint.contains("--allow-anonymous"), "{complaint}");

    let open = Broker::start(&[
        "--kafka",
        "0.0.0.0:0",
        "--allow-anonymous",
        "--kafka-advertised",
        "localhost:0",
    ]);
    let ready = open.ready();
    assert!(ready["kafka"].as_str().unwrap().starts_with("0.0.0.0:"));
}

#[test]
fn a_wildcard_is_never_told_to_clients() {
    let output = Broker::start(&["--kafka", "0.0.0.0:0", "--allow-anonymous"]).end();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("use --kafka-advertised HOST:"));
}

#[test]
fn when_descriptors_run_out_it_waits_without_spinning_and_heals() {
    let broker = Broker::start(&["--admin", "off"]);
    let kafka = broker.ready()["kafka"].as_str().unwrap().to_owned();
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = |current| {
        prlimit(
            Some(broker.pid()),
            Resource::Nofile,
            Rlimit { current, maximum },
        )
        .unwrap();
    };
    limit(Some(3));

    let ticks = broker.cpu_ticks();
    let mut waiting = TcpStream::connect(&kafka).unwrap();
    waiting
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let error = waiting.read(&mut [0]).unwrap_err();
    assert_eq!(
        error.kind(),
        std::io::ErrorKind::WouldBlock,
        "it waits in the backlog"
    );
    let used = broker.cpu_ticks() - ticks;
    assert!(used < 50, "{used} hundredths of a second of processor time");

    limit(maximum);
    waiting.set_read_timeout(Some(DEADLINE)).unwrap();
    // ApiVersions v0 with correlation id 7 and no client id.
    let request = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
    waiting.write_all(&request).unwrap();
    let mut answer = [0; 8];
    waiting.read_exact(&mut answer).unwrap();
    assert_eq!(answer[4..], [0, 0, 0, 7], "accepted, and answered");
    broker.signal(Signal::TERM);
    let output = broker.end();
    assert_eq!(output.status.code(), Some(0));
    let logs = text(&output.stderr);
    assert_eq!(logs.matches("connections refused").count(), 1, "{logs}");
}

/// What the management API answers to guest.
fn management(ready: &Value, path: &str) -> Value {
    let mut stream = TcpStream::connect(ready["admin"].as_str().unwrap()).unwrap();
    // `guest:guest`, as HTTP basic authentication has it.
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    body.parse().unwrap()
}

#[test]
fn definitions_are_loaded_at_every_start_or_it_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("definitions.json");
    let definitions = r#"{
        "users": [{"name": "guest", "password": "guest", "tags": ["administrator"]}],
        "vhosts": [{"name": "shop"}],
        "permissions": [
            {"user": "guest", "vhost": "shop", "configure": ".*", "write": ".*", "read": ".*"}
        ],
        "policies": [{
            "vhost": "shop", "name": "short", "pattern": ".*", "apply-to": "queues",
            "definition": {"max-length": 5}, "priority": 0
        }],
        "queues": [
            {"vhost": "shop", "name": "orders", "durable": true, "auto_delete": false, "arguments": {}}
        ]
    }"#;
    fs::write(&file, definitions).unwrap();
    let flags = ["--load-definitions", file.to_str().unwrap()];
    let broker = Broker::start(&flags);
    let queue = management(&broker.ready(), "/api/queues/shop/orders");
    assert_eq!(
        (&queue["name"], &queue["policy"]),
        (&"orders".into(), &"short".into())
    );
    fs::write(&file, "{\"queues\": 7}").unwrap();
    let output = Broker::start(&flags).end();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("cannot load definitions from"), "{said}");
    assert!(said.contains("queues should be a list"), "{said}");
}
