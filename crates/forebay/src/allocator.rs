//! The allocator where memory is scarce.
//!
//! mimalloc keeps what was freed for a second before it gives it back to the system. Under load that
//! makes the process about twice as large as its budgets, which a small container does not have. The
//! option is read from the environment before `main`, so the process begins anew with it.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

const OPTION: &str = "MIMALLOC_PURGE_DELAY";
/// Below this limit memory is given back at once, which costs some throughput.
const SCARCE: u64 = 512 << 20;

/// Begins the process anew if that suits the memory that it may use. Comes back where it does not, or
/// cannot, or has been done. To be called before anything is open and any thread runs.
pub(crate) fn suit(limit: Option<u64>) {
    let is_scarce = limit.is_some_and(|limit| limit < SCARCE);
    if !is_scarce || env::var_os(OPTION).is_some() {
        return;
    }
    let mut arguments = env::args_os();
    let (Ok(program), Some(name)) = (env::current_exe(), arguments.next()) else {
        return;
    };
    // Only a failure comes back: then it goes on as it is.
    let _ = Command::new(program)
        .arg0(name)
        .args(arguments)
        .env(OPTION, "0")
        .exec();
}
