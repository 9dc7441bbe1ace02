//! Latency at a fixed rate, in an open loop.
//!
//! Record number `n` is due `n / rate` after the start, whether or not the broker has kept up, and its
//! latency counts from the moment it was due. A broker that stops for a second therefore delays every
//! record of that second; a generator that waits for answers would have sent one late record instead
//! and called the rest fast (coordinated omission).

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rdkafka::ClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use serde_json::{Value, json};

use crate::client::{Failure, PATIENCE, Poller, payload, producer_config};

/// Latencies above are counted as this; a run that sees one is useless anyway.
const MAX_US: u64 = 600_000_000;
/// Where the curve is drawn.
const QUANTILES: [f64; 14] = [
    0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995, 0.9999, 1.0,
];

#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    topic: String,
    /// Records a second.
    #[arg(long)]
    rate: u32,
    #[arg(long)]
    seconds: u32,
    /// Seconds at the same rate that are sent before, and not counted.
    #[arg(long, default_value_t = 2)]
    warm_up_seconds: u32,
    #[arg(long, default_value_t = 1024)]
    record_bytes: usize,
    /// How long the client waits for a batch to fill: nothing, so that what is measured is the broker.
    #[arg(long, default_value_t = 0)]
    linger_ms: u32,
}

/// Times acknowledgements against the moment each record was due.
struct Timer {
    /// When record 0 is due.
    start: Instant,
    interval: Duration,
    /// Records before this one warm up.
    first_counted: u64,
    latency: Mutex<Histogram<u64>>,
    failed: AtomicU64,
}

impl Timer {
    fn due(&self, number: u64) -> Instant {
        let since_start = self.interval.as_nanos() * u128::from(number);
        self.start + Duration::from_nanos(since_start as u64)
    }
}

impl ClientContext for Timer {}

impl ProducerContext for Timer {
    /// The number of the record.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        if result.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        } else if number as u64 >= self.first_counted {
            record(&self.latency, self.due(number as u64).elapsed());
        }
    }
}

fn histogram() -> Mutex<Histogram<u64>> {
    Mutex::new(Histogram::new_with_max(MAX_US, 3).expect("three digits are allowed"))
}

fn record(histogram: &Mutex<Histogram<u64>>, latency: Duration) {
    let microseconds = u64::try_from(latency.as_micros()).unwrap_or(MAX_US);
    let mut histogram = histogram.lock().expect("nobody panics");
    histogram.saturating_record(microseconds);
}

pub(crate) fn run(bootstrap: &str, args: &Args) -> Result<Value, Failure> {
    let rate = u64::from(args.rate.max(1));
    let warm_up = rate * u64::from(args.warm_up_seconds);
    let total = warm_up + rate * u64::from(args.seconds);
    let timer = Timer {
        // Later than the metadata is here; nothing is counted before.
        start: Instant::now() + Duration::from_secs(1),
        interval: Duration::from_secs(1) / args.rate.max(1),
        first_counted: warm_up,
        latency: histogram(),
        failed: AtomicU64::new(0),
    };
    let config = producer_config(bootstrap, args.linger_ms);
    let producer: Arc<BaseProducer<Timer>> = Arc::new(config.create_with_context(timer)?);
    producer
        .client()
        .fetch_metadata(Some(&args.topic), PATIENCE)?;
    let poller = Poller::start(&producer);
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;

    let late = histogram();
    let timer = producer.context();
    let payload = payload(args.record_bytes);
    let mut refused = 0_u64;
    for number in 0..total {
        wait_until(timer.due(number));
        if number >= warm_up {
            record(&late, timer.due(number).elapsed());
        }
        let record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(&args.topic, number as usize);
        // A full queue means that the broker is beyond its rate: said, not waited for.
        refused += u64::from(producer.send(record.payload(&payload)).is_err());
    }
    let sending = timer.due(warm_up).elapsed().as_secs_f64();
    producer.flush(PATIENCE)?;
    drop(poller);

    let latency = timer.latency.lock().expect("nobody panics");
    let late = late.lock().expect("nobody panics");
    let failed = timer.failed.load(Ordering::Relaxed) + refused;
    Ok(json!({
        "rate": args.rate,
        "records": latency.len(),
        "failed": failed,
        "sent_per_second": (total - warm_up) as f64 / sending,
        "p50_ms": ms(&latency, 0.5),
        "p99_ms": ms(&latency, 0.99),
        "p999_ms": ms(&latency, 0.999),
        "max_ms": latency.max() as f64 / 1e3,
        "generator_late_p99_ms": ms(&late, 0.99),
        "curve": QUANTILES.map(|quantile| json!([quantile, ms(&latency, quantile)])),
    }))
}

fn wait_until(due: Instant) {
    while let Some(left) = due.checked_duration_since(Instant::now()) {
        if left.is_zero() {
            return;
        }
        thread::sleep(left);
    }
}

fn ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e3
}
