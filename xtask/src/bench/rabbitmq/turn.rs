//! One contender, one workload: a fresh folder, everything that is measured on it, and gone.

use anyhow::{Context, Result};

use super::contender::Contender;
use super::measure;
use super::plan::{ACK_EVERY, PREFETCH, Plan, STEADY_RATE, WARM_UP_SECONDS, WINDOW, Workload};
use crate::bench::comparison;
use crate::bench::cost::{self, Cost};
use crate::bench::load::amqp::{Amqp, Found};
use crate::bench::load::perf_test;
use crate::bench::server::Server;
use crate::bench::{machine, usage};

/// A contender's turn in a round.
pub(super) type Turn<'a> = comparison::Turn<'a, Contender, Plan>;

impl Turn<'_> {
    pub(super) fn take(mut self, workload: Workload) -> Result<()> {
        machine::sync_disks();
        match workload {
            Workload::Unconfirmed => self.unconfirmed(),
            Workload::Confirmed => self.confirmed(),
            Workload::Routing => self.routing(),
            Workload::Backlog => self.backlog(),
            Workload::Idle => self.idle(),
        }
    }

    fn unconfirmed(&mut self) -> Result<()> {
        let seat = self.contender.seat(self.layout)?;
        let server = seat.start()?;
        let messages = self.plan.messages(self.contender);
        self.warm_up(&server, messages / 5)?;
        let (found, cost) = self.load(&server, "tiny", messages, &["--body-bytes", "16"])?;
        self.add(&measure::TINY, delivered(&found)?);
        self.add(&measure::TINY_CPU, cost.server_cpu_per_million(messages));
        self.shares(&measure::TINY_SHARES, &cost);
        let messages = messages / 2;
        let (found, cost) = self.load(&server, "large", messages, &["--body-bytes", "1024"])?;
        self.add(&measure::LARGE, delivered(&found)?);
        self.add(&measure::LARGE_CPU, cost.server_cpu_per_million(messages));
        self.shares(&measure::LARGE_SHARES, &cost);
        self.memory(&measure::PEAK, usage::peak_resident_bytes(server.id())?);
        let rate = self.perf_test(&server, 0)?;
        self.add(&measure::PERF_LARGE, rate);
        server.stop()
    }

    fn confirmed(&mut self) -> Result<()> {
        let seat = self.contender.seat(self.layout)?;
        let server = seat.start()?;
        let messages = self.plan.costly_messages(self.contender);
        self.warm_up(&server, messages / 5)?;
        let window = WINDOW.to_string();
        let options = ["--persistent", "--unconfirmed", &window];
        let (found, cost) = self.load(&server, "confirmed", messages, &options)?;
        self.add(&measure::CONFIRMED, delivered(&found)?);
        let cpu = cost.server_cpu_per_million(messages);
        self.add(&measure::CONFIRMED_CPU, cpu);
        self.shares(&measure::CONFIRMED_SHARES, &cost);

        machine::sync_disks();
        let (found, cpu) = self.steady(&server, "steady", &["--persistent"])?;
        self.add(&measure::STEADY_P50, timed(found.confirm_p50_ms)?);
        self.add(&measure::STEADY_P99, timed(found.confirm_p99_ms)?);
        self.add(&measure::STEADY_P999, timed(found.confirm_p999_ms)?);
        self.add(&measure::STEADY_LATE, timed(found.late_p99_ms)?);
        self.add(&measure::STEADY_CPU, cpu);
        let peak = usage::peak_resident_bytes(server.id())?;
        self.memory(&measure::PEAK_CONFIRMED, peak);
        let rate = self.perf_test(&server, WINDOW)?;
        self.add(&measure::PERF_CONFIRMED, rate);
        server.stop()
    }

    /// At the fixed rate: what was found, and what a message cost the server.
    pub(super) fn steady(
        &self,
        server: &Server,
        name: &str,
        options: &[&str],
    ) -> Result<(Found, f64)> {
        let [rate, warm_up] = [STEADY_RATE, STEADY_RATE * WARM_UP_SECONDS];
        let messages = u64::from(STEADY_RATE * (WARM_UP_SECONDS + self.plan.latency_seconds));
        let (rate, warm_up) = (rate.to_string(), warm_up.to_string());
        let paced = ["--rate", &rate, "--warm-up", &warm_up];
        let options = [&paced[..], options].concat();
        let (found, cost) = self.load(server, name, messages, &options)?;
        Ok((found, cost.server_cpu_per_million(messages)))
    }

    /// So many messages, published and consumed.
    pub(super) fn load(
        &self,
        server: &Server,
        name: &str,
        messages: u64,
        options: &[&str],
    ) -> Result<(Found, Cost)> {
        let messages = messages.to_string();
        let all = [&["--messages", &messages][..], &taking(), options].concat();
        cost::of(server, || self.amqp(server).load(name, &all))
    }

    pub(super) fn amqp<'a>(&'a self, server: &'a Server) -> Amqp<'a> {
        Amqp {
            layout: self.layout,
            address: &server.bootstrap,
            quorum: self.contender.is_quorum(),
        }
    }

    pub(super) fn warm_up(&self, server: &Server, messages: u64) -> Result<()> {
        self.load(server, "warm", messages, &[]).map(drop)
    }

    fn perf_test(&self, server: &Server, unconfirmed: u32) -> Result<f64> {
        let work = perf_test::Work {
            address: &server.bootstrap,
            quorum: self.contender.is_quorum(),
            body_bytes: 1024,
            unconfirmed,
            prefetch: PREFETCH,
            ack_every: ACK_EVERY,
            seconds: self.plan.perf_test_seconds,
        };
        work.run(self.layout)
    }
}

/// How consumers take what they are given.
pub(super) fn taking() -> [&'static str; 4] {
    const { assert!(PREFETCH == 500 && ACK_EVERY == 50) };
    ["--prefetch", "500", "--ack-every", "50"]
}

pub(super) fn delivered(found: &Found) -> Result<f64> {
    found.delivered_per_second.context("nothing was consumed")
}

pub(super) fn timed(latency: Option<f64>) -> Result<f64> {
    latency.context("nothing was timed")
}
