//! A consumer that reads partitions from wherever it likes, and commits how far it has read.

use forebay_broker::group::{
    CommitOffset, CommitOffsets, FetchOffsets, GroupCommand, GroupReply, MemberId,
};
use forebay_broker::storage::{LogReader, ReadError};
use forebay_broker::topic::Topic;
use forebay_broker::{GroupId, TopicName};
use forebay_checkers::history::Outcome;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::any_partition;
use crate::context::Context;
use crate::ledger::{Kind, Place};
use crate::records;
use crate::schedule::Down;

/// Consumes for one life of the broker.
pub fn consume(mut cx: Context, number: u32) -> Result<(), Down> {
    let group = format!("group-{number}");
    let process = format!("consumer-{number}");
    let mut positions = BTreeMap::new();
    for _ in 0..cx.plan.acts {
        if let Some((topic, place, kind)) = any_partition(&mut cx) {
            let reader = &topic.partitions[place.1 as usize];
            let from = positions.get(&place).copied().unwrap_or_else(|| {
                let (start, end) = (reader.start_offset(), reader.end_offset());
                let from = start + cx.random.below(end.saturating_sub(start) + 1);
                let mut ledger = cx.ledger.lock();
                ledger.history.assigned(&process, place, from);
                from
            });
            if let Some(next) = read_some(&mut cx, &process, reader, place, kind, from)? {
                positions.insert(place, next);
                // A name that was deleted may mean another topic by now.
                if topic.name.as_str().starts_with("fixed") && cx.random.one_in(2) {
                    let member = Membership::none(&process);
                    let offset = next as i64;
                    commit(&mut cx, &group, &topic, place, offset, &member)?;
                }
            }
        }
        cx.rest_between_acts()?;
    }
    Ok(())
}

/// Reads once and notes what was read; the next position, if there is one.
pub(super) fn read_some(
    cx: &mut Context,
    process: &str,
    reader: &LogReader,
    place: Place,
    kind: Kind,
    from: u64,
) -> Result<Option<u64>, Down> {
    let invoked = cx.micros();
    let read = records::read(reader, from);
    if cx.schedule.is_down() {
        return Err(Down);
    }
    match read {
        Ok((found, next)) => {
            let moved = reader.start_offset() > from || reader.is_deleted();
            let mut expected = from;
            for (offset, value) in &found {
                let dense = *offset == expected || moved || kind == Kind::Compacted;
                assert!(dense, "{place:?}: read {offset} where {expected} was due");
                expected = offset + 1;
                cx.schedule.note("read", &[*offset, *value]);
            }
            let span = cx.since(invoked);
            cx.ledger.lock().polled(process, place, &found, span);
            assert!(
                next == expected || moved || kind == Kind::Compacted,
                "{place:?}: the read goes on at {next}, not at {expected}"
            );
            Ok(Some(next))
        }
        Err(ReadError::OutOfRange { start, end, .. }) => {
            assert!(from <= end, "{place:?}: the end went back to {end}");
            let mut ledger = cx.ledger.lock();
            ledger.history.assigned(process, place, start);
            Ok(Some(start))
        }
        Err(ReadError::Deleted) => Ok(None),
        Err(ReadError::Storage(error)) => {
            // A log that is deleted while it is read may lose its files before its name.
            if !reader.is_deleted() {
                cx.expect_damage(&error);
            }
            Ok(None)
        }
    }
}

/// As whom an offset is committed.
pub(super) struct Membership {
    /// The client, in the history.
    pub(super) process: String,
    pub(super) generation: i32,
    pub(super) member: Option<MemberId>,
}

impl Membership {
    fn none(process: &str) -> Self {
        Self {
            process: process.to_owned(),
            generation: -1,
            member: None,
        }
    }
}

/// Commits an offset; false when it was refused.
pub(super) fn commit(
    cx: &mut Context,
    group: &str,
    topic: &Topic,
    place: Place,
    offset: i64,
    membership: &Membership,
) -> Result<bool, Down> {
    let key = (group.to_owned(), place.0, place.1);
    cx.ledger.lock().commits.asked(&key, offset);
    cx.schedule.note("commit", &[place.1 as u64, offset as u64]);
    let command = GroupCommand::CommitOffsets(CommitOffsets {
        group: GroupId::new(group).expect("a good name"),
        generation: membership.generation,
        member: membership.member.clone(),
        instance: None,
        retention: None,
        offsets: vec![CommitOffset {
            topic: topic.name.clone(),
            partition: place.1,
            offset,
            leader_epoch: None,
            metadata: Arc::from("simulated"),
        }],
    });
    let invoked = cx.micros();
    let answer = cx.ask(cx.broker.group(command));
    let span = cx.since(invoked);
    let mut ledger = cx.ledger.lock();
    let outcome = match &answer {
        Ok(Ok(GroupReply::OffsetsCommitted(Ok(results)))) if results[0].result.is_ok() => {
            Outcome::Ok
        }
        Ok(Ok(GroupReply::OffsetsCommitted(_))) => Outcome::Failed,
        _ => Outcome::Unknown,
    };
    let process = &membership.process;
    ledger.history.commit(process, &key, offset, outcome, span);
    match answer? {
        Ok(GroupReply::OffsetsCommitted(Ok(results))) if results[0].result.is_ok() => {
            ledger.commits.answered(&key, offset);
            ledger.counts.commits += 1;
            Ok(true)
        }
        Ok(GroupReply::OffsetsCommitted(_)) => {
            ledger.commits.refused(&key, offset);
            Ok(false)
        }
        Ok(other) => panic!("a commit was answered with {other:?}"),
        // Nobody answered; it may be there or not.
        Err(_) => Ok(false),
    }
}

/// What a group has committed in a partition.
pub(crate) fn committed(
    cx: &Context,
    group: &str,
    topic: &TopicName,
    partition: i32,
) -> Result<Option<Option<i64>>, Down> {
    let command = GroupCommand::FetchOffsets(FetchOffsets {
        group: GroupId::new(group).expect("a good name"),
        partitions: Some(vec![(topic.clone(), partition)]),
    });
    Ok(match cx.ask(cx.broker.group(command))? {
        Ok(GroupReply::OffsetsFetched(offsets)) => {
            let committed = offsets[0].committed.as_ref();
            Some(committed.map(|committed| committed.offset))
        }
        Ok(other) => panic!("a question for offsets was answered with {other:?}"),
        Err(_) => None,
    })
}
