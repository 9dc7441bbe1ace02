//! How soon the allocator gives memory back to the system.
//!
//! Left alone, mimalloc keeps what was freed for a second, which under load is another third of what the
//! broker needs. The option is read from the environment before `main`, so the process begins anew
//! with it.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

const OPTION: &str = "MIMALLOC_PURGE_DELAY";
/// Milliseconds. At 10 fetching takes half as much CPU again, at 1,000 the process is larger by a fifth.
const DELAY: &str = "100";
/// Below this limit memory is given back at once, which costs some throughput.
const SCARCE: u64 = 512 << 20;

/// Begins the process anew with what suits the memory that it may use. Comes back where it cannot, or
/// has been done. To be called before anything is open and any thread runs.
pub(crate) fn suit(limit: Option<u64>) {
    if env::var_os(OPTION).is_some() {
        return;
    }
    let is_scarce = limit.is_some_and(|limit| limit < SCARCE);
    let mut arguments = env::args_os();
    let (Ok(program), Some(name)) = (env::current_exe(), arguments.next()) else {
        return;
    };
    // Only a failure comes back: then it goes on as it is.
    let _ = Command::new(program)
        .arg0(name)
        .args(arguments)
        .env(OPTION, if is_scarce { "0" } else { DELAY })
        .exec();
}
