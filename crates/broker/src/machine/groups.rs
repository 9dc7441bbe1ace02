//! Consumer groups: the coordinator's commands, with what it stores and whom it answers.

use std::sync::Arc;
use std::time::Duration;

use forebay_storage::shard::Replies;
use forebay_storage::{Durability, Engine, Now};
use tokio::sync::oneshot;

use super::command::Answer;
use super::{BrokerMachine, Reply};
use crate::event::BrokerEvent;
use crate::group::{
    CommitOffset, GroupCommand, GroupEffects, GroupError, GroupReply, PartitionResult, ReplyToken,
};
use crate::names::TopicName;
use crate::topic::Topic;

/// How often waiting requests are checked for clients that have gone. Whoever rebalances meanwhile
/// waits at most this much longer for them.
const DEPARTED_INTERVAL: Duration = Duration::from_millis(100);

impl BrokerMachine {
    pub(super) fn group(
        &mut self,
        mut command: GroupCommand,
        answer: oneshot::Sender<GroupReply>,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        let token = ReplyToken(self.next_token);
        self.next_token += 1;
        self.waiting.insert(token, answer);
        let lost = match &mut command {
            GroupCommand::CommitOffsets(commit) => self.take_lost(&mut commit.offsets),
            _ => Vec::new(),
        };
        let mut effects = GroupEffects::default();
        self.groups.handle(command, token, now, &mut effects);
        if !lost.is_empty() {
            refuse_lost(lost, token, &mut effects);
        }
        self.take_effects(effects, engine, replies);
    }

    /// Takes out the offsets of partitions that are not there, with their places. Whoever asked saw
    /// them, but a topic may have been deleted since: offsets kept under its name would later count
    /// for another topic of the same name.
    fn take_lost(&self, offsets: &mut Vec<CommitOffset>) -> Vec<(usize, CommitOffset)> {
        let mut lost = Vec::new();
        let mut kept = Vec::with_capacity(offsets.len());
        // Offsets of a topic come together.
        let mut found: Option<(TopicName, Option<Arc<Topic>>)> = None;
        for (place, offset) in std::mem::take(offsets).into_iter().enumerate() {
            if found.as_ref().is_none_or(|(name, _)| *name != offset.topic) {
                let topic = self.catalog.get(offset.topic.as_str());
                found = Some((offset.topic.clone(), topic));
            }
            let topic = found.as_ref().and_then(|(_, topic)| topic.as_ref());
            if topic.is_some_and(|topic| topic.partition(offset.partition).is_some()) {
                kept.push(offset);
            } else {
                lost.push((place, offset));
            }
        }
        *offsets = kept;
        lost
    }

    pub(super) fn tick_groups(
        &mut self,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        if !self.waiting.is_empty() && now.monotonic >= self.departed_due {
            self.departed_due = now.monotonic + DEPARTED_INTERVAL;
            self.forget_departed();
        }
        let due = self
            .groups
            .next_deadline()
            .is_some_and(|deadline| deadline <= now.monotonic);
        if due {
            let mut effects = GroupEffects::default();
            self.groups.tick(now, &mut effects);
            self.take_effects(effects, engine, replies);
        }
    }

    /// When the coordinator, or somebody who waits for it, next needs a look.
    pub(super) fn groups_deadline(&self) -> Option<Duration> {
        let departed = (!self.waiting.is_empty()).then_some(self.departed_due);
        let groups = self.groups.next_deadline();
        groups.into_iter().chain(departed).min()
    }

    /// Stores what the coordinator wants stored; every reply waits for it.
    pub(super) fn take_effects(
        &mut self,
        effects: GroupEffects,
        engine: &mut Engine,
        replies: &mut Replies<Reply>,
    ) {
        for event in effects.events {
            Self::store(engine, &BrokerEvent::Group(event));
        }
        for (token, reply) in effects.replies {
            if let Some(answer) = self.waiting.remove(&token) {
                replies.after(Durability::Fsync, Answer::Group(answer, reply));
            }
        }
    }

    /// A connection that went away takes its waiting joins and syncs with it.
    fn forget_departed(&mut self) {
        let departed = self.waiting.iter().filter(|(_, answer)| answer.is_closed());
        let departed: Vec<ReplyToken> = departed.map(|(token, _)| *token).collect();
        for token in departed {
            self.waiting.remove(&token);
            self.groups.cancel(token);
        }
    }
}

/// Enters the offsets that were taken out into the answer, each at its place, in ascending order.
fn refuse_lost(lost: Vec<(usize, CommitOffset)>, token: ReplyToken, effects: &mut GroupEffects) {
    let reply = effects.replies.iter_mut().find(|(to, _)| *to == token);
    let Some((_, GroupReply::OffsetsCommitted(Ok(results)))) = reply else {
        return;
    };
    for (place, offset) in lost {
        let refused = PartitionResult {
            topic: offset.topic,
            partition: offset.partition,
            result: Err(GroupError::UnknownTopicOrPartition),
        };
        results.insert(place, refused);
    }
}
