//! What RabbitMQ's management API is told of the process that serves it.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use forebay_rabbit::Gateway;
use forebay_rabbit::management::{Listener, Management, NodeInfo, ProcessUsage};

use super::wiring::Bound;
use crate::cli::failure::{Cause, Failure};
use crate::config::Settings;
use crate::memory;

/// RabbitMQ's management API over a gateway.
pub(super) fn over(settings: &Settings, bound: Bound, gateway: &Gateway) -> Management {
    // By RabbitMQ's names, where it has some.
    let listeners = bound.named().into_iter().filter_map(|(name, address)| {
        Some(Listener {
            protocol: if name == "admin" { "http" } else { name },
            address: address?,
        })
    });
    let data = std::path::absolute(&settings.data).unwrap_or_else(|_| settings.data.clone());
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy().into_owned();
    let node = NodeInfo {
        name: format!("forebay@{host}"),
        listeners: listeners.collect(),
        data_folder: data.display().to_string(),
        disk_reserve_bytes: settings.disk_reserve.0,
        memory_limit_bytes: memory::limit(),
        usage,
    };
    Management::new(gateway, node)
}

/// Takes in the definitions that the operator wants the broker to have.
pub(super) async fn load(management: &Management, path: &Path) -> Result<(), Failure> {
    let failed = |why: &dyn Display| {
        let file = path.display();
        Failure::new(
            Cause::Failed,
            format!("cannot load definitions from {file}: {why}"),
        )
    };
    // Nothing else is to be done yet.
    let json = fs::read(path).map_err(|error| failed(&error))?;
    let loaded = management.load_definitions(json.into()).await;
    loaded.map_err(|why| failed(&why))
}

/// What the process uses, as far as the operating system says it.
fn usage() -> ProcessUsage {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let number = line
            .trim_start_matches(':')
            .split_ascii_whitespace()
            .next()?;
        number.parse::<u64>().ok()
    };
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let open = fs::read_dir("/proc/self/fd").map_or(0, |files| files.count().saturating_sub(1));
    ProcessUsage {
        // Given in kB, proc(5).
        resident_bytes: field("VmRSS").unwrap_or_default() * 1024,
        open_files: open as u64,
        open_files_max: limit.current.unwrap_or_default(),
        threads: field("Threads").unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_uses_something() {
        let usage = usage();
        assert!(usage.resident_bytes > 1 << 20, "{usage:?}");
        assert!(usage.threads > 0 && usage.open_files > 0, "{usage:?}");
        assert!(usage.open_files_max >= usage.open_files, "{usage:?}");
    }
}
