//! What the allocator takes of the system's memory, and how soon it gives it back.
//!
//! Left alone, mimalloc keeps what was freed for a second, which under load is another third of what the
//! broker needs, and has the system hand out memory in huge pages, of which each thread and each size of
//! object touches one for a few bytes: another half. The options are read from the environment before
//! `main`, so the process begins anew with them.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";
/// Milliseconds. At 10 fetching takes half as much CPU again, at 1,000 the process is larger by a fifth.
const DELAY: &str = "100";
/// Whether pages may be huge. Ordinary ones cost no processor time that could be measured.
const HUGE_PAGES: &str = "MIMALLOC_ALLOW_THP";
/// Below this limit memory is given back at once, which costs some throughput.
const SCARCE: u64 = 512 << 20;

/// Begins the process anew with what suits the memory that it may use. Comes back where it cannot, or
/// has been done. To be called before anything is open and any thread runs.
pub(crate) fn suit(limit: Option<u64>) {
    if env::var_os(PURGE_DELAY).is_some() {
        return;
    }
    let is_scarce = limit.is_some_and(|limit| limit < SCARCE);
    let mut arguments = env::args_os();
    let (Ok(program), Some(name)) = (env::current_exe(), arguments.next()) else {
        return;
    };
    let huge_pages = env::var_os(HUGE_PAGES).unwrap_or_else(|| "0".into());
    // Only a failure comes back: then it goes on as it is.
    let _ = Command::new(program)
        .arg0(name)
        .args(arguments)
        .env(PURGE_DELAY, if is_scarce { "0" } else { DELAY })
        .env(HUGE_PAGES, huge_pages)
        .exec();
}
