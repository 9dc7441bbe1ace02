//! The memory that the broker may use, and how it is shared out among its budgets. A broker in a
//! container is killed when it goes beyond the container's limit, so the budgets follow from it unless
//! they are configured.

use std::fs;
use std::path::{Path, PathBuf};

use forebay_broker::storage::limits as storage;
use forebay_kafka::limits as kafka;

const KIBIBYTE: u64 = 1 << 10;
const MEBIBYTE: u64 = 1 << 20;

/// What each budget is where there is plenty.
const PLENTY: Budgets = Budgets {
    tail_cache: storage::TAIL_CACHE_BYTES as u64,
    requests: kafka::REQUEST_MEMORY_BYTES as u64,
    answers: kafka::ANSWER_MEMORY_BYTES as u64,
    compaction_keys: storage::COMPACTION_KEY_BYTES as u64,
    sort_index: storage::SORT_INDEX_BYTES as u64,
    journal_file: storage::JOURNAL_FILE_BYTES,
    connections: 10_000,
    blocking_threads: 64,
};

/// What the process takes beside its budgets: code, stacks, the journal's write buffer, and one large
/// request or answer of each kind beyond its budget.
const BASE: u64 = 32 * MEBIBYTE;
/// What a thread may keep of the memory that it last read into: an allocator has a heap a thread.
const BLOCKING_THREAD: u64 = 2 * MEBIBYTE;
/// What an idle connection takes, in the process and in the kernel.
const CONNECTION: u64 = 8 * KIBIBYTE;

/// What the broker may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budgets {
    /// Recent messages.
    pub(crate) tail_cache: u64,
    /// Requests on their way in.
    pub(crate) requests: u64,
    /// Answers on their way out.
    pub(crate) answers: u64,
    /// Keys that one compaction pass remembers.
    pub(crate) compaction_keys: u64,
    /// Batches that one sort of the journal remembers.
    pub(crate) sort_index: u64,
    /// A file of the journal: a sort remembers the batches of at least one.
    pub(crate) journal_file: u64,
    /// Connections of clients.
    pub(crate) connections: u64,
    /// Threads for work that blocks, reads of older messages above all. Each waits for the disk most
    /// of its time; beyond a point more of them do not make the disk faster.
    pub(crate) blocking_threads: u64,
}

impl Budgets {
    /// The budgets for a process that may use `limit` bytes; where there is no limit, or it is not
    /// known, those of plenty.
    pub(crate) fn within(limit: Option<u64>) -> Self {
        let Some(limit) = limit else {
            return PLENTY;
        };
        // Budgets count bytes of messages; an allocator, copies under way and what lies beside the
        // messages come to about as much again.
        let shared = (limit.saturating_sub(BASE) / 2).max(limit / 8);
        let share = |part: u64, least: u64, plenty: u64| (shared / part).clamp(least, plenty);
        Self {
            tail_cache: share(6, MEBIBYTE, PLENTY.tail_cache),
            requests: share(3, 2 * MEBIBYTE, PLENTY.requests),
            answers: share(3, 2 * MEBIBYTE, PLENTY.answers),
            compaction_keys: share(6, MEBIBYTE, PLENTY.compaction_keys),
            sort_index: share(6, MEBIBYTE, PLENTY.sort_index),
            journal_file: (limit / 8).clamp(8 * MEBIBYTE, PLENTY.journal_file),
            connections: (limit / 8 / CONNECTION).clamp(64, PLENTY.connections),
            blocking_threads: (limit / 8 / BLOCKING_THREAD).clamp(4, PLENTY.blocking_threads),
        }
    }
}

/// The memory that this process may use: the least of what its control groups allow and what the
/// machine has. None where neither can be told.
pub(crate) fn limit() -> Option<u64> {
    let read = |path: &Path| fs::read_to_string(path).ok();
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let mounts = read(Path::new("/proc/self/mountinfo")).unwrap_or_default();
    let files = limit_files(&groups, &mounts);
    let allowed = files.iter().filter_map(|path| parse_limit(&read(path)?));
    let machine = read(Path::new("/proc/meminfo")).and_then(|info| parse_total(&info));
    allowed.chain(machine).min()
}

