//! Committed offsets: what was committed and acknowledged is what a later look shows, or a newer commit.
//!
//! A look may show a commit that had begun before the look was answered, and that no acknowledged commit
//! has replaced: one that began after that commit was answered, and was itself answered before the look
//! began. A commit of unknown outcome may take effect at any time after it began, until the life of the
//! server ends in which its client gave it up.
//!
//! * *lost commit*: the look shows nothing, or a commit that had been replaced.
//! * *unexpected commit*: it shows an offset that nobody has tried to commit.

use super::Context;
use crate::facts::{CommitFact, CommittedFact, CommittedOffsets, NameId};
use crate::history::Outcome;
use crate::verdict::{Anomaly, Verdict};

pub(crate) fn judge(
    group: NameId,
    log: NameId,
    offsets: &CommittedOffsets,
    context: &Context,
    verdict: &mut Verdict,
) {
    for commit in &offsets.commits {
        match commit.outcome {
            Outcome::Ok => verdict.counts.commits += 1,
            Outcome::Unknown => verdict.counts.commits_unknown += 1,
            Outcome::Failed => {}
        }
    }
    for look in &offsets.answers {
        verdict.counts.commits_checked += 1;
        let newest = newest_before(&offsets.commits, look);
        let describe = |what: String| {
            let (group, log) = (context.names.name(group), context.names.name(log));
            let line = look.line;
            format!("group {group}, {log}: {what} (line {line})")
        };
        let shown = look.offset.map_or("nothing".to_owned(), |o| o.to_string());
        let lost = |newest: &CommitFact| {
            let (offset, line) = (newest.offset, newest.line);
            describe(format!("committed {offset} (line {line}), shown {shown}"))
        };
        match (look.offset, newest) {
            (None, None) => {}
            (None, Some(newest)) => verdict.found(Anomaly::LostCommit, || lost(newest)),
            (Some(offset), newest) => {
                let mut same = offsets
                    .commits
                    .iter()
                    .filter(|commit| commit.offset == offset && commit.invoked <= look.completed)
                    .peekable();
                if same.peek().is_none() {
                    verdict.found(Anomaly::UnexpectedCommit, || {
                        describe(format!("shown {shown}, which nobody has committed"))
                    });
                } else if let Some(newest) = newest
                    && same.all(|commit| is_replaced(commit, newest, context))
                {
                    verdict.found(Anomaly::LostCommit, || lost(newest));
                }
            }
        }
    }
}

/// Of the commits that were acknowledged before a look began, the one that began last.
fn newest_before<'a>(commits: &'a [CommitFact], look: &CommittedFact) -> Option<&'a CommitFact> {
    commits
        .iter()
        .filter(|commit| commit.outcome == Outcome::Ok && commit.completed < look.invoked)
        .max_by_key(|commit| commit.invoked)
}

fn is_replaced(commit: &CommitFact, by: &CommitFact, context: &Context) -> bool {
    let last_effect = match commit.outcome {
        Outcome::Ok => Some(commit.completed),
        Outcome::Unknown | Outcome::Failed => context.end_of_life(commit.completed),
    };
    last_effect.is_some_and(|last| last < by.invoked)
}
