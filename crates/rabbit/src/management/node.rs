//! The node, as the API shows it.

use std::fmt;
use std::net::SocketAddr;

/// What only whoever runs the process knows.
#[derive(Clone)]
pub struct NodeInfo {
    /// What the node is called.
    pub name: String,
    /// Where clients come in.
    pub listeners: Vec<Listener>,
    /// Where its data is.
    pub data_folder: String,
    /// What stays free of its disk.
    pub disk_reserve_bytes: u64,
    /// The memory that it may use, if that is known.
    pub memory_limit_bytes: Option<u64>,
    /// What the process uses now.
    pub usage: fn() -> ProcessUsage,
}

impl fmt::Debug for NodeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeInfo({})", self.name)
    }
}

/// A listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// What is spoken there, by the name that RabbitMQ has for it, if it has one.
    pub protocol: &'static str,
    /// Where it is.
    pub address: SocketAddr,
}

/// What the process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessUsage {
    /// Its memory.
    pub resident_bytes: u64,
    /// Open file descriptors.
    pub open_files: u64,
    /// How many there may be.
    pub open_files_max: u64,
    /// Threads.
    pub threads: u64,
}
