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

/// For a broker that has ten gigabytes of logs to look through.
const START_LIMIT: Duration = Duration::from_secs(180);
const STOP_LIMIT: Duration = Duration::from_secs(60);

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
        address: String,
        durability: &'static str,
    },
    Kafka(KafkaNode),
}

impl Seat {
    /// Forebay with its default configuration, except for what an acknowledgement promises.
    pub(crate) fn forebay(layout: &Layout, name: &str, durability: &'static str) -> Result<Self> {
        let folder = fresh_folder(layout, name)?;
        Ok(Self {
            program: Program::Forebay {
                binary: measured_binary(layout),
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

    /// Starts it and waits until it answers.
    pub(crate) fn start(&self) -> Result<Server> {
        let command = match &self.program {
            Program::Forebay {
                binary,
                address,
                durability,
            } => {
                let mut command = Command::new(binary);
                command
                    .args(["serve", "--kafka", address, "--amqp", "off"])
                    .args(["--admin", "127.0.0.1:0"])
                    .args(["--durability", durability, "--data"])
                    .arg(self.folder.join("data"));
                command
            }
            Program::Kafka(node) => node.serve(),
        };
        let bootstrap = match &self.program {
            Program::Forebay { address, .. } => address.clone(),
            Program::Kafka(node) => node.bootstrap.clone(),
        };
        let started = Instant::now();
        let mut child = process::spawn(&mut process::tied_to_this_thread(&command), &self.log)?;
        process::wait_until(&mut child, &self.log, START_LIMIT, || {
            probe::is_ready(&bootstrap)
        })?;
        Ok(Server {
            bootstrap,
            ready_after: started.elapsed(),
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
    /// `host:port` for Kafka clients.
    pub(crate) bootstrap: String,
    /// From the start of the process to its first answer.
    pub(crate) ready_after: Duration,
    child: Child,
    log: PathBuf,
}

impl Server {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
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
        process::kill_tree(self.id());
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
    let copy = measured_binary(layout);
    fs::create_dir_all(copy.parent().context("the copy lies in a folder")?)?;
    // Not written in place: another run may be executing the old one.
    let fresh = copy.with_extension("new");
    fs::copy(layout.forebay(), &fresh).with_context(|| fresh.display().to_string())?;
    fs::rename(&fresh, &copy)?;
    Ok(())
}

/// The binary that is measured, and whose command line creates the topics of every broker.
pub(crate) fn measured_binary(layout: &Layout) -> PathBuf {
    folder(layout).join("forebay")
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
