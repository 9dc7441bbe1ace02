//! What a load cost the server, the client and the machine.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::server::Server;
use super::usage::{self, MachineTime, Usage};

/// What happened while a load ran, and until the server had nothing left to do.
pub(crate) struct Cost {
    /// Of the server, what it put off included.
    pub(crate) server: Usage,
    /// Of the programs that made the load, their start included.
    pub(crate) client_cpu: Duration,
    /// Shares of the machine while the load ran.
    pub(crate) server_share: f64,
    pub(crate) client_share: f64,
    pub(crate) idle_share: f64,
    /// Of everything else, the kernel's own threads included.
    pub(crate) others_share: f64,
}

impl Cost {
    /// Processor seconds of the server for a million records, of which there were `records`.
    pub(crate) fn server_cpu_per_million(&self, records: u64) -> f64 {
        per_million(self.server.cpu, records)
    }

    pub(crate) fn client_cpu_per_million(&self, records: u64) -> f64 {
        per_million(self.client_cpu, records)
    }
}

/// Runs `load` against `server`.
pub(crate) fn of<T>(server: &Server, load: impl FnOnce() -> Result<T>) -> Result<(T, Cost)> {
    let (started, machine) = (Instant::now(), MachineTime::now()?);
    let (used, clients) = (server.usage()?, usage::cpu_of_ended_children()?);
    let found = load()?;
    let all = started.elapsed().as_secs_f64() * thread::available_parallelism()?.get() as f64;
    let during = server.usage()?.since(used);
    let client_cpu = usage::cpu_of_ended_children()?.saturating_sub(clients);
    let (machine_all, machine_idle) = MachineTime::now()?.since(machine);
    usage::wait_until_quiet(server.id())?;
    let server_share = 100.0 * during.cpu.as_secs_f64() / all;
    let client_share = 100.0 * client_cpu.as_secs_f64() / all;
    let idle_share = 100.0 * machine_idle.as_secs_f64() / machine_all.as_secs_f64();
    Ok((
        found,
        Cost {
            server: server.usage()?.since(used),
            client_cpu,
            server_share,
            client_share,
            idle_share,
            // Ticks are coarse: a little less than nothing is nothing.
            others_share: (100.0 - server_share - client_share - idle_share).max(0.0),
        },
    ))
}

fn per_million(time: Duration, records: u64) -> f64 {
    time.as_secs_f64() * 1e6 / records as f64
}
