//! What the rules found: a count of every anomaly, the first few examples, and figures of the history.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::limits::EXAMPLES_PER_ANOMALY;

macro_rules! anomalies {
    ($($(#[doc = $doc:literal])+ $name:ident = $words:literal,)+) => {
        /// What must not happen. The names are those of Jepsen's checkers where it has the rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Anomaly {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Anomaly {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// As the table says it.
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)+ }
            }
        }
    };
}

anomalies! {
    /// Acknowledged or read before, and not there when the log was read to its end.
    Lost = "lost",
    /// Acknowledged below the highest offset that was read, and never read.
    LostWrite = "lost write",
    /// There, and never delivered to a group that has read to the end.
    Undelivered = "undelivered",
    /// Read, though nobody has sent it; or with another key than it was sent with.
    Unexpected = "unexpected",
    /// Read, though its send had certainly failed.
    FailedButRead = "failed but read",
    /// Stored twice, though the producer's records are stored once.
    Duplicate = "duplicate",
    /// Two values at one offset, or one value at two.
    InconsistentOffset = "inconsistent offset",
    /// An offset without a record in a log that has no holes.
    NotDense = "hole in dense offsets",
    /// A consumer's poll went back, or stood still.
    NonmonotonicPoll = "nonmonotonic poll",
    /// The same, within the records of one poll.
    InternalNonmonotonicPoll = "internal nonmonotonic poll",
    /// A consumer's poll left out records between its last one and this.
    SkippedPoll = "skipped poll",
    /// The same, within the records of one poll.
    InternalSkippedPoll = "internal skipped poll",
    /// Acknowledged at offsets that are not in the order of the sends.
    NonmonotonicSend = "nonmonotonic send",
    /// Sent side by side in one call, and stored with something between.
    SkippedSend = "skipped send",
    /// In the log in another order than that of the sends.
    OutOfOrder = "out of order",
    /// An acknowledged commit that a later look did not show.
    LostCommit = "lost commit",
    /// A committed offset that nobody has committed.
    UnexpectedCommit = "unexpected commit",
}

/// How often an anomaly was found, and where first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// How often.
    pub count: u64,
    /// The first few, in words.
    pub examples: Vec<String>,
}

/// Figures of the history. None of them is good or bad by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Lines after the header.
    pub operations: u64,
    /// Logs that something was sent to or read from.
    pub logs: u64,
    /// What the test did to the server.
    pub faults: u64,
    /// Sends that were acknowledged.
    pub acknowledged: u64,
    /// Sends that certainly failed.
    pub failed: u64,
    /// Sends whose outcome is unknown.
    pub unknown: u64,
    /// Sends of unknown outcome that were read.
    pub recovered: u64,
    /// Records of producers that may store twice, found at a second offset.
    pub stored_again: u64,
    /// Acknowledged or read records that the test allows to be gone, with the tail or with a life.
    pub lost_as_allowed: u64,
    /// Records in the answers to polls.
    pub received: u64,
    /// Those that their group had received before.
    pub redelivered: u64,
    /// Commits that were acknowledged.
    pub commits: u64,
    /// Commits whose outcome is unknown.
    pub commits_unknown: u64,
    /// Looks at committed offsets.
    pub commits_checked: u64,
    /// Logs read from start to end, once for each time.
    pub drains: u64,
}

impl Counts {
    fn rows(&self) -> [(&'static str, u64); 15] {
        [
            ("operations", self.operations),
            ("logs", self.logs),
            ("faults", self.faults),
            ("sends acknowledged", self.acknowledged),
            ("sends failed", self.failed),
            ("sends unknown", self.unknown),
            ("  of them read", self.recovered),
            ("stored again by retries", self.stored_again),
            ("lost as allowed", self.lost_as_allowed),
            ("records received", self.received),
            ("  of them redelivered", self.redelivered),
            ("commits acknowledged", self.commits),
            ("commits unknown", self.commits_unknown),
            ("commits checked", self.commits_checked),
            ("logs read to the end", self.drains),
        ]
    }
}

/// The judgement of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Figures of the history.
    pub counts: Counts,
    /// What was found. An anomaly that is not in it did not happen.
    pub anomalies: BTreeMap<Anomaly, Found>,
}

impl Verdict {
    /// Whether nothing was found.
    pub fn is_valid(&self) -> bool {
        self.anomalies.is_empty()
    }

    /// How often `anomaly` was found.
    pub fn count(&self, anomaly: Anomaly) -> u64 {
        self.anomalies.get(&anomaly).map_or(0, |found| found.count)
    }

    /// Notes an anomaly; `example` is only asked for the first few.
    pub(crate) fn found(&mut self, anomaly: Anomaly, example: impl FnOnce() -> String) {
        let found = self.anomalies.entry(anomaly).or_default();
        found.count += 1;
        if found.examples.len() < EXAMPLES_PER_ANOMALY {
            found.examples.push(example());
        }
    }
}

/// The table that a human reads.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in self.counts.rows() {
            if count > 0 {
                writeln!(f, "  {name:<28} {count:>12}")?;
            }
        }
        for (anomaly, found) in &self.anomalies {
            writeln!(f, "! {:<28} {:>12}", anomaly.words(), found.count)?;
            for example in &found.examples {
                writeln!(f, "      {example}")?;
            }
        }
        if self.is_valid() {
            writeln!(f, "  no anomaly")?;
        }
        Ok(())
    }
}
