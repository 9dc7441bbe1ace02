//! As many records as a broker gives.

use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};

use crate::client::{Failure, PATIENCE, config};
use crate::produce;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    topic: String,
    #[arg(long)]
    records: u64,
}

#[derive(clap::Args)]
pub(crate) struct FollowArgs {
    #[command(flatten)]
    produce: produce::Args,
}

pub(crate) fn run(bootstrap: &str, args: &Args) -> Result<Value, Failure> {
    let consumer = start(bootstrap, &args.topic, Offset::Beginning)?;
    let found = read(&consumer, args.records)?;
    Ok(found.report())
}

/// A consumer at the end of the topic, and a producer beside it: nobody reads anything old.
pub(crate) fn follow(bootstrap: &str, args: &FollowArgs) -> Result<Value, Failure> {
    let (topic, records) = (&args.produce.topic, args.produce.records);
    let consumer = start(bootstrap, topic, Offset::End)?;
    let (ready, is_ready) = mpsc::channel();
    let reader = thread::spawn(move || {
        // The first poll resolves where the end is; only then may the producer begin.
        let first = consumer.poll(std::time::Duration::from_secs(1));
        assert!(first.is_none(), "nobody produces yet");
        ready.send(()).expect("the other side waits");
        read(&consumer, records)
    });
    is_ready.recv()?;
    let started = Instant::now();
    let (produced, _) = produce::send_all(bootstrap, &args.produce)?;
    let found = reader.join().expect("a reader does not panic")?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(json!({
        "records": found.records,
        "seconds": seconds,
        "records_per_second": found.records as f64 / seconds,
        "seconds_producing": produced,
    }))
}

struct Found {
    records: u64,
    bytes: u64,
    seconds: f64,
}

impl Found {
    fn report(&self) -> Value {
        json!({
            "records": self.records,
            "bytes": self.bytes,
            "seconds": self.seconds,
            "records_per_second": self.records as f64 / self.seconds,
        })
    }
}

/// A consumer of all partitions, without a group.
fn start(bootstrap: &str, topic: &str, from: Offset) -> Result<BaseConsumer, Failure> {
    let mut config = config(bootstrap);
    config
        .set("group.id", "forebay-load")
        .set("enable.auto.commit", "false")
        .set("fetch.queue.backoff.ms", "5");
    let consumer: BaseConsumer = config.create()?;
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let mut partitions = TopicPartitionList::new();
    for partition in metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions())
    {
        partitions.add_partition_offset(topic, partition.id(), from)?;
    }
    consumer.assign(&partitions)?;
    Ok(consumer)
}

/// Reads until `records` have come; the clock starts with the first.
fn read(consumer: &BaseConsumer, records: u64) -> Result<Found, Failure> {
    let (mut seen, mut bytes, mut started) = (0, 0, Instant::now());
    while seen < records {
        let message = consumer
            .poll(PATIENCE)
            .ok_or_else(|| format!("no record in {PATIENCE:?} after {seen} of {records}"))??;
        if seen == 0 {
            started = Instant::now();
        }
        seen += 1;
        bytes += message.payload_len() as u64;
    }
    Ok(Found {
        records: seen,
        bytes,
        seconds: started.elapsed().as_secs_f64(),
    })
}
