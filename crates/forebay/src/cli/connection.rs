//! How commands reach a broker: the options that every one of them has.

use std::time::Duration;

use clap::Args;
use forebay_kafka::client::{Client, ClientOptions};

use super::failure::Failure;
use crate::config::address::HostPort;
use crate::config::setting::Setting;

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The broker to talk to
    #[arg(long, global = true, value_name = "HOST:PORT", env = "FOREBAY_SERVER")]
    #[arg(hide_env_values = true, default_value = "127.0.0.1:9092", value_parser = setting::<HostPort>)]
    pub(crate) server: HostPort,

    /// How long to wait for the broker
    #[arg(long, global = true, value_name = "DURATION", env = "FOREBAY_TIMEOUT")]
    #[arg(hide_env_values = true, default_value = "10s", value_parser = setting::<Duration>)]
    pub(crate) timeout: Duration,

    /// Print JSON for machines
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// One thread for the connections beside the command's own, so that answers come in while it
/// prints.
const CONNECTION_THREADS: usize = 1;

impl Global {
    /// Connects, and does what a command is for.
    pub(crate) fn with_client<T>(
        &self,
        command: impl AsyncFnOnce(Client) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(CONNECTION_THREADS)
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let options = ClientOptions {
                timeout: self.timeout,
                ..ClientOptions::default()
            };
            let client = Client::connect(&self.server.host, self.server.port, options).await?;
            command(client).await
        })
    }
}

/// Reads a flag of a client command in the same forms as an option of the broker.
pub(crate) fn setting<T: Setting>(text: &str) -> Result<T, String> {
    T::parse(text).ok_or_else(|| format!("expected {}", T::EXPECTED))
}
