//! A coordinator with a clock to turn by hand, a journal, and a drawer of replies.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use forebay_storage::clock::Now;
use forebay_storage::codec::{Decoder, Encoder};

use crate::group::*;
use crate::names::{GroupId, TopicName};

pub(super) const GROUP: &str = "billing";
pub(super) const SESSION: Duration = Duration::from_secs(10);
pub(super) const REBALANCE: Duration = Duration::from_secs(60);

pub(super) struct Bench {
    pub(super) coordinator: GroupCoordinator,
    pub(super) config: GroupConfig,
    pub(super) now: Now,
    pub(super) journal: Vec<GroupEvent>,
    pub(super) replies: BTreeMap<ReplyToken, GroupReply>,
    next_token: u64,
}

pub(super) fn group_id(id: &str) -> GroupId {
    GroupId::new(id).unwrap()
}

pub(super) fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

pub(super) fn instance(id: &str) -> Option<InstanceId> {
    Some(InstanceId::new(id).unwrap())
}

pub(super) fn protocol(name: &str, metadata: &[u8]) -> Protocol {
    Protocol {
        name: name.into(),
        metadata: Bytes::copy_from_slice(metadata),
    }
}

/// The metadata of a consumer of `topics`.
pub(super) fn subscription(topics: &[&str]) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    bytes.extend(u32::try_from(topics.len()).unwrap().to_be_bytes());
    for topic in topics {
        bytes.extend(u16::try_from(topic.len()).unwrap().to_be_bytes());
        bytes.extend(topic.as_bytes());
    }
    bytes.extend([0xff; 4]);
    bytes
}

/// A new dynamic consumer of `orders` that needs no reserved id.
pub(super) fn newcomer() -> Join {
    Join {
        group: group_id(GROUP),
        member: None,
        instance: None,
        client_id: "client".into(),
        client_host: "/10.0.0.1".into(),
        session_timeout: SESSION,
        rebalance_timeout: REBALANCE,
        protocol_type: "consumer".into(),
        protocols: vec![protocol("range", &subscription(&["orders"]))],
        requires_known_member_id: false,
        supports_skip_assignment: true,
        new_member_suffix: [0; 16],
        reason: None,
    }
}

/// The same consumer under the id it has.
pub(super) fn known(member: &MemberId) -> Join {
    Join {
        member: Some(member.clone()),
        ..newcomer()
    }
}

pub(super) fn heartbeat(member: &MemberId, generation: i32) -> GroupCommand {
    GroupCommand::Heartbeat(Heartbeat {
        group: group_id(GROUP),
        generation,
        member: Some(member.clone()),
        instance: None,
    })
}

pub(super) fn sync(member: &MemberId, generation: i32) -> Sync {
    Sync {
        group: group_id(GROUP),
        generation,
        member: Some(member.clone()),
        instance: None,
        protocol_type: None,
        protocol_name: None,
        assignments: Vec::new(),
    }
}

/// What the test's leaders assign.
pub(super) fn share_of(member: &MemberId) -> Bytes {
    Bytes::from(format!("share of {member}"))
}

pub(super) fn assigning(leader: &Joined) -> Sync {
    let all = leader
        .members
        .iter()
        .map(|seen| (seen.member.clone(), share_of(&seen.member)));
    Sync {
        assignments: all.collect(),
        ..sync(&leader.member, leader.generation)
    }
}

pub(super) fn leave(member: &MemberId) -> GroupCommand {
    let leaver = Leaver {
        member: Some(member.clone()),
        instance: None,
        reason: None,
    };
    GroupCommand::Leave(Leave {
        group: group_id(GROUP),
        members: vec![leaver],
    })
}

