//! Consumer groups: the coordinator's commands, with what it stores and whom it answers.

use forebay_storage::shard::Replies;
use forebay_storage::{Durability, Engine, Now};
use tokio::sync::oneshot;

use super::command::Answer;
use super::{BrokerMachine, Reply};
use crate::event::BrokerEvent;
use crate::group::{GroupCommand, GroupEffects, GroupReply, ReplyToken};

impl BrokerMachine {
    pub(super) fn group(
        &mut self,
        command: GroupCommand,
        answer: oneshot::Sender<GroupReply>,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        let token = ReplyToken(self.next_token);
        self.next_token += 1;
        self.waiting.insert(token, answer);
        let mut effects = GroupEffects::default();
        self.groups.handle(command, token, now, &mut effects);
        self.take_effects(effects, engine, replies);
    }

    pub(super) fn tick_groups(
        &mut self,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        self.forget_departed();
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
