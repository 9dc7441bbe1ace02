//! What is measured in a turn.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::contender::Contender;
use super::measure::{self, Cycle};
use super::plan::{
    BATCH, BODY_BYTES, CONNECTIONS, POLLS, POLLS_SECONDS, Plan, RECEIVERS, STEADY_RATE,
    WARM_UP_SECONDS, Workload,
};
use crate::bench::comparison::{self, Measure};
use crate::bench::cost;
use crate::bench::load::sqs::{Quantiles, Sqs, Work};
use crate::bench::server::Server;
use crate::bench::{machine, usage};

/// A contender's turn in a round.
pub(super) type Turn<'a> = comparison::Turn<'a, Contender, Plan>;

impl Turn<'_> {
    pub(super) fn take(mut self, workload: Workload) -> Result<()> {
        machine::sync_disks();
        let seat = self.contender.seat(self.layout)?;
        let server = seat.start()?;
        match workload {
            Workload::Cycle => self.cycles(&server),
            Workload::Send => self.send(&server),
            Workload::Steady => self.steady(&server),
            Workload::Backlog => self.backlog(&server),
            Workload::Polls => self.polls(&server),
        }?;
        server.stop()
    }

    fn cycles(&mut self, server: &Server) -> Result<()> {
        let messages = self.plan.messages(self.contender);
        // Compilers that compile while they run have done so.
        self.sqs(server, "warm").cycle(&one_by_one(messages / 2))?;
        self.cycle(server, &measure::ONE, &one_by_one(messages))?;
        self.sqs(server, "warm").cycle(&in_batches(messages))?;
        self.cycle(server, &measure::TEN, &in_batches(2 * messages))?;
        let peak = usage::peak_resident_bytes(server.id())?;
        self.memory(&measure::PEAK, peak);
        Ok(())
    }

    fn cycle(&mut self, server: &Server, measures: &'static Cycle, work: &Work) -> Result<()> {
        let (found, cost) = cost::of(server, || self.sqs(server, "cycle").cycle(work))?;
        self.add(&measures.rate, found.messages_per_second);
        let cpu = cost.server_cpu_per_million(work.messages);
        self.add(&measures.cpu, cpu);
        self.shares(&measures.shares, &cost);
        self.times(&measures.send, &found.send);
        self.times(&measures.receive, &found.receive);
        self.times(&measures.delete, &found.delete);
        Ok(())
    }

    fn send(&mut self, server: &Server) -> Result<()> {
        let messages = self.plan.messages(self.contender);
        self.sqs(server, "warm").send(&one_by_one(messages / 2))?;
        let work = one_by_one(2 * messages);
        let (found, cost) = cost::of(server, || self.sqs(server, "send").send(&work))?;
        self.add(&measure::SEND, found.requests_per_second);
        let cpu = cost.server_cpu_per_million(work.messages);
        self.add(&measure::SEND_CPU, cpu);
        self.shares(&measure::SEND_SHARES, &cost);
        self.times(&measure::SEND_TIMES, &found.send);
        Ok(())
    }

    fn steady(&mut self, server: &Server) -> Result<()> {
        let messages = self.plan.messages(self.contender);
        self.sqs(server, "warm").cycle(&one_by_one(messages / 2))?;
        let work = one_by_one(u64::from(
            STEADY_RATE * (WARM_UP_SECONDS + self.plan.steady_seconds),
        ));
        let warm_up = STEADY_RATE * WARM_UP_SECONDS;
        let (found, cost) = cost::of(server, || {
            let sqs = self.sqs(server, "steady");
            sqs.steady(&work, STEADY_RATE, warm_up, RECEIVERS)
        })?;
        self.times(&measure::STEADY, &found.received);
        self.add(&measure::STEADY_LATE, found.late.p99_ms);
        let cpu = cost.server_cpu_per_million(work.messages);
        self.add(&measure::STEADY_CPU, cpu);
        Ok(())
    }

    fn backlog(&mut self, server: &Server) -> Result<()> {
        let all = in_batches(self.plan.backlog);
        let (found, cost) = cost::of(server, || self.sqs(server, "backlog").send(&all))?;
        self.add(&measure::FILL, found.messages_per_second);
        let cpu = cost.server_cpu_per_million(all.messages);
        self.add(&measure::FILL_CPU, cpu);
        let peak = usage::peak_resident_bytes(server.id())?;
        self.memory(&measure::BACKLOG_PEAK, peak);
        let resident = usage::resident_bytes(server.id())?;
        self.memory(&measure::BACKLOG_RESIDENT, resident);
        let found = self.sqs(server, "backlog").waiting()?;
        ensure!(found == all.messages, "{found} wait, not {}", all.messages);

        let some = in_batches(all.messages / 5);
        let (found, cost) = cost::of(server, || self.sqs(server, "backlog").drain(&some))?;
        self.add(&measure::DRAIN, found.messages_per_second);
        let cpu = cost.server_cpu_per_million(found.taken);
        self.add(&measure::DRAIN_CPU, cpu);
        Ok(())
    }

    fn polls(&mut self, server: &Server) -> Result<()> {
        let ready = server.ready_after.as_secs_f64() * 1e3;
        self.add(&measure::READY, ready);
        usage::wait_until_quiet(server.id())?;
        let resident = usage::resident_bytes(server.id())?;
        self.memory(&measure::IDLE, resident);
        let mut polls = self.sqs(server, "polls").polls(POLLS)?;
        usage::wait_until_quiet(server.id())?;
        let before = server.usage()?;
        thread::sleep(Duration::from_secs(POLLS_SECONDS));
        let used = server.usage()?.since(before).cpu.as_secs_f64();
        let resident = usage::resident_bytes(server.id())?;
        polls.still_holds()?;
        drop(polls);
        self.memory(&measure::POLLS, resident);
        self.add(&measure::POLLS_CPU, 100.0 * used / POLLS_SECONDS as f64);
        Ok(())
    }

    fn times(&mut self, measures: &'static [Measure; 3], found: &Quantiles) {
        let found = [found.p50_ms, found.p99_ms, found.p999_ms];
        for (measure, value) in measures.iter().zip(found) {
            self.add(measure, value);
        }
    }

    fn sqs<'a>(&'a self, server: &'a Server, queue: &'a str) -> Sqs<'a> {
        Sqs {
            layout: self.layout,
            address: &server.bootstrap,
            queue,
        }
    }
}

fn one_by_one(messages: u64) -> Work {
    Work {
        messages,
        batch: 1,
        connections: CONNECTIONS,
        body_bytes: BODY_BYTES,
    }
}

/// So many messages, in whole batches.
fn in_batches(messages: u64) -> Work {
    let batch = u64::from(BATCH);
    Work {
        batch: BATCH,
        ..one_by_one(messages.next_multiple_of(batch))
    }
}
