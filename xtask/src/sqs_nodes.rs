//! Other servers of SQS: ElasticMQ from the jars of Maven Central, moto from PyPI. Both keep everything in
//! memory.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::layout::Layout;
use crate::process::free_port;

/// A server may take connections before it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// ElasticMQ, with a configuration of its own.
pub(crate) struct ElasticmqNode {
    /// `host:port`.
    pub(crate) address: String,
    configuration: PathBuf,
    classpath: PathBuf,
}

impl ElasticmqNode {
    /// Writes the configuration that `template` is with its words in capitals filled in, below `dir`.
    pub(crate) fn with(layout: &Layout, dir: &Path, template: &str) -> Result<Self> {
        let port = free_port()?;
        let configuration = dir.join("elasticmq.conf");
        let text = template.replace("SQS_PORT", &port.to_string());
        fs::write(&configuration, text).with_context(|| configuration.display().to_string())?;
        Ok(Self {
            address: format!("127.0.0.1:{port}"),
            configuration,
            classpath: layout.cache.join("elasticmq/*"),
        })
    }

    /// The command that runs it.
    pub(crate) fn serve(&self) -> Command {
        let mut command = Command::new("java");
        command
            .arg(format!("-Dconfig.file={}", self.configuration.display()))
            .arg("-cp")
            .arg(&self.classpath)
            .arg("org.elasticmq.server.Main");
        command
    }
}

/// The server of moto.
pub(crate) struct MotoNode {
    /// `host:port`.
    pub(crate) address: String,
    port: u16,
    python: PathBuf,
}

impl MotoNode {
    pub(crate) fn new(layout: &Layout) -> Result<Self> {
        let port = free_port()?;
        Ok(Self {
            address: format!("127.0.0.1:{port}"),
            port,
            python: layout.cache.join("moto/bin/python"),
        })
    }

    /// The command that runs it.
    pub(crate) fn serve(&self) -> Command {
        let mut command = Command::new(&self.python);
        command
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p"])
            .arg(self.port.to_string());
        command
    }
}

/// Whether the server at `address` lists its queues when it is asked once.
pub(crate) fn answers_sqs(address: &str) -> bool {
    lists_queues(address).is_ok_and(|lists| lists)
}

fn lists_queues(address: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "POST / HTTP/1.1\r\n\
         Host: {address}\r\n\
         Content-Type: application/x-amz-json-1.0\r\n\
         X-Amz-Target: AmazonSQS.ListQueues\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=probe/20260101/us-east-1/sqs/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\
         Content-Length: 2\r\n\
         Connection: close\r\n\
         \r\n\
         {{}}"
    )?;
    let mut status = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut status)?;
    Ok(status.ends_with(b" 200"))
}