/// A commit for partition 0 of `orders` from outside any generation.
pub(super) fn commit(offset: i64) -> CommitOffsets {
    CommitOffsets {
        group: group_id(GROUP),
        generation: -1,
        member: None,
        instance: None,
        retention: None,
        offsets: vec![CommitOffset {
            topic: topic("orders"),
            partition: 0,
            offset,
            leader_epoch: Some(3),
            metadata: "note".into(),
        }],
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(GroupConfig::default())
    }

    pub(super) fn with(config: GroupConfig) -> Self {
        let now = Now::new(Duration::from_secs(1000), 1_700_000_000_000);
        let mut coordinator = GroupCoordinator::new(config.clone());
        coordinator.open(now);
        let (journal, replies) = (Vec::new(), BTreeMap::new());
        Self {
            coordinator,
            config,
            now,
            journal,
            replies,
            next_token: 1,
        }
    }

    fn keep(&mut self, out: GroupEffects) {
        self.journal.extend(out.events);
        for (token, reply) in out.replies {
            let before = self.replies.insert(token, reply);
            assert_eq!(before, None, "two replies for {token:?}");
        }
    }

    /// Sends a command without waiting.
    pub(super) fn send(&mut self, command: GroupCommand) -> ReplyToken {
        let token = ReplyToken(self.next_token);
        self.next_token += 1;
        let mut out = GroupEffects::default();
        self.coordinator.handle(command, token, self.now, &mut out);
        self.keep(out);
        token
    }

    pub(super) fn reply(&mut self, token: ReplyToken) -> Option<GroupReply> {
        self.replies.remove(&token)
    }

    /// Sends a command that is answered at once.
    pub(super) fn ask(&mut self, command: GroupCommand) -> GroupReply {
        let token = self.send(command);
        self.reply(token).expect("an answer at once")
    }

    /// Sends a join with fresh randomness.
    pub(super) fn send_join(&mut self, mut join: Join) -> ReplyToken {
        join.new_member_suffix = u128::from(self.next_token).to_be_bytes();
        self.send(GroupCommand::Join(join))
    }

    pub(super) fn joined(&mut self, token: ReplyToken) -> Result<Joined, GroupError> {
        match self.reply(token) {
            Some(GroupReply::Joined(joined)) => joined,
            other => panic!("not joined: {other:?}"),
        }
    }

    pub(super) fn synced(&mut self, token: ReplyToken) -> Result<Synced, GroupError> {
        match self.reply(token) {
            Some(GroupReply::Synced(synced)) => synced,
            other => panic!("not synced: {other:?}"),
        }
    }

    pub(super) fn join(&mut self, join: Join) -> Result<Joined, GroupError> {
        let token = self.send_join(join);
        self.joined(token)
    }

    pub(super) fn sync(&mut self, request: Sync) -> Result<Synced, GroupError> {
        let token = self.send(GroupCommand::Sync(request));
        self.synced(token)
    }

    pub(super) fn heartbeat(
        &mut self,
        member: &MemberId,
        generation: i32,
    ) -> Result<(), GroupError> {
        match self.ask(heartbeat(member, generation)) {
            GroupReply::Heartbeat(result) => result,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn commit(
        &mut self,
        request: CommitOffsets,
    ) -> Result<Vec<PartitionResult>, GroupError> {
        match self.ask(GroupCommand::CommitOffsets(request)) {
            GroupReply::OffsetsCommitted(result) => result,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn committed(&mut self, topic_name: &str, partition: i32) -> Option<i64> {
        let partitions = Some(vec![(topic(topic_name), partition)]);
        match self.ask(GroupCommand::FetchOffsets(FetchOffsets {
            group: group_id(GROUP),
            partitions,
        })) {
            GroupReply::OffsetsFetched(mut found) => {
                found.remove(0).committed.map(|committed| committed.offset)
            }
            other => panic!("{other:?}"),
        }
    }

    /// Lets time pass, ringing every alarm in its time.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now.monotonic + time;
        while let Some(due) = self.coordinator.next_deadline().filter(|due| *due <= end) {
            self.turn_to(due.max(self.now.monotonic));
            let mut out = GroupEffects::default();
            self.coordinator.tick(self.now, &mut out);
            self.keep(out);
        }
        self.turn_to(end);
    }

    /// Lets time pass in which nothing is heard and nothing is done.
    pub(super) fn stand_still(&mut self, time: Duration) {
        self.turn_to(self.now.monotonic + time);
        self.coordinator.excuse_silence(self.now);
        self.pass(Duration::ZERO);
    }

    fn turn_to(&mut self, monotonic: Duration) {
        let passed = monotonic - self.now.monotonic;
        self.now.monotonic = monotonic;
        self.now.wall_ms += i64::try_from(passed.as_millis()).unwrap();
        self.now.aging_ms = self.now.wall_ms;
    }

    /// Lets time pass while `members` heartbeat every third of their session.
    pub(super) fn pass_alive(&mut self, time: Duration, members: &[(&MemberId, i32)]) {
        let mut left = time;
        while !left.is_zero() {
            for (member, generation) in members {
                let _ = self.heartbeat(member, *generation);
            }
            let step = left.min(SESSION / 3);
            self.pass(step);
            left -= step;
        }
    }

    /// Joins each of `joins` and brings the group to a stable generation, the first leading.
    pub(super) fn stabilize(&mut self, joins: Vec<Join>) -> Vec<Joined> {
        let mut members: Vec<Join> = Vec::new();
        let mut last = Vec::new();
        for join in joins {
            let mut tokens = vec![self.send_join(join.clone())];
            for earlier in &members {
                tokens.push(self.send_join(earlier.clone()));
            }
            tokens.rotate_left(1);
            last = tokens
                .into_iter()
                .map(|token| self.joined(token).unwrap())
                .collect();
            let newest = last.last().unwrap();
            members.push(Join {
                member: Some(newest.member.clone()),
                ..join
            });
        }
        let leader = last
            .iter()
            .find(|joined| joined.member == joined.leader)
            .unwrap()
            .clone();
        for joined in &last {
            if joined.member == leader.member {
                self.sync(assigning(&leader)).unwrap();
            }
        }
        for joined in &last {
            let synced = self.sync(sync(&joined.member, joined.generation)).unwrap();
            assert_eq!(synced.assignment, share_of(&joined.member));
        }
        assert_eq!(self.state(), GroupState::Stable);
        last
    }

    /// A stable group of `count` new dynamic members.
    pub(super) fn stable(&mut self, count: usize) -> Vec<Joined> {
        self.stabilize(vec![newcomer(); count])
    }

    pub(super) fn state(&self) -> GroupState {
        self.coordinator
            .group(GROUP)
            .map_or(GroupState::Dead, GroupView::state)
    }

    pub(super) fn generation(&self) -> i32 {
        self.coordinator.group(GROUP).unwrap().generation()
    }

    pub(super) fn members(&self) -> Vec<MemberId> {
        self.coordinator
            .group(GROUP)
            .unwrap()
            .members()
            .map(|member| member.id.clone())
            .collect()
    }

    /// Crashes and recovers from the journal, going through its binary form. Waiting requests die.
    pub(super) fn restart(&mut self) {
        let mut fresh = GroupCoordinator::new(self.config.clone());
        for event in &self.journal {
            fresh.apply(&reread(event));
        }
        fresh.open(self.now);
        self.coordinator = fresh;
    }

    pub(super) fn snapshot(&self) -> Vec<u8> {
        snapshot_of(&self.coordinator)
    }
}

pub(super) fn snapshot_of(coordinator: &GroupCoordinator) -> Vec<u8> {
    let mut encoder = Encoder::new();
    coordinator.snapshot(&mut encoder);
    encoder.finish()
}

/// The event as it comes back from the disk.
pub(super) fn reread(event: &GroupEvent) -> GroupEvent {
    let mut encoder = Encoder::new();
    event.encode(&mut encoder);
    let bytes = encoder.finish();
    let mut decoder = Decoder::new(&bytes);
    let reread = GroupEvent::decode(&mut decoder).unwrap();
    decoder.finish().unwrap();
    assert_eq!(reread, *event);
    reread
}
