//! Load on a Kafka broker, through librdkafka. What it found is one JSON object on standard output.
//!
//! The broker is any that speaks the protocol: nothing here knows which one it measures.

mod client;
mod consume;
mod latency;
mod produce;

use clap::{Parser, Subcommand};

/// Load on a Kafka broker.
#[derive(Parser)]
struct Cli {
    /// `host:port` of the broker.
    #[arg(long, global = true, default_value = "127.0.0.1:9092")]
    bootstrap: String,
    #[command(subcommand)]
    load: Load,
}

#[derive(Subcommand)]
enum Load {
    /// Send records as fast as they are taken.
    Produce(produce::Args),
    /// Send records at a fixed rate, whatever the broker does, and time every acknowledgement.
    Latency(latency::Args),
    /// Read records from the beginning as fast as they come.
    Consume(consume::Args),
    /// Send records as fast as they are taken, and read them at the same time.
    Follow(consume::FollowArgs),
}

fn main() {
    let cli = Cli::parse();
    let bootstrap = cli.bootstrap.as_str();
    let found = match &cli.load {
        Load::Produce(args) => produce::run(bootstrap, args),
        Load::Latency(args) => latency::run(bootstrap, args),
        Load::Consume(args) => consume::run(bootstrap, args),
        Load::Follow(args) => consume::follow(bootstrap, args),
    };
    match found {
        Ok(found) => println!("{found}"),
        Err(error) => {
            eprintln!("forebay-load: {error}");
            std::process::exit(1);
        }
    }
}
