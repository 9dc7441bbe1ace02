//! The shard's commits: how many, how large, how long, and how many replies share one.

use forebay_broker::storage::shard::ShardMetrics;

use super::page::{Metric, Page};

const COMMANDS: Metric = Metric::counter(
    "forebay_shard_commands",
    "Commands that the shard has applied.",
);
const REFUSED_FULL: Metric = Metric::counter(
    "forebay_journal_refused_full",
    "Commands refused because the medium was full.",
);
const COMMITS: Metric = Metric::counter("forebay_journal_commits", "Journal entries written.");
const DURATION: Metric = Metric::histogram(
    "forebay_journal_commit_duration_seconds",
    "Time to write a journal entry and make it durable (fsync).",
);
const SIZE: Metric = Metric::histogram(
    "forebay_journal_commit_size_bytes",
    "Bytes of a journal entry.",
);
const REPLIES: Metric = Metric::histogram(
    "forebay_journal_commit_replies",
    "Replies that one commit released: the size of the group commit.",
);

pub(super) fn read(metrics: &ShardMetrics, page: &mut Page) {
    page.put(&COMMANDS, Vec::new(), metrics.commands.value());
    page.put(&REFUSED_FULL, Vec::new(), metrics.refused_full.value());
    page.put(&COMMITS, Vec::new(), metrics.commits.value());
    page.put(&DURATION, Vec::new(), &metrics.commit_seconds);
    page.put(&SIZE, Vec::new(), &metrics.commit_bytes);
    page.put(&REPLIES, Vec::new(), &metrics.commit_replies);
}
