//! Load on a broker that costs its generator next to nothing. What it found is one JSON object.

#![allow(clippy::print_stdout, reason = "a tool prints what it found")]

use std::net::SocketAddr;

use clap::{Parser, Subcommand};
use forebay_bench::frames::{self, Produce, Target};

/// Load on a Kafka broker from frames that were encoded once.
#[derive(Parser)]
struct Cli {
    /// `address:port` of the broker.
    #[arg(long, global = true, default_value = "127.0.0.1:9092")]
    bootstrap: SocketAddr,
    #[command(subcommand)]
    load: Load,
}

#[derive(Subcommand)]
enum Load {
    /// Send records.
    Produce {
        #[arg(long)]
        topic: String,
        #[arg(long, default_value_t = 1)]
        partitions: i32,
        #[arg(long)]
        records: u64,
        /// Records of a batch; each request brings one.
        #[arg(long, default_value_t = 16)]
        batch_records: u64,
        #[arg(long, default_value_t = 1024)]
        record_bytes: usize,
        #[arg(long, default_value_t = 2)]
        connections: usize,
        /// Requests of a connection that wait for their answers.
        #[arg(long, default_value_t = 5)]
        in_flight: usize,
    },
    /// Read records from the beginning.
    Fetch {
        #[arg(long)]
        topic: String,
        #[arg(long, default_value_t = 1)]
        partitions: i32,
        #[arg(long)]
        records: u64,
        /// The most that one answer brings.
        #[arg(long, default_value_t = 50 << 20)]
        max_bytes: i32,
    },
}

fn main() -> std::io::Result<()> {
    let cli = Cli::parse();
    let target = |topic, partitions| Target {
        address: cli.bootstrap,
        topic,
        partitions,
    };
    let done = match cli.load {
        Load::Produce {
            topic,
            partitions,
            records,
            batch_records,
            record_bytes,
            connections,
            in_flight,
        } => {
            let how = Produce {
                records,
                batch_records,
                record_bytes,
                connections,
                in_flight,
            };
            frames::produce(&target(topic, partitions), &how)?
        }
        Load::Fetch {
            topic,
            partitions,
            records,
            max_bytes,
        } => frames::fetch(&target(topic, partitions), records, max_bytes)?,
    };
    let found = serde_json::json!({
        "records": done.records,
        "requests": done.requests,
        "seconds": done.time.as_secs_f64(),
        "records_per_second": done.records as f64 / done.time.as_secs_f64(),
    });
    println!("{found}");
    Ok(())
}
