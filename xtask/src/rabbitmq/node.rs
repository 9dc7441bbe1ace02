//! One RabbitMQ node, with ports and a data folder of its own.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Version;
use crate::layout::Layout;
use crate::process::{self, free_port};

/// Where the node keeps everything, as it sees it.
const HOME: &str = "/var/lib/rabbitmq";
/// Run in namespaces of mounts and processes that end with the node: $1 is the root, $2 becomes HOME,
/// the rest its environment. The node's daemons (epmd) go with it, and no mount is left behind.
const ENTER: &str = r#"
set -eu
root=$1 home=$2
shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$home" "$root/var/lib/rabbitmq"
exec chroot "$root" /usr/bin/env -i "$@" /usr/lib/rabbitmq/bin/rabbitmq-server
"#;
/// What a client says first (AMQP 0-9-1 §4.2.2), and the type of the frame that answers it.
const PROTOCOL_HEADER: &[u8; 8] = b"AMQP\x00\x00\x09\x01";
const METHOD_FRAME: u8 = 1;
/// How long a node may take to answer the first bytes, before it is asked again.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// A configured node.
pub(crate) struct RabbitmqNode {
    /// `host:port` for AMQP clients.
    pub(crate) amqp: String,
    /// `host:port` of the management API.
    pub(crate) management: String,
    root: PathBuf,
    home: PathBuf,
    epmd_port: u16,
    distribution_port: u16,
}

impl RabbitmqNode {
    /// Writes the configuration of a node that the conformance suites meet, with its data below `dir`.
    pub(crate) fn configure(layout: &Layout, dir: &Path) -> Result<Self> {
        let version = Version::V4_3;
        let templates = version.manifests(layout);
        let read = |name: &str| {
            let path = templates.join(name);
            fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
        };
        Self::with(
            layout,
            version,
            dir,
            &read("rabbitmq.conf")?,
            &read("enabled_plugins")?,
        )
    }

    /// A node with the configuration that `template` is with its words in capitals filled in, and these
    /// plugins, with its data below `dir`.
    pub(crate) fn with(
        layout: &Layout,
        version: Version,
        dir: &Path,
        template: &str,
        plugins: &str,
    ) -> Result<Self> {
        let (amqp, management) = (free_port()?, free_port()?);
        let home = dir.join("rabbitmq");
        fs::create_dir_all(&home)?;
        fs::write(
            home.join("rabbitmq.conf"),
            template
                .replace("AMQP_PORT", &amqp.to_string())
                .replace("MANAGEMENT_PORT", &management.to_string()),
        )?;
        fs::write(home.join("enabled_plugins"), plugins)?;
        Ok(Self {
            amqp: format!("127.0.0.1:{amqp}"),
            management: format!("127.0.0.1:{management}"),
            root: version.root(layout),
            home,
            epmd_port: free_port()?,
            distribution_port: free_port()?,
        })
    }

    /// The command that runs it. It answers no signal but SIGKILL, which ends the whole node.
    pub(crate) fn serve(&self) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--pid", "--fork", "--kill-child"])
            .args(["sh", "-c", ENTER, "sh"])
            .arg(&self.root)
            .arg(&self.home)
            .args(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"])
            .arg(format!("HOME={HOME}"))
            .arg("RABBITMQ_NODENAME=rabbit@localhost")
            .arg("RABBITMQ_LOGS=-")
            .arg(format!("RABBITMQ_CONFIG_FILE={HOME}/rabbitmq.conf"))
            .arg(format!(
                "RABBITMQ_ENABLED_PLUGINS_FILE={HOME}/enabled_plugins"
            ))
            .arg(format!("ERL_EPMD_PORT={}", self.epmd_port))
            .arg("ERL_EPMD_ADDRESS=127.0.0.1")
            .arg(format!("RABBITMQ_DIST_PORT={}", self.distribution_port))
            .arg("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}");
        process::tied_to_this_thread(&command)
    }

    /// Whether it answers AMQP clients, which is later than that it accepts connections.
    pub(crate) fn is_ready(&self) -> bool {
        answers_amqp(&self.amqp)
    }
}

/// Whether there is a broker at `address` that answers AMQP clients.
pub(crate) fn answers_amqp(address: &str) -> bool {
    let greet = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(PROTOCOL_HEADER)?;
        let mut frame_type = [0];
        stream.read_exact(&mut frame_type)?;
        Ok(frame_type[0])
    };
    greet().is_ok_and(|frame_type| frame_type == METHOD_FRAME)
}
