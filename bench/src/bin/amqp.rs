//! Load on an AMQP 0-9-1 broker. What it found is one JSON object.

#![allow(clippy::print_stdout, reason = "a tool prints what it found")]

use std::net::SocketAddr;

use clap::Parser;
use forebay_bench::amqp::{self, Load};

/// Load on an AMQP 0-9-1 broker (user and password: guest).
#[derive(Parser)]
struct Cli {
    /// `address:port` of the broker.
    #[arg(long, default_value = "127.0.0.1:5672")]
    address: SocketAddr,
    #[arg(long, default_value = "load")]
    queue: String,
    /// Declare a quorum queue.
    #[arg(long)]
    quorum: bool,
    #[arg(long, default_value_t = 1024)]
    body_bytes: usize,
    #[arg(long)]
    persistent: bool,
    /// Messages of each publisher.
    #[arg(long)]
    messages: u64,
    #[arg(long, default_value_t = 1)]
    publishers: usize,
    /// Messages of a publisher that wait for their confirmations; 0 asks for none.
    #[arg(long, default_value_t = 0)]
    unconfirmed: u64,
    #[arg(long, default_value_t = 1)]
    consumers: usize,
    #[arg(long, default_value_t = 500)]
    prefetch: u16,
    /// Messages that are acknowledged at a time.
    #[arg(long, default_value_t = 50)]
    ack_every: u64,
}

fn main() -> std::io::Result<()> {
    let cli = Cli::parse();
    let found = amqp::run(&Load {
        address: cli.address,
        queue: cli.queue,
        quorum: cli.quorum,
        body_bytes: cli.body_bytes,
        persistent: cli.persistent,
        messages: cli.messages,
        publishers: cli.publishers,
        unconfirmed: cli.unconfirmed,
        consumers: cli.consumers,
        prefetch: cli.prefetch,
        ack_every: cli.ack_every,
    })?;
    println!("{found}");
    Ok(())
}
