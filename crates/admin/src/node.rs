//! What the process knows about itself and the broker does not.

use std::net::SocketAddr;

use serde::Serialize;

/// Which build is running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// The version, as `--version` prints it.
    pub version: String,
    /// The revision of the source, where the build knew it.
    pub revision: Option<String>,
}

/// A bound listener. Answers show it as it is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListenerInfo {
    /// Its name: `kafka`, `admin`.
    pub name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
}

/// The process around the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Which build is running.
    pub build: BuildInfo,
    /// What it listens on.
    pub listeners: Vec<ListenerInfo>,
    /// Bytes that stay free on a medium that is not small: the engine's `reserve_bytes`.
    pub reserve_bytes: u64,
}
