//! What nobody uses.

use anyhow::Result;

use super::measure;
use super::plan::{IDLE_CONNECTIONS, IDLE_QUEUES};
use super::turn::Turn;
use crate::bench::server::Server;
use crate::bench::{machine, usage};

impl Turn<'_> {
    pub(super) fn idle(&mut self) -> Result<()> {
        let seat = self.contender.seat(self.layout)?;
        let server = seat.start()?;
        let ready = server.ready_after.as_secs_f64() * 1e3;
        self.add(&measure::READY, ready);
        self.memory(&measure::IDLE, quiet(&server)?);
        let connections = self.amqp(&server).connections(IDLE_CONNECTIONS)?;
        self.memory(&measure::CONNECTIONS, quiet(&server)?);
        drop(connections);
        server.stop()?;

        let server = seat.start()?;
        self.amqp(&server).queues(IDLE_QUEUES)?;
        self.memory(&measure::QUEUES, quiet(&server)?);
        server.stop()?;

        machine::drop_page_cache();
        let server = seat.start()?;
        let ready = server.ready_after.as_secs_f64() * 1e3;
        self.add(&measure::QUEUES_READY, ready);
        self.memory(&measure::QUEUES_RESTARTED, quiet(&server)?);
        server.stop()
    }
}

/// Resident memory once nothing is done any more.
fn quiet(server: &Server) -> Result<u64> {
    usage::wait_until_quiet(server.id())?;
    usage::resident_bytes(server.id())
}
