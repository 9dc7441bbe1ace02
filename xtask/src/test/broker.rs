//! The broker under test: Forebay's release binary, or an original to prove the suites.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::report::Report;
use crate::kafka_node::KafkaNode;
use crate::layout::Layout;
use crate::process::{self, Ending};
use crate::rabbitmq::{RabbitmqNode, Version};
use crate::toolchain::Toolchain;

/// JVMs and Erlang need their time; Forebay is ready in milliseconds.
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// For suites that ask what is right, not what is fast.
const SMALL_JVM: &[&str] = &["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    Forebay,
    Kafka,
    Rabbitmq,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Forebay => "forebay",
            Self::Kafka => "kafka",
            Self::Rabbitmq => "rabbitmq",
        }
    }

    /// What the broker itself needs, beside what the suites need.
    pub(crate) fn toolchain(self) -> Option<Toolchain> {
        match self {
            Self::Forebay => None,
            Self::Kafka => Some(Toolchain::Java),
            Self::Rabbitmq => Some(Toolchain::Rabbitmq(Version::V4_3)),
        }
    }
}

/// A running broker with a data folder of its own.
pub(crate) struct Broker {
    pub(crate) kind: Kind,
    /// `host:port` for Kafka clients; RabbitMQ has none.
    pub(crate) kafka: Option<String>,
    /// `host:port` for RabbitMQ clients; Kafka has none.
    pub(crate) amqp: Option<String>,
    /// `host:port` for clients of SQS and SNS; only Forebay has it.
    pub(crate) aws: Option<String>,
    /// `host:port` of the admin HTTP listener; Kafka has none.
    admin: Option<String>,
    child: Child,
    log: PathBuf,
    data: PathBuf,
}

#[derive(Deserialize)]
struct ReadyFile {
    kafka: String,
    amqp: Option<String>,
    aws: Option<String>,
    admin: Option<String>,
}

impl Broker {
    pub(crate) fn start(layout: &Layout, kind: Kind, name: &str) -> Result<Self> {
        let dir = layout.cache.join("brokers").join(name);
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("clear {}", dir.display()))?;
        }
        fs::create_dir_all(&dir)?;
        let log = layout.log(&format!("{name}.broker"));
        match kind {
            Kind::Forebay => Self::start_forebay(layout, dir, log),
            Kind::Kafka => Self::start_kafka(layout, dir, log),
            Kind::Rabbitmq => Self::start_rabbitmq(layout, dir, log),
        }
    }

    fn start_forebay(layout: &Layout, dir: PathBuf, log: PathBuf) -> Result<Self> {
        let ready_file = dir.join("ready.json");
        let mut command = Command::new(layout.forebay());
        command
            .args([
                "serve",
                "--kafka",
                "127.0.0.1:0",
                "--amqp",
                "127.0.0.1:0",
                "--aws",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(dir.join("data"))
            .arg("--ready-file")
            .arg(&ready_file)
            .env("FOREBAY_RETENTION_CHECK_INTERVAL", "200ms")
            .env("FOREBAY_COMPACTION_CHECK_INTERVAL", "200ms");
        let mut child = process::spawn(&mut command, &log)?;
        wait_until(&mut child, &log, || ready_file.exists())?;
        let ready: ReadyFile = serde_json::from_slice(&fs::read(&ready_file)?)
            .with_context(|| format!("read {}", ready_file.display()))?;
        Ok(Self {
            kind: Kind::Forebay,
            kafka: Some(ready.kafka),
            amqp: ready.amqp,
            aws: ready.aws,
            admin: ready.admin,
            child,
            log,
            data: dir,
        })
    }

    fn start_kafka(layout: &Layout, dir: PathBuf, log: PathBuf) -> Result<Self> {
        let template = fs::read_to_string(layout.conformance.join("kafka.properties"))?;
        let node = KafkaNode::format(layout, &dir, &template, SMALL_JVM, &log)?;
        let mut child = process::spawn(&mut node.serve(), &log)?;
        let bootstrap = node.bootstrap;
        wait_until(&mut child, &log, || TcpStream::connect(&bootstrap).is_ok())?;
        Ok(Self {
            kind: Kind::Kafka,
            kafka: Some(bootstrap),
            amqp: None,
            aws: None,
            admin: None,
            child,
            log,
            data: dir,
        })
    }

    fn start_rabbitmq(layout: &Layout, dir: PathBuf, log: PathBuf) -> Result<Self> {
        let node = RabbitmqNode::configure(layout, &dir)?;
        let mut child = process::spawn(&mut node.serve(), &log)?;
        wait_until(&mut child, &log, || node.is_ready())?;
        Ok(Self {
            kind: Kind::Rabbitmq,
            kafka: None,
            amqp: Some(node.amqp),
            aws: None,
            admin: Some(node.management),
            child,
            log,
            data: dir,
        })
    }

    /// The process id, for cases that look at the broker from outside.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What every suite finds in its environment.
    pub(crate) fn describe_to(&self, command: &mut Command) {
        let kafka = self.kafka.as_deref().unwrap_or_default();
        command
            .env("BROKER", kafka)
            .env("BROKER_PID", self.id().to_string())
            .env("BROKER_AMQP", self.amqp.as_deref().unwrap_or_default())
            .env("BROKER_AWS", self.aws.as_deref().unwrap_or_default())
            .env("BROKER_ADMIN", self.admin.as_deref().unwrap_or_default());
    }

    /// Stops the broker with SIGTERM. It must still have been alive, and must leave in peace.
    pub(crate) fn stop(mut self, report: &mut Report) {
        let case = "survives_the_suite_and_stops_cleanly";
        let client = self.kind.name();
        if let Ok(Some(status)) = self.child.try_wait() {
            let reason = format!(
                "the broker had died: {status}\n{}",
                process::tail(&self.log)
            );
            report.fail(client, case, &reason);
            return;
        }
        if self.kind == Kind::Rabbitmq {
            // The one that is asked is the namespace's keeper, which passes nothing on.
            process::kill_tree(self.child.id());
        } else {
            process::ask_to_stop(self.child.id());
        }
        match process::wait(&mut self.child, STOP_LIMIT) {
            Ok(Ending::Exited(status)) if status.success() || self.kind != Kind::Forebay => {
                report.pass(client, case);
                let _ = fs::remove_dir_all(&self.data);
            }
            Ok(Ending::Exited(status)) => {
                let reason = format!("ended with {status}\n{}", process::tail(&self.log));
                report.fail(client, case, &reason);
            }
            Ok(Ending::TimedOut) => {
                report.fail(
                    client,
                    case,
                    &format!("still running {STOP_LIMIT:?} after SIGTERM"),
                );
            }
            Err(error) => report.fail(client, case, &format!("{error:#}")),
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            process::kill_tree(self.child.id());
            let _ = self.child.wait();
        }
    }
}

fn wait_until(child: &mut Child, log: &Path, ready: impl Fn() -> bool) -> Result<()> {
    process::wait_until(child, log, START_LIMIT, ready).map(|_| ())
}
