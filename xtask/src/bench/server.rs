//! A broker that is measured: started on a folder of its own, stopped, started again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::probe;
use super::usage::Usage;
use crate::kafka_node::KafkaNode;
use crate::layout::Layout;
use crate::process::{self, Ending, free_port};
use crate::rabbitmq::{RabbitmqNode, Version, answers_amqp};
use crate::sqs_nodes::{ElasticmqNode, MotoNode, answers_sqs};

/// For a broker that has ten gigabytes of logs to look through.
const START_LIMIT: Duration = Duration::from_secs(180);
const STOP_LIMIT: Duration = Duration::from_secs(60);
const FOREBAY: &str = "forebay";
/// The program that RabbitMQ runs in.
const ERLANG: &str = "beam.smp";

/// How Kafka's own start scripts (`kafka-server-start.sh`, `kafka-run-class.sh` of 4.3) run the JVM.
const KAFKA_JVM: &[&str] = &[
    "-Xmx1G",
    "-Xms1G",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-XX:MaxInlineLevel=15",
    "-Djava.awt.headless=true",
];

/// A broker program and its data folder, running or not.
pub(crate) struct Seat {
    program: Program,
    folder: PathBuf,
    log: PathBuf,
}

enum Program {
    Forebay {
        binary: PathBuf,
        protocol: Protocol,
        address: String,
        durability: &'static str,
    },
    Kafka(KafkaNode),
    Rabbitmq(RabbitmqNode),
    Elasticmq(ElasticmqNode),
    Moto(MotoNode),
}

/// What Forebay is spoken to in; it listens for nothing else.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Protocol {
    Kafka,
    Amqp,
    Aws,
}

impl Seat {
    /// Forebay with its default configuration, except for what an acknowledgement promises.
    pub(crate) fn forebay(
        layout: &Layout,
        name: &str,
        protocol: Protocol,
        durability: &'static str,
    ) -> Result<Self> {
        let folder = fresh_folder(layout, name)?;
        Ok(Self {
            program: Program::Forebay {
                binary: measured_binary(layout),
                protocol,
                address: format!("127.0.0.1:{}", free_port()?),
                durability,
            },
            folder,
            log: layout.log(&format!("bench.{name}")),
        })
    }

    /// Apache Kafka with the configuration it is distributed with, and the lines of `more`.
    pub(crate) fn kafka(layout: &Layout, name: &str, more: &str) -> Result<Self> {
        let folder = fresh_folder(layout, name)?;
        let log = layout.log(&format!("bench.{name}"));
        let template = layout.root.join("bench/kafka.properties");
        let template =
            fs::read_to_string(&template).with_context(|| template.display().to_string())?;
        let template = format!("{template}\n{more}\n");
        let node = KafkaNode::format(layout, &folder, &template, KAFKA_JVM, &log)?;
        Ok(Self {
            program: Program::Kafka(node),
            folder,
            log,
        })
    }

    /// RabbitMQ as it comes, without plugins.
    pub(crate) fn rabbitmq(layout: &Layout, version: Version) -> Result<Self> {
        let name = version.name();
        let folder = fresh_folder(layout, name)?;
        let template = layout.root.join("bench/rabbitmq.conf");
        let template =
            fs::read_to_string(&template).with_context(|| template.display().to_string())?;
        let node = RabbitmqNode::with(layout, version, &folder, &template, "[].")?;
        Ok(Self {
            program: Program::Rabbitmq(node),
            folder,
            log: layout.log(&format!("bench.{name}")),
        })
    }

    /// ElasticMQ as it comes, in memory.
    pub(crate) fn elasticmq(layout: &Layout, name: &str) -> Result<Self> {
        let folder = fresh_folder(layout, name)?;
        let template = layout.root.join("bench/elasticmq.conf");
        let template =
            fs::read_to_string(&template).with_context(|| template.display().to_string())?;
        let node = ElasticmqNode::with(layout, &folder, &template)?;
        Ok(Self {
            program: Program::Elasticmq(node),
            folder,
            log: layout.log(&format!("bench.{name}")),
        })
    }

    /// The server of moto.
    pub(crate) fn moto(layout: &Layout, name: &str) -> Result<Self> {
        Ok(Self {
            program: Program::Moto(MotoNode::new(layout)?),
            folder: fresh_folder(layout, name)?,
            log: layout.log(&format!("bench.{name}")),
        })
    }

