//! `forebay queue redrive`.

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Queues, invalid, number};
use crate::cli::connection::setting;
use crate::cli::failure::{Cause, Failure};
use crate::cli::pace::{Pace, Rate};
use crate::cli::progress::{self, counted, grouped};
use crate::cli::{confirm, interrupt, output, terminal};
use crate::signals::Stop;

/// The most messages that the broker moves in a step.
const STEP: u64 = 256;
/// How long to wait when the journal has no room.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// What `queue redrive` was told.
#[derive(Debug, Args)]
pub(crate) struct Redrive {
    /// Name of the queue that the messages are in
    #[arg(value_name = "QUEUE")]
    name: String,
    /// Move them to this queue; without, each to the queue that it died in first
    #[arg(long, value_name = "QUEUE", conflicts_with = "to_exchange")]
    to: Option<String>,
    /// Publish them to this exchange
    #[arg(long, value_name = "EXCHANGE")]
    to_exchange: Option<String>,
    /// With this key, if not with that of each message when it was published
    #[arg(long, value_name = "KEY", requires = "to_exchange")]
    routing_key: Option<String>,
    /// Only messages that died of this
    #[arg(long, value_name = "REASON")]
    reason: Option<Reason>,
    /// Only messages that died in this queue
    #[arg(long, value_name = "QUEUE")]
    source_queue: Option<String>,
    /// Only messages with this text in their body
    #[arg(long = "match", value_name = "TEXT")]
    contains: Option<String>,
    /// Only messages that died longer ago than this
    #[arg(long, value_name = "DURATION", value_parser = setting::<Duration>)]
    older_than: Option<Duration>,
    /// Stop after so many
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Messages a second
    #[arg(long, value_name = "N/s", value_parser = Rate::parse)]
    rate: Option<Rate>,
    /// Only count what would be moved
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Reason {
    Rejected,
    Expired,
    Maxlen,
    #[value(name = "delivery_limit", alias = "delivery-limit")]
    DeliveryLimit,
}

/// What all steps together did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    matched: u64,
    moved: u64,
    not_ready: u64,
    unroutable: u64,
    refused: u64,
    too_large: u64,
    interrupted: bool,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Maxlen => "maxlen",
            Self::DeliveryLimit => "delivery_limit",
        }
    }
}

impl Redrive {
    pub(super) async fn run(self, queues: &mut Queues, json: bool) -> Result<(), Failure> {
        if self.to.as_ref() == Some(&self.name) {
            return Err(invalid("--to names the queue that the messages are in"));
        }
        let ready = number(&queues.one(&self.name).await?["ready"]);
        if let Some(to) = &self.to {
            queues.one(to).await?;
        }
        if !self.dry_run && !self.yes {
            confirm::by_name(&self.question(ready), &self.name)?;
        }
        let bar = progress::messages(self.most(ready));
        let mut stop = interrupt::listen()?;
        let began = Instant::now();
        let sum = self.work(queues, &bar, &mut stop).await;
        bar.finish_and_clear();
        let sum = sum?;
        if json {
            output::print_json(&sum.json(&self.name, self.dry_run))?;
        } else {
            self.tell(&sum, began.elapsed());
        }
        sum.outcome(&self.name, self.dry_run)
    }

    fn destination(&self) -> String {
        match (&self.to, &self.to_exchange) {
            (Some(queue), _) => format!("queue {queue}"),
            (None, Some(exchange)) => format!("exchange {exchange}"),
            (None, None) => "where they died".to_owned(),
        }
    }

    fn question(&self, ready: u64) -> String {
        let messages = counted(self.most(ready), "message");
        let up_to = if self.has_filter() { "up to " } else { "" };
        format!(
            "moving {up_to}{messages} of queue {} to {}",
            self.name,
            self.destination()
        )
    }

    /// How many of those that are ready it moves, at most.
    fn most(&self, ready: u64) -> u64 {
        self.limit.map_or(ready, |limit| limit.min(ready))
    }

    fn has_filter(&self) -> bool {
        self.reason.is_some()
            || self.source_queue.is_some()
            || self.contains.is_some()
            || self.older_than.is_some()
    }

    /// Step by step until the end that the queue had at first: what dies meanwhile is not moved again.
    async fn work(
        &self,
        queues: &mut Queues,
        bar: &ProgressBar,
        stop: &mut Stop,
    ) -> Result<Sum, Failure> {
        let path = queues.path(&self.name, "/redrive");
        let filter = self.filter();
        let mut pace = self.rate.map(|rate| Pace::new(rate, Instant::now()));
        let mut sum = Sum::default();
        let (mut from, mut until) = (0, None);
        loop {
            let done = sum.done(self.dry_run);
            let left = self.limit.map(|limit| limit.saturating_sub(done));
            if left == Some(0) {
                break;
            }
            let mut step = json!({
                "from": from,
                "until": until,
                "limit": left.unwrap_or(u64::MAX).min(self.step_size()),
                "filter": filter,
                "dry_run": self.dry_run,
            });
            if let Some(to) = self.target() {
                step["to"] = to;
            }
            let done = queues.client.post(&path, &step).await?;
            sum.add(&done);
            bar.set_position(sum.done(self.dry_run));
            until = done["until"].as_u64();
            let Some(next) = done["next"].as_u64() else {
                break;
            };
            from = next;
            let mut wait = Duration::ZERO;
            if done["busy"].as_bool() == Some(true) {
                wait = BUSY_PAUSE;
            }
            if let Some(pace) = &mut pace {
                // What was moved has used up its time, one by one.
                for _ in 0..number(&done["moved"]) {
                    wait = wait.max(pace.wait(Instant::now()));
                }
            }
            let waiting = tokio::time::sleep(wait);
            if interrupt::unless_interrupted(stop, waiting).await.is_none() {
                sum.interrupted = true;
                break;
            }
        }
        Ok(sum)
    }

