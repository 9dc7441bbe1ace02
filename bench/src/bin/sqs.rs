//! Load on a server that speaks SQS. What it found is one JSON object.

#![allow(clippy::print_stdout, reason = "a tool prints what it found")]

use std::io;
use std::net::SocketAddr;

use clap::{Parser, Subcommand};
use forebay_bench::sqs::{Endpoint, Load, Polls, Steady};

/// Load on a server that speaks SQS in AWS JSON 1.0.
#[derive(Parser)]
struct Cli {
    /// `address:port` of the server.
    #[arg(long, default_value = "127.0.0.1:4566")]
    address: SocketAddr,
    /// The queue; it is made.
    #[arg(long, default_value = "load")]
    queue: String,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Sends, receives and deletes, in turn on every connection.
    Cycle(LoadArgs),
    /// Sends.
    Send(LoadArgs),
    /// Receives and deletes what waits; only counts it with `--messages 0`.
    Drain(LoadArgs),
    /// Sends at a fixed rate to receivers that wait.
    Steady {
        #[command(flatten)]
        load: LoadArgs,
        /// Connections that receive.
        #[arg(long, default_value_t = 8)]
        receivers: usize,
        /// Messages a second.
        #[arg(long)]
        rate: u32,
        /// Messages that are not timed.
        #[arg(long, default_value_t = 0)]
        warm_up: u64,
    },
    /// Opens long polls, says so, and holds them until it is killed.
    Polls { count: usize },
}

#[derive(clap::Args)]
struct LoadArgs {
    #[arg(long)]
    messages: u64,
    /// Messages of a request.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    #[arg(long, default_value_t = 1024)]
    body_bytes: usize,
}

impl LoadArgs {
    fn load(&self, endpoint: Endpoint) -> Load {
        Load {
            endpoint,
            connections: self.connections,
            batch: self.batch,
            messages: self.messages,
            body_bytes: self.body_bytes,
        }
    }
}

fn main() -> io::Result<()> {
    let cli = Cli::parse();
    let endpoint = Endpoint {
        address: cli.address,
        queue: cli.queue,
    };
    let found = match &cli.what {
        What::Cycle(args) => args.load(endpoint).cycle()?,
        What::Send(args) => args.load(endpoint).send()?,
        What::Drain(args) => args.load(endpoint).drain()?,
        What::Steady {
            load,
            receivers,
            rate,
            warm_up,
        } => {
            let steady = Steady {
                load: load.load(endpoint),
                receivers: *receivers,
                rate: *rate,
                warm_up: *warm_up,
            };
            steady.run()?
        }
        What::Polls { count } => {
            let polls = Polls {
                endpoint,
                count: *count,
            };
            return polls.run(|| println!("{count} polls wait"));
        }
    };
    println!("{found}");
    Ok(())
}
