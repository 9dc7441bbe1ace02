//! Many of something that nobody uses.

use std::io;
use std::net::SocketAddr;

use super::connection::Connection;

/// Connections with a channel each.
pub struct Crowd(#[expect(dead_code, reason = "they are only held open")] Vec<Connection>);

impl Crowd {
    /// Opens so many.
    pub fn connect(address: SocketAddr, connections: usize) -> io::Result<Self> {
        let all = (0..connections).map(|_| Connection::open(address));
        all.collect::<io::Result<_>>().map(Self)
    }
}

/// Declares so many durable queues.
pub fn declare_queues(address: SocketAddr, queues: usize, quorum: bool) -> io::Result<()> {
    let mut connection = Connection::open(address)?;
    (0..queues).try_for_each(|number| {
        let name = format!("idle-{number}");
        connection.declare_queue(&name, quorum).map(drop)
    })
}
