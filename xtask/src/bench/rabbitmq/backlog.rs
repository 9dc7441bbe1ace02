//! Messages that wait.

use anyhow::{Result, ensure};

use super::measure;
use super::plan::SMALL_BYTES;
use super::turn::{Turn, taking};
use crate::bench::server::Server;
use crate::bench::{cost, machine, usage};

/// The queue that fills.
const QUEUE: &str = "backlog";

impl Turn<'_> {
    pub(super) fn backlog(&mut self) -> Result<()> {
        let seat = self.contender.seat(self.layout)?;
        let server = seat.start()?;
        let all = self.plan.backlog(self.contender);
        // What is drained of it, and what waits where little does.
        let some = all / 10;
        self.fill(&server, "few", some)?;
        let bare = self.drain(&server, "few", some)?.0;
        self.add(&measure::DRAIN_BARE, bare);

        let (rate, cpu) = self.fill(&server, QUEUE, all)?;
        self.add(&measure::FILL, rate);
        self.add(&measure::FILL_CPU, cpu);
        let peak = usage::peak_resident_bytes(server.id())?;
        self.memory(&measure::BACKLOG_PEAK, peak);
        let resident = usage::resident_bytes(server.id())?;
        self.memory(&measure::BACKLOG_RESIDENT, resident);
        let (rate, cpu) = self.drain(&server, QUEUE, some)?;
        self.add(&measure::DRAIN, rate);
        self.add(&measure::DRAIN_CPU, cpu);
        self.add(&measure::DRAIN_SHARE, 100.0 * rate / bare);
        server.stop()?;

        machine::drop_page_cache();
        let server = seat.start()?;
        let ready = server.ready_after.as_secs_f64() * 1e3;
        self.add(&measure::RESTART, ready);
        usage::wait_until_quiet(server.id())?;
        let resident = usage::resident_bytes(server.id())?;
        self.memory(&measure::RESTART_RESIDENT, resident);
        self.require(&server, all - some)?;
        server.kill()?;

        machine::drop_page_cache();
        let server = seat.start()?;
        let ready = server.ready_after.as_secs_f64() * 1e3;
        self.add(&measure::RESTART_KILLED, ready);
        self.require(&server, all - some)?;
        server.stop()
    }

    /// Publishes what survives a restart: messages a second, and what one cost the server.
    fn fill(&self, server: &Server, name: &str, messages: u64) -> Result<(f64, f64)> {
        let bytes = SMALL_BYTES.to_string();
        let options = ["--persistent", "--consumers", "0", "--body-bytes", &bytes];
        let (found, cost) = self.load(server, name, messages, &options)?;
        let cpu = cost.server_cpu_per_million(messages);
        Ok((found.published_per_second, cpu))
    }

    /// Consumes: messages a second, and what one cost the server.
    fn drain(&self, server: &Server, name: &str, messages: u64) -> Result<(f64, f64)> {
        let (found, cost) = cost::of(server, || {
            self.amqp(server).drain(name, messages, &taking())
        })?;
        ensure!(found.found >= messages, "only {} wait", found.found);
        let rate = found.delivered_per_second.unwrap_or_default();
        Ok((rate, cost.server_cpu_per_million(messages)))
    }

    /// A broker that is quick to be ready is not if messages are missing.
    fn require(&self, server: &Server, messages: u64) -> Result<()> {
        let found = self.amqp(server).drain(QUEUE, 0, &[])?.found;
        ensure!(found == messages, "{found} wait, not {messages}");
        Ok(())
    }
}
