//! Apache Kafka from the jars of Maven Central, as one KRaft node with a data folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::layout::Layout;
use crate::process::{self, free_port};

/// A JVM that only formats a folder.
const FORMAT_LIMIT: Duration = Duration::from_secs(60);
/// Any valid cluster id will do; a fixed one keeps runs comparable.
const CLUSTER_ID: &str = "Rm9yZWJheUNvbmZvcm0xMg";

/// A formatted node: it can be started, stopped and started again.
pub(crate) struct KafkaNode {
    /// `host:port` for Kafka clients.
    pub(crate) bootstrap: String,
    properties: PathBuf,
    classpath: PathBuf,
    jvm: &'static [&'static str],
}

impl KafkaNode {
    /// Writes the configuration that `template` is with its words in capitals filled in, and formats
    /// the data folder below `dir`.
    pub(crate) fn format(
        layout: &Layout,
        dir: &Path,
        template: &str,
        jvm: &'static [&'static str],
        log: &Path,
    ) -> Result<Self> {
        let (broker, controller) = (free_port()?, free_port()?);
        let properties = dir.join("server.properties");
        fs::write(
            &properties,
            template
                .replace("BROKER_PORT", &broker.to_string())
                .replace("CONTROLLER_PORT", &controller.to_string())
                .replace("DATA", &dir.join("data").to_string_lossy()),
        )
        .with_context(|| format!("write {}", properties.display()))?;
        let node = Self {
            bootstrap: format!("127.0.0.1:{broker}"),
            properties,
            classpath: layout.cache.join("java/lib/*"),
            jvm,
        };
        let mut format = node.java("kafka.tools.StorageTool");
        format
            .args(["format", "-t", CLUSTER_ID, "-c"])
            .arg(&node.properties);
        process::must(&mut format, log, FORMAT_LIMIT)?;
        Ok(node)
    }

    /// The command that runs it.
    pub(crate) fn serve(&self) -> Command {
        let mut command = self.java("kafka.Kafka");
        command.arg(&self.properties);
        command
    }

    fn java(&self, class: &str) -> Command {
        let mut command = Command::new("java");
        command.args(self.jvm).arg("-cp").arg(&self.classpath);
        command.arg(class);
        command
    }
}