/// The files that may hold a limit for this process: of its control group, and of all above it.
fn limit_files(groups: &str, mounts: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for mount in mounts.lines().filter_map(Mount::parse) {
        let file = match mount.kind {
            "cgroup2" => "memory.max",
            "cgroup" if mount.options.split(',').any(|option| option == "memory") => {
                "memory.limit_in_bytes"
            }
            _ => continue,
        };
        let Some(group) = group_of(groups, mount.kind) else {
            continue;
        };
        // What is mounted is the group `root`; a group outside of it cannot be seen from here.
        let Ok(below) = Path::new(group).strip_prefix(mount.root) else {
            files.push(Path::new(mount.point).join(file));
            continue;
        };
        let whole = Path::new(mount.point).join(below);
        let above = whole
            .ancestors()
            .take_while(|path| path.starts_with(mount.point));
        files.extend(above.map(|path| path.join(file)));
    }
    files
}

/// One line of `/proc/self/mountinfo`, proc(5).
struct Mount<'a> {
    root: &'a str,
    point: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        // Optional fields end with a hyphen.
        let (mount, system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let mut system = system.split(' ');
        Some(Self {
            root: mount.next()?,
            point: mount.next()?,
            kind: system.next()?,
            options: system.nth(1)?,
        })
    }
}

/// The process's group in the hierarchy of memory, or in the unified one.
fn group_of<'a>(groups: &'a str, kind: &str) -> Option<&'a str> {
    groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let found = match kind {
            "cgroup2" => controllers.is_empty(),
            _ => controllers.split(',').any(|name| name == "memory"),
        };
        found.then_some(path)
    })
}

/// A limit in bytes; `max` is none.
fn parse_limit(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

fn parse_total(info: &str) -> Option<u64> {
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * KIBIBYTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_what_they_are_until_memory_is_scarce_and_then_fit_into_it() {
        assert_eq!(Budgets::within(None), PLENTY);
        assert_eq!(Budgets::within(Some(4096 * MEBIBYTE)), PLENTY);
        for limit in [64, 128, 256, 512, 1024] {
            let budgets = Budgets::within(Some(limit * MEBIBYTE));
            let Budgets {
                tail_cache,
                requests,
                answers,
                connections,
                ..
            } = budgets;
            let sum = tail_cache + requests + answers + connections * CONNECTION;
            assert!(
                sum < limit * MEBIBYTE / 2 + BASE,
                "{limit} MiB: {budgets:?}"
            );
            assert!(requests >= 2 * MEBIBYTE && answers >= 2 * MEBIBYTE);
        }
    }

    #[test]
    fn a_group_and_those_above_it_are_asked() {
        let mounts = "\
25 30 0:23 / /proc rw,nosuid shared:9 - proc proc rw
31 23 0:27 / /sys/fs/cgroup/memory rw,relatime shared:11 - cgroup cgroup rw,memory
32 23 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
33 23 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";
        let groups = "5:cpu:/\n4:memory:/jobs/one\n0::/user\n";
        let files = limit_files(groups, mounts);
        let files: Vec<_> = files.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(
            files,
            [
                "/sys/fs/cgroup/memory/jobs/one/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/jobs/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "/sys/fs/cgroup/unified/user/memory.max",
                "/sys/fs/cgroup/unified/memory.max",
            ]
        );
    }

    #[test]
    fn in_a_container_the_mount_is_the_group() {
        let mounts = "33 23 0:29 /docker/abc /sys/fs/cgroup ro - cgroup cgroup rw,memory\n";
        let files = limit_files("4:memory:/docker/abc\n", mounts);
        assert_eq!(files, [Path::new("/sys/fs/cgroup/memory.limit_in_bytes")]);
        let files = limit_files("4:memory:/elsewhere\n", mounts);
        assert_eq!(files, [Path::new("/sys/fs/cgroup/memory.limit_in_bytes")]);
    }

    #[test]
    fn limits_are_read_as_the_kernel_writes_them() {
        assert_eq!(parse_limit("134217728\n"), Some(134_217_728));
        assert_eq!(parse_limit("max\n"), None);
        assert_eq!(
            parse_total("MemTotal:       24683652 kB\nMemFree: 1 kB\n"),
            Some(24_683_652 * 1024)
        );
    }
}
