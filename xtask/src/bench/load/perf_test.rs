//! RabbitMQ PerfTest, from Maven Central: a second opinion.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::LIMIT;
use crate::layout::Layout;
use crate::process;

/// One producer and one consumer on a queue.
pub(crate) struct Work<'a> {
    pub(crate) address: &'a str,
    pub(crate) quorum: bool,
    pub(crate) body_bytes: u32,
    /// Messages that may wait for their confirmations; none are asked for if 0.
    pub(crate) unconfirmed: u32,
    pub(crate) prefetch: u32,
    pub(crate) ack_every: u32,
    pub(crate) seconds: u32,
}

impl Work<'_> {
    /// Answers what the consumer received in a second.
    pub(crate) fn run(&self, layout: &Layout) -> Result<f64> {
        let mut command = Command::new("java");
        command
            .arg("-cp")
            .arg(layout.cache.join("perf-test/*"))
            .arg("com.rabbitmq.perf.PerfTest")
            .arg("--uri")
            .arg(format!("amqp://guest:guest@{}/%2f", self.address))
            .args(["--producers", "1", "--consumers", "1"])
            .args(["--size", &self.body_bytes.to_string()])
            .args(["--qos", &self.prefetch.to_string()])
            .args(["--multi-ack-every", &self.ack_every.to_string()])
            .args(["--time", &self.seconds.to_string()]);
        if self.unconfirmed > 0 {
            command.args(["--confirm", &self.unconfirmed.to_string()]);
            command.args(["--flag", "persistent"]);
        }
        if self.quorum {
            command.args(["--quorum-queue", "--queue", "perf-test-quorum"]);
        } else {
            command.args(["--auto-delete", "false", "--queue", "perf-test"]);
        }
        let log = layout.log("bench.perf-test");
        process::must(&mut command, &log, LIMIT)?;
        let output = fs::read_to_string(&log).with_context(|| log.display().to_string())?;
        received(&output).with_context(|| format!("no rate in:\n{output}"))
    }
}

/// The line of the whole run.
fn received(output: &str) -> Option<f64> {
    let rate = output
        .lines()
        .find_map(|line| line.split_once("receiving rate avg: "));
    rate?.1.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_the_whole_run_is_read() {
        let output = "id: test-1, time 8.000 s, sent: 120731 msg/s, received: 121565 msg/s\n\
                      test stopped (Reached time limit)\n\
                      id: test-1, sending rate avg: 102331 msg/s\n\
                      id: test-1, receiving rate avg: 99264 msg/s\n";
        assert_eq!(received(output), Some(99_264.0));
        assert_eq!(received("id: test-1, sending rate avg: 1 msg/s"), None);
    }
}
