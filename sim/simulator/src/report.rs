//! What runs did, added up.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

use forebay_storage::Recovered;

use crate::ledger::{Counts, Death};

/// How a life ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// In the middle of something.
    #[default]
    Down,
    /// The journal failed and the process gave up.
    Failed,
    /// A damaged file kept it from starting.
    Refused,
    /// As it was told to.
    Orderly,
}

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Records, reads and commits.
    pub counts: Counts,
    /// Lives of the broker.
    pub lives: u64,
    /// Ends by a kill.
    pub kills: u64,
    /// Ends by a power cut.
    pub cuts: u64,
    /// Ends because the journal failed.
    pub failed: u64,
    /// Ends in order.
    pub orderly: u64,
    /// Starts that refused a damaged file by its name.
    pub refused: u64,
    /// Starts that cut a torn tail.
    pub torn: u64,
    /// Starts from a snapshot.
    pub from_snapshot: u64,
    /// Bits that were flipped.
    pub flips: u64,
    /// Background jobs, by name.
    pub jobs: BTreeMap<&'static str, u64>,
    /// Turns of all threads.
    pub turns: u64,
    /// Changes of the disk in first lives.
    pub changes: u64,
    /// The digest of all that happened, and how many events are in it. Not added up.
    pub trace: (u64, u64),
}

impl Report {
    pub(crate) fn ended(&mut self, end: End, death: Death) {
        self.lives += 1;
        match end {
            End::Down if death == Death::Kill => self.kills += 1,
            End::Down => self.cuts += 1,
            End::Failed => self.failed += 1,
            End::Refused => self.refused += 1,
            End::Orderly => self.orderly += 1,
        }
    }

    pub(crate) fn started(&mut self, recovered: &Recovered) {
        self.torn += u64::from(recovered.torn);
        self.from_snapshot += u64::from(recovered.snapshot.0 > 0);
    }
}

impl AddAssign<&Self> for Report {
    fn add_assign(&mut self, other: &Self) {
        self.counts += other.counts;
        self.lives += other.lives;
        self.kills += other.kills;
        self.cuts += other.cuts;
        self.failed += other.failed;
        self.orderly += other.orderly;
        self.refused += other.refused;
        self.torn += other.torn;
        self.from_snapshot += other.from_snapshot;
        self.flips += other.flips;
        for (name, count) in &other.jobs {
            *self.jobs.entry(name).or_default() += count;
        }
        self.turns += other.turns;
        self.changes += other.changes;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            acknowledged,
            unknown,
            refused,
            read,
            commits,
            recovered,
            lost_as_allowed,
            published,
            delivered,
            looked_at,
            forwarded,
        } = self.counts;
        writeln!(
            f,
            "lives: {} ({} killed, {} power cuts, {} failed disks, {} in order, {} refused over damage)",
            self.lives, self.kills, self.cuts, self.failed, self.orderly, self.refused
        )?;
        writeln!(
            f,
            "starts: {} from a snapshot, {} with a torn tail; {} flipped bits",
            self.from_snapshot, self.torn, self.flips
        )?;
        let jobs = self.jobs.iter();
        let jobs: Vec<_> = jobs
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        writeln!(
            f,
            "jobs: {}; turns of threads: {}",
            jobs.join(", "),
            self.turns
        )?;
        writeln!(
            f,
            "records: {acknowledged} acknowledged, {unknown} answers without an outcome, {refused} refused"
        )?;
        writeln!(
            f,
            "queues: {published} messages confirmed, {delivered} deliveries, {looked_at} found by looks, {forwarded} \
             forwarded from topics"
        )?;
        write!(
            f,
            "seen: {read} records read, {commits} commits, {recovered} records found by starts, \
             {lost_as_allowed} lost as their durability allows"
        )
    }
}