    /// Starts it and waits until it answers.
    pub(crate) fn start(&self) -> Result<Server> {
        let mut command = match &self.program {
            Program::Forebay {
                binary,
                protocol,
                address,
                durability,
            } => {
                let (kafka, amqp, aws) = match protocol {
                    Protocol::Kafka => (&address[..], "off", "off"),
                    Protocol::Amqp => ("off", &address[..], "off"),
                    Protocol::Aws => ("off", "off", &address[..]),
                };
                let mut command = Command::new(binary);
                command
                    .args(["serve", "--kafka", kafka, "--amqp", amqp])
                    .args(["--aws", aws, "--admin", "127.0.0.1:0"])
                    .args(["--durability", durability, "--data"])
                    .arg(self.folder.join("data"));
                process::tied_to_this_thread(&command)
            }
            Program::Kafka(node) => process::tied_to_this_thread(&node.serve()),
            Program::Rabbitmq(node) => node.serve(),
            Program::Elasticmq(node) => process::tied_to_this_thread(&node.serve()),
            Program::Moto(node) => process::tied_to_this_thread(&node.serve()),
        };
        let (address, is_ready): (&String, fn(&str) -> bool) = match &self.program {
            Program::Forebay {
                address, protocol, ..
            } => match protocol {
                Protocol::Kafka => (address, probe::is_ready),
                Protocol::Amqp => (address, answers_amqp),
                Protocol::Aws => (address, answers_sqs),
            },
            Program::Kafka(node) => (&node.bootstrap, probe::is_ready),
            Program::Rabbitmq(node) => (&node.amqp, answers_amqp),
            Program::Elasticmq(node) => (&node.address, answers_sqs),
            Program::Moto(node) => (&node.address, answers_sqs),
        };
        let started = Instant::now();
        let mut child = process::spawn(&mut command, &self.log)?;
        process::wait_until(&mut child, &self.log, START_LIMIT, || is_ready(address))?;
        let ready_after = started.elapsed();
        let id = match &self.program {
            // What was started only holds the namespaces that the broker runs in.
            Program::Rabbitmq(_) => process::descendant(child.id(), ERLANG)
                .with_context(|| format!("no {ERLANG} below {}", child.id()))?,
            _ => child.id(),
        };
        let bootstrap = address.clone();
        Ok(Server {
            bootstrap,
            ready_after,
            id,
            child,
            log: self.log.clone(),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // The next one measured has the disk for itself; a folder that stays is cleared next time.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A running broker.
pub(crate) struct Server {
    /// `host:port` for clients.
    pub(crate) bootstrap: String,
    /// From the start of the process to its first answer.
    pub(crate) ready_after: Duration,
    id: u32,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// The process that does the work.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.id())
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the broker died: {status}\n{}", process::tail(&self.log));
        }
        process::ask_to_stop(self.id());
        let ending = process::wait(&mut self.child, STOP_LIMIT)?;
        ensure!(
            matches!(ending, Ending::Exited(_)),
            "the broker still ran {STOP_LIMIT:?} after it was told to stop"
        );
        Ok(())
    }

    /// Ends it without a word of warning.
    pub(crate) fn kill(mut self) -> Result<()> {
        process::kill_tree(self.child.id());
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            process::kill_tree(self.child.id());
            let _ = self.child.wait();
        }
    }
}

/// Builds Forebay's release binary and keeps a copy, so that a build meanwhile changes nothing.
pub(crate) fn build_forebay(layout: &Layout) -> Result<()> {
    println!("building the release binary");
    crate::cargo::build_release(layout, &["forebay"])?;
    keep(layout, FOREBAY)
}

/// Keeps a copy of a program as it was just built.
pub(crate) fn keep(layout: &Layout, program: &str) -> Result<()> {
    let copy = kept(layout, program);
    fs::create_dir_all(copy.parent().context("the copy lies in a folder")?)?;
    // Not written in place: another run may be executing the old one.
    let fresh = copy.with_extension("new");
    fs::copy(layout.released(program), &fresh).with_context(|| fresh.display().to_string())?;
    fs::rename(&fresh, &copy)?;
    Ok(())
}

/// The copy of a program.
pub(crate) fn kept(layout: &Layout, program: &str) -> PathBuf {
    folder(layout).join("bin").join(program)
}

/// The binary that is measured, and whose command line creates the topics of every broker.
pub(crate) fn measured_binary(layout: &Layout) -> PathBuf {
    kept(layout, FOREBAY)
}

/// Where benchmarks keep what they need and what they write.
pub(crate) fn folder(layout: &Layout) -> PathBuf {
    layout.cache.join("bench")
}

fn fresh_folder(layout: &Layout, name: &str) -> Result<PathBuf> {
    let folder = folder(layout).join(name);
    clear(&folder)?;
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

fn clear(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("clear {}", folder.display()))?;
    }
    Ok(())
}
