//! The one place where storage, broker and gateways meet: opened at start, handed every
//! connection, closed at the end.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;

use crate::cli::failure::Failure;
use crate::config::Settings;
use crate::config::address::HostPort;
use crate::signals::Stop;

/// An opened broker with its gateways.
pub(super) struct Wiring {
    _stop: Stop,
}

impl Wiring {
    /// Opens the data folder and builds what stands on it.
    pub(super) async fn open(
        _settings: &Settings,
        _advertised: Option<&HostPort>,
        stop: Stop,
    ) -> Result<Self, Failure> {
        Ok(Self { _stop: stop })
    }

    /// Serves one connection of a Kafka client until it ends or the stop is requested.
    pub(super) async fn kafka(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        tracing::warn!(%peer, "connection closed: this build has no Kafka gateway");
        drop(stream);
    }

    /// Serves one HTTP connection until it ends or the stop is requested.
    pub(super) async fn admin(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        tracing::warn!(%peer, "connection closed: this build has no admin gateway");
        drop(stream);
    }

    /// Makes everything durable and gives the data folder back.
    pub(super) async fn close(&self) -> Result<(), Failure> {
        Ok(())
    }
}
