//! As many records as a broker takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use serde_json::{Value, json};

use crate::client::{Failure, PATIENCE, Poller, payload, producer_config};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    pub(crate) topic: String,
    #[arg(long)]
    pub(crate) records: u64,
    #[arg(long, default_value_t = 1024)]
    pub(crate) record_bytes: usize,
    /// How long the client waits for a batch to fill.
    #[arg(long, default_value_t = 5)]
    pub(crate) linger_ms: u32,
}

/// Counts what was acknowledged and what was given up.
#[derive(Default)]
pub(crate) struct Outcomes {
    pub(crate) acknowledged: AtomicU64,
    pub(crate) failed: AtomicU64,
}

impl ClientContext for Outcomes {}

impl ProducerContext for Outcomes {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = match result {
            Ok(_) => &self.acknowledged,
            Err(_) => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) fn run(bootstrap: &str, args: &Args) -> Result<Value, Failure> {
    let (seconds, records) = send_all(bootstrap, args)?;
    Ok(json!({
        "records": records,
        "seconds": seconds,
        "records_per_second": records as f64 / seconds,
    }))
}

/// Sends everything; answers the seconds from the first record to the last acknowledgement, and how
/// many there were. A record that was given up is an error: what is lost cannot be fast.
pub(crate) fn send_all(bootstrap: &str, args: &Args) -> Result<(f64, u64), Failure> {
    let config = producer_config(bootstrap, args.linger_ms);
    let producer: BaseProducer<Outcomes> = config.create_with_context(Outcomes::default())?;
    let producer = Arc::new(producer);
    // The metadata is there before the clock starts.
    producer
        .client()
        .fetch_metadata(Some(&args.topic), PATIENCE)?;
    let poller = Poller::start(&producer);
    let payload = payload(args.record_bytes);
    let started = Instant::now();
    for _ in 0..args.records {
        enqueue(&producer, &args.topic, &payload)?;
    }
    producer.flush(PATIENCE)?;
    let seconds = started.elapsed().as_secs_f64();
    drop(poller);
    let outcomes = producer.context();
    let failed = outcomes.failed.load(Ordering::Relaxed);
    if failed > 0 {
        return Err(format!("{failed} of {} records were given up", args.records).into());
    }
    Ok((seconds, outcomes.acknowledged.load(Ordering::Relaxed)))
}

fn enqueue(producer: &BaseProducer<Outcomes>, topic: &str, payload: &[u8]) -> Result<(), Failure> {
    let mut record = BaseRecord::<[u8], [u8]>::to(topic).payload(payload);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                // The queue holds far more than a broker takes in a millisecond.
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}
