//! A broker of the same build, and the commands that talk to it.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take here. Generous: the machine may be busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A broker on free ports, and the commands that talk to it.
pub(crate) struct Broker {
    pub(crate) child: Child,
    pub(crate) folder: TempDir,
    pub(crate) kafka: String,
    pub(crate) amqp: String,
    pub(crate) admin: String,
}

impl Broker {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (child, ready) = serve(&folder, "127.0.0.1:0");
        let address = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self {
            kafka: address("kafka"),
            amqp: address("amqp"),
            admin: address("admin"),
            child,
            folder,
        }
    }

    /// Kills the broker without warning and starts it again at the same address.
    pub(crate) fn crash_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        fs::remove_file(self.folder.path().join("ready.json")).unwrap();
        let (child, ready) = serve(&self.folder, &self.kafka);
        self.child = child;
        // Its other addresses are new.
        self.amqp = ready["amqp"].as_str().unwrap().to_owned();
        self.admin = ready["admin"].as_str().unwrap().to_owned();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = command();
        command.args(args).env("FOREBAY_SERVER", &self.kafka);
        if args.first() == Some(&"queue") {
            command.env("FOREBAY_ADMIN", &self.admin);
        }
        command.current_dir(self.folder.path());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Standard output of a command that must succeed.
    pub(crate) fn stdout(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(
            output.status.success(),
            "{args:?}: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Standard error of a command that must succeed without printing data.
    pub(crate) fn talk(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(
            output.status.success(),
            "{args:?}: {}",
            text(&output.stderr)
        );
        assert_eq!(text(&output.stdout), "", "{args:?}");
        text(&output.stderr)
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        self.stdout(&[args, &["--json"]].concat()).parse().unwrap()
    }

    /// The complaint of a command that must end with a code.
    pub(crate) fn complaint(&self, args: &[&str], code: i32) -> String {
        let output = self.run(args);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {complaint}");
        complaint
    }

    /// Produces lines from standard input.
    pub(crate) fn produce(&self, args: &[&str], lines: &str) -> Output {
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

    pub(crate) fn produced(&self, args: &[&str], lines: &str) -> String {
        let output = self.produce(args, lines);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    }

    /// Starts a command that goes on until it is interrupted.
    pub(crate) fn start_command(&self, name: &str, args: &[&str]) -> Running {
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
pub(crate) fn serve(folder: &TempDir, kafka: &str) -> (Child, Value) {
    let child = command()
        .current_dir(folder.path())
        .args([
            "serve",
            "--kafka",
            kafka,
            "--amqp",
            "127.0.0.1:0",
            "--aws",
            "off",
            "--admin",
            "127.0.0.1:0",
        ])
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
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) out: PathBuf,
    pub(crate) err: PathBuf,
}

impl Running {
    pub(crate) fn printed(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    /// Ctrl-C; gives what it said at its end, which must be a success.
    pub(crate) fn interrupt(mut self) -> String {
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
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    command.stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FOREBAY_") {
            command.env_remove(name);
        }
    }
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
