//! Load on an AMQP 0-9-1 broker. What it found is one JSON object.

#![allow(clippy::print_stdout, reason = "a tool prints what it found")]

use std::io;
use std::net::SocketAddr;
use std::thread;

use clap::{Parser, Subcommand, ValueEnum};
use forebay_bench::amqp::{
    Content, Crowd, Drain, Load, Pace, Publishing, Shape, Taking, Topology, declare_queues,
};

/// Load on an AMQP 0-9-1 broker (user and password: guest).
#[derive(Parser)]
struct Cli {
    /// `address:port` of the broker.
    #[arg(long, default_value = "127.0.0.1:5672")]
    address: SocketAddr,
    /// The name of the queue with number 0 has `-0` behind this.
    #[arg(long, default_value = "load")]
    name: String,
    /// Quorum queues.
    #[arg(long)]
    quorum: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Publishes, and consumes at the same time.
    Load(LoadArgs),
    /// Consumes what is in the first queue.
    Drain {
        /// How many messages; 0 only counts what is there.
        #[arg(long)]
        messages: u64,
        #[command(flatten)]
        taking: TakingArgs,
    },
    /// Opens connections, says so, and holds them until it is killed.
    Connections { count: usize },
    /// Declares durable queues that nobody uses.
    Queues { count: usize },
}

#[derive(clap::Args)]
struct LoadArgs {
    #[arg(long, default_value = "direct")]
    shape: ShapeName,
    #[arg(long, default_value_t = 1)]
    queues: usize,
    /// Of a topic exchange.
    #[arg(long, default_value_t = 1)]
    bindings: usize,
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
    /// Messages a second of each publisher, with confirmations.
    #[arg(long, conflicts_with = "unconfirmed")]
    rate: Option<u32>,
    /// Messages at that rate that are not timed.
    #[arg(long, default_value_t = 0)]
    warm_up: u64,
    #[arg(long, default_value_t = 1)]
    consumers: usize,
    #[command(flatten)]
    taking: TakingArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum ShapeName {
    Direct,
    Fanout,
    Topic,
}

#[derive(clap::Args)]
struct TakingArgs {
    /// Messages that a consumer may hold.
    #[arg(long, default_value_t = 500)]
    prefetch: u16,
    /// Messages that are acknowledged at a time.
    #[arg(long, default_value_t = 50)]
    ack_every: u64,
}

impl TakingArgs {
    fn taking(&self) -> Taking {
        Taking {
            prefetch: self.prefetch,
            ack_every: self.ack_every,
        }
    }
}

impl LoadArgs {
    fn load(&self, cli: &Cli) -> Load {
        Load {
            address: cli.address,
            topology: Topology {
                shape: match self.shape {
                    ShapeName::Direct => Shape::Direct,
                    ShapeName::Fanout => Shape::Fanout,
                    ShapeName::Topic => Shape::Topic {
                        bindings: self.bindings,
                    },
                },
                name: cli.name.clone(),
                queues: self.queues,
                quorum: cli.quorum,
            },
            content: Content {
                body_bytes: self.body_bytes,
                persistent: self.persistent,
            },
            messages: self.messages,
            publishers: self.publishers,
            publishing: match (self.rate, self.unconfirmed) {
                (Some(rate), _) => Publishing::Steady(Pace {
                    rate,
                    warm_up: self.warm_up,
                }),
                (None, 0) => Publishing::Unconfirmed,
                (None, window) => Publishing::Window(window),
            },
            consumers: self.consumers,
            taking: self.taking.taking(),
        }
    }
}

fn main() -> io::Result<()> {
    let cli = Cli::parse();
    match &cli.what {
        What::Load(args) => println!("{}", args.load(&cli).run()?),
        What::Drain { messages, taking } => {
            let drain = Drain {
                address: cli.address,
                queue: format!("{}-0", cli.name),
                quorum: cli.quorum,
                messages: *messages,
                taking: taking.taking(),
            };
            println!("{}", drain.run()?);
        }
        What::Connections { count } => {
            let _crowd = Crowd::connect(cli.address, *count)?;
            println!("{count} connections are open");
            loop {
                thread::park();
            }
        }
        What::Queues { count } => declare_queues(cli.address, *count, cli.quorum)?,
    }
    Ok(())
}
