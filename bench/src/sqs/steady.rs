//! Sending at a fixed rate, to receivers that wait.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;

use super::connection::Connection;
use super::load::{Load, Supply, all_of, on_one_thread, quantiles};
use super::queue::Queue;
use super::send::require_stored;
use super::take::{Taking, require_deleted};
use crate::latency::Latencies;

/// The longest wait there is: what is timed is how a waiting receiver hears of a message.
const WAIT_SECONDS: u32 = 20;
/// The most that one receive brings.
const RECEIVE_MOST: usize = 10;

/// A fixed rate.
#[derive(Clone, Debug)]
pub struct Steady {
    /// Its connections send, one message a request.
    pub load: Load,
    /// Connections that receive and delete.
    pub receivers: usize,
    /// Messages a second.
    pub rate: u32,
    /// Messages that are sent before any is timed.
    pub warm_up: u64,
}

/// When the message of each number is due.
#[derive(Clone, Copy)]
struct Clock {
    began: Instant,
    rate: u32,
    warm_up: u64,
}

impl Clock {
    fn due(self, number: u64) -> Instant {
        self.began + Duration::from_secs_f64(number as f64 / f64::from(self.rate))
    }

    /// How long ago that is, if it counts.
    fn age(self, number: u64) -> Option<Duration> {
        (number >= self.warm_up).then(|| self.due(number).elapsed())
    }
}

impl Steady {
    /// Sends all messages at the fixed rate and receives them. Returns how long each took from the moment it
    /// was due, whether or not it was sent by then, until it was received; and how late it was sent.
    pub fn run(&self) -> io::Result<Value> {
        on_one_thread(self.run_all())
    }

    async fn run_all(&self) -> io::Result<Value> {
        let queue = self.load.endpoint.open().await?;
        let receiving = queue.connect_all(self.receivers).await?;
        let sending = queue.connect_all(self.load.connections).await?;
        let clock = Clock {
            began: Instant::now(),
            rate: self.rate,
            warm_up: self.warm_up,
        };
        let left = Arc::new(Supply::of(self.load.messages));
        let done = Arc::new(Notify::new());
        let mut receivers = JoinSet::new();
        for connection in receiving {
            let taking = Taking::new(&queue, RECEIVE_MOST, WAIT_SECONDS);
            let (left, done) = (Arc::clone(&left), Arc::clone(&done));
            receivers.spawn(receive(connection, taking, clock, left, done));
        }
        let (mut senders, mut orders) = (JoinSet::new(), Vec::new());
        for connection in sending {
            let (order, ordered) = mpsc::unbounded_channel();
            orders.push(order);
            let (queue, body_bytes) = (queue.clone(), self.load.body_bytes);
            senders.spawn(send(connection, queue, body_bytes, clock, ordered));
        }
        let messages = self.load.messages;
        // Timers of the runtime are a millisecond coarse.
        let pacer = thread::spawn(move || pace(clock, messages, &orders));
        let mut late = Latencies::default();
        for of_one in all_of(senders).await? {
            late.extend(of_one);
        }
        pacer.join().expect("the clock does not panic");
        let mut latencies = Latencies::default();
        for of_one in all_of(receivers).await? {
            latencies.extend(of_one);
        }
        Ok(json!({ "received": quantiles(latencies), "late": quantiles(late) }))
    }
}

/// Orders each message when it is due, from all connections in turn.
fn pace(clock: Clock, messages: u64, orders: &[UnboundedSender<u64>]) {
    for number in 0..messages {
        thread::sleep(clock.due(number).saturating_duration_since(Instant::now()));
        let order = &orders[number as usize % orders.len()];
        if order.send(number).is_err() {
            // Its connection has failed, and says why.
            return;
        }
    }
}

async fn send(
    mut connection: Connection,
    queue: Queue,
    body_bytes: usize,
    clock: Clock,
    mut ordered: UnboundedReceiver<u64>,
) -> io::Result<Latencies> {
    let mut request = queue.send_numbered(body_bytes);
    let mut late = Latencies::default();
    while let Some(number) = ordered.recv().await {
        if let Some(age) = clock.age(number) {
            late.add(age);
        }
        require_stored(connection.call(request.with(number)?).await?, 1)?;
    }
    Ok(late)
}

async fn receive(
    mut connection: Connection,
    mut taking: Taking,
    clock: Clock,
    left: Arc<Supply>,
    done: Arc<Notify>,
) -> io::Result<Latencies> {
    let mut latencies = Latencies::default();
    while !left.is_used_up() {
        // The last message ends the waiting of those that do not get it.
        let numbers = tokio::select! {
            numbers = taking.receive_numbered(&mut connection) => numbers?,
            () = done.notified() => break,
        };
        for number in &numbers {
            if let Some(age) = clock.age(*number) {
                latencies.add(age);
            }
        }
        if !numbers.is_empty() {
            require_deleted(connection.call(taking.delete()).await?)?;
            left.take_up_to(numbers.len() as u64);
        }
    }
    done.notify_waiters();
    Ok(latencies)
}
