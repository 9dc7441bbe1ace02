//! A Forebay process of a case's own, for what is done to the process itself.

use std::fs::{self, File};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::PATIENCE;

const POLL: Duration = Duration::from_millis(1);

/// A server that is killed when this is dropped.
pub struct Forebay {
    folder: TempDir,
    address: String,
    process: Child,
}

impl Forebay {
    /// Starts a server and waits until it is ready.
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let (process, address) = launch(&folder, "127.0.0.1:0");
        Self {
            folder,
            address,
            process,
        }
    }

    /// Where its clients find it, also after a restart.
    pub fn uri(&self) -> String {
        crate::uri(&self.address)
    }

    /// Starts it again where its clients know it.
    pub fn start_again(&mut self) {
        (self.process, self.address) = launch(&self.folder, &self.address);
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process.kill().expect("it is killed");
        self.process.wait().expect("it has ended");
    }

    /// SIGTERM, after which it must leave in peace.
    pub fn stop(&mut self) {
        let id = Pid::from_child(&self.process);
        kill_process(id, Signal::TERM).expect("it is asked to stop");
        let status = self.process.wait().expect("it has ended");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Forebay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn launch(folder: &TempDir, amqp: &str) -> (Child, String) {
    let ready_file = folder.path().join("ready.json");
    let _ = fs::remove_file(&ready_file);
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.path().join("log"))
        .expect("a log");
    let binary = std::env::var("FOREBAY").expect("FOREBAY names the binary under test");
    // It ends with the tests, also when they are killed.
    let process = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", &binary, "serve", "--amqp", amqp])
        .args(["--kafka", "127.0.0.1:0", "--aws", "off", "--admin", "127.0.0.1:0", "--data"])
        .arg(folder.path().join("data"))
        .arg("--ready-file")
        .arg(&ready_file)
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("the server is started");
    let deadline = Instant::now() + PATIENCE;
    while !ready_file.exists() {
        assert!(Instant::now() < deadline, "the server is not ready in time");
        thread::sleep(POLL);
    }
    let ready = fs::read(&ready_file).expect("the ready file");
    let listeners: serde_json::Value = serde_json::from_slice(&ready).expect("JSON");
    let address = listeners["amqp"].as_str().expect("an address").to_owned();
    (process, address)
}