    /// A tenth of a second's worth at a given rate, so that it is even.
    fn step_size(&self) -> u64 {
        let Some(rate) = self.rate else {
            return STEP;
        };
        ((rate.0 / 10.0) as u64).clamp(1, STEP)
    }

    fn filter(&self) -> Value {
        let mut filter = Map::new();
        if let Some(reason) = self.reason {
            filter.insert("reason".to_owned(), reason.as_str().into());
        }
        if let Some(queue) = &self.source_queue {
            filter.insert("source_queue".to_owned(), queue.as_str().into());
        }
        if let Some(text) = &self.contains {
            filter.insert("contains".to_owned(), text.as_str().into());
        }
        if let Some(age) = self.older_than {
            let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            let before_ms = Timestamp::now().as_millisecond().saturating_sub(age_ms);
            filter.insert("died_before_ms".to_owned(), before_ms.into());
        }
        Value::Object(filter)
    }

    fn target(&self) -> Option<Value> {
        if let Some(queue) = &self.to {
            return Some(json!({ "queue": queue }));
        }
        let exchange = self.to_exchange.as_ref()?;
        Some(json!({ "exchange": exchange, "routing_key": self.routing_key }))
    }

    fn tell(&self, sum: &Sum, elapsed: Duration) {
        let (name, to) = (&self.name, self.destination());
        if self.dry_run {
            let messages = counted(sum.matched, "message");
            terminal::note(&format!(
                "dry run: {messages} of queue {name} would be moved to {to}; nothing was changed"
            ));
        } else {
            let messages = counted(sum.moved, "message");
            let seconds = elapsed.as_secs_f64();
            terminal::note(&format!(
                "moved {messages} of queue {name} to {to} in {seconds:.2} s"
            ));
        }
        for (count, why) in [
            (sum.not_ready, "are with a consumer or delayed"),
            (
                sum.unroutable,
                "have no queue to go to (it is gone, or they never died)",
            ),
            (sum.refused, "are refused because their queue is full"),
            (sum.too_large, "are too large to be moved"),
        ] {
            if count > 0 {
                terminal::note(&format!("{} stay: they {why}", grouped(count)));
            }
        }
    }
}

impl Sum {
    /// How many messages were moved, or would have been.
    fn done(&self, dry_run: bool) -> u64 {
        if dry_run { self.matched } else { self.moved }
    }

    fn add(&mut self, done: &Value) {
        self.moved += number(&done["moved"]);
        self.matched += number(&done["matched"]);
        self.not_ready += number(&done["not_ready"]);
        self.unroutable += number(&done["unroutable"]);
        self.refused += number(&done["refused"]);
        self.too_large += number(&done["too_large"]);
    }

    fn json(&self, name: &str, dry_run: bool) -> Value {
        json!({
            "name": name,
            "executed": !dry_run,
            "matched": if dry_run { Some(self.matched) } else { None },
            "moved": self.moved,
            "not_ready": self.not_ready,
            "unroutable": self.unroutable,
            "refused": self.refused,
            "too_large": self.too_large,
        })
    }

    /// What was meant and stays is a failure that scripts learn of.
    fn outcome(&self, name: &str, dry_run: bool) -> Result<(), Failure> {
        if self.interrupted {
            let moved = counted(self.moved, "message");
            let message = format!("interrupted; {moved} of queue {name} moved, the others stay");
            return Err(Failure::new(Cause::Interrupted, message));
        }
        let stay = self.unroutable + self.refused + self.too_large;
        if stay > 0 && !dry_run {
            let message = format!(
                "{} of queue {name} could not be moved",
                counted(stay, "message")
            );
            let failure = Failure::new(Cause::Failed, message);
            return Err(failure.hint("--to QUEUE moves them elsewhere"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_though_it_was_meant_is_a_failure() {
        let mut sum = Sum::default();
        sum.add(&json!({ "moved": 3, "matched": 3, "not_ready": 1 }));
        assert_eq!(sum.outcome("q", false), Ok(()));
        sum.add(&json!({ "refused": 2 }));
        let failure = sum.outcome("q", false).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "2 messages of queue q could not be moved; --to QUEUE moves them elsewhere"
        );
        assert_eq!(sum.outcome("q", true), Ok(()));
        sum.interrupted = true;
        assert_eq!(
            sum.outcome("q", false).unwrap_err().cause,
            Cause::Interrupted
        );
    }
}
