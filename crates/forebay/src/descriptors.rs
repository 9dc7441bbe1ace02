//! The limit of open files, and how the descriptors below it are shared out: a part for storage and
//! the process itself, a part for the admin listener, and the rest for clients. A connection so never
//! takes the descriptor that the next journal file needs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cli::failure::{Cause, Failure};

/// Descriptors below which nothing useful can be served.
const LEAST: u64 = 64;
/// The least and the most that is kept for journal, segments, listeners and the runtime. What is
/// measured is 14 at rest and two dozen with all background jobs at work, open segments aside.
const OWN: (u64, u64) = (48, 512);
/// Open segments are a cache, so they get a share (1/n) of what is kept.
const SEGMENTS_SHARE: u64 = 4;
/// Connections to the admin listener at one time. It has its own, so that whoever runs the broker
/// gets in when clients have taken all of theirs.
const ADMIN_CONNECTIONS: u64 = 256;
/// ... but no more than this share (1/n) of the limit.
const ADMIN_SHARE: u64 = 16;

/// The shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptors {
    /// Segments that may stay open for reading.
    pub(crate) open_segments: usize,
    /// Connections to the admin listener.
    pub(crate) admin_connections: usize,
    /// Connections of clients, of all gateways, for which there is a descriptor.
    pub(crate) client_connections: usize,
}

impl Descriptors {
    /// Raises the soft limit to the hard one and shares it out. The soft one is 1024 on most systems
    /// for the sake of programs that use `select`, which this one does not.
    ///
    /// # Errors
    /// When there are too few to serve anybody.
    pub(crate) fn share_out() -> Result<Self, Failure> {
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        let current = match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit.maximum,
            Err(_) => limit.current,
        };
        Self::of(current.unwrap_or(u64::MAX))
    }

    fn of(limit: u64) -> Result<Self, Failure> {
        if limit < LEAST {
            let message = format!("only {limit} files may be open, too few to serve anybody");
            let fix = format!("raise the limit to {LEAST} or more, ulimit -n");
            return Err(Failure::new(Cause::Failed, message).hint(fix));
        }
        let own = (limit / 4).clamp(OWN.0, OWN.1);
        let admin = (limit / ADMIN_SHARE).min(ADMIN_CONNECTIONS);
        let count = |share: u64| usize::try_from(share).unwrap_or(usize::MAX);
        Ok(Self {
            open_segments: count(own / SEGMENTS_SHARE),
            admin_connections: count(admin),
            client_connections: count(limit - own - admin),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_and_the_admin_listener_keep_theirs_whatever_the_limit_is() {
        for limit in [64, 256, 1024, 20_000, 1_048_576] {
            let shares = Descriptors::of(limit).unwrap();
            let connections = (shares.client_connections + shares.admin_connections) as u64;
            assert!(limit - connections >= OWN.0, "{limit}: {shares:?}");
            assert!(shares.client_connections > 0 && shares.admin_connections > 0);
            assert!(shares.open_segments > 0 && shares.open_segments as u64 <= OWN.1 / 4);
        }
        let common = Descriptors::of(20_000).unwrap();
        assert_eq!(common.client_connections, 20_000 - 512 - 256);
    }

    #[test]
    fn too_few_are_refused_with_the_fix() {
        let failure = Descriptors::of(32).unwrap_err();
        assert!(failure.message.contains("only 32 files"));
        assert!(failure.hint.unwrap().contains("ulimit -n"));
    }
}
