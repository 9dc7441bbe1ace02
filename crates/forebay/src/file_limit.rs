//! The limit of open files, which is the limit of connections in disguise.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not connections: journal, segments, listeners, logs.
const OWN_FILES: u64 = 512;

/// Raises the soft limit to the hard one: the soft one is 1024 on most systems for the sake of
/// programs that use `select`, which this one does not. Warns when `connections` do not fit.
pub(crate) fn raise(connections: u32) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let needed = u64::from(connections) + OWN_FILES;
    if let Some(current) = current.filter(|current| *current < needed) {
        tracing::warn!(
            open_files = current,
            needed,
            "the limit of open files is below --max-connections; raise it with ulimit -n"
        );
    }
}
