//! Thousands of random histories: clients that join, sync, lie, vanish and come back, operators that
//! interfere, time that passes, and crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::harness::*;
use super::invariants::check;
use super::steps::*;
use crate::group::*;

/// What a client process knows.
#[derive(Clone, Debug, Default)]
struct Client {
    member: Option<MemberId>,
    joined: Option<Joined>,
    waits: Option<ReplyToken>,
}

struct World {
    bench: Bench,
    clients: Vec<Client>,
    /// Who waits, so that a reply finds its client.
    asked: BTreeMap<ReplyToken, usize>,
    /// Ids that were taken over, with their instance and group.
    fenced: BTreeSet<(usize, MemberId)>,
    /// Everything journaled, replayed as it comes.
    replica: GroupCoordinator,
    replayed: usize,
    generations: BTreeMap<GroupId, i32>,
    /// Who was told to assign in a generation.
    leaders: BTreeMap<(GroupId, i32), MemberId>,
    /// The latest generation in which anyone was given an assignment.
    assigned: BTreeMap<GroupId, i32>,
}

impl World {
    fn new(delay: bool, size_max: usize) -> Self {
        let config = GroupConfig {
            initial_rebalance_delay: Duration::from_secs(if delay { 3 } else { 0 }),
            group_size_max: size_max,
            ..GroupConfig::default()
        };
        Self {
            replica: GroupCoordinator::new(config.clone()),
            bench: Bench::with(config),
            clients: vec![Client::default(); CLIENTS],
            asked: BTreeMap::new(),
            fenced: BTreeSet::new(),
            replayed: 0,
            generations: BTreeMap::new(),
            leaders: BTreeMap::new(),
            assigned: BTreeMap::new(),
        }
    }

    fn join_request(&self, client: usize, protocols: u8) -> Join {
        Join {
            group: group_of(client),
            instance: instance_of(client),
            rebalance_timeout: Duration::from_secs([0, 5, 60][client % 3]),
            protocols: offer(protocols),
            ..newcomer()
        }
    }

    fn generation(&self, client: usize) -> i32 {
        self.clients[client]
            .joined
            .as_ref()
            .map_or(0, |joined| joined.generation)
    }

    /// Sends what the client waits for, in place of whatever it waited for before.
    fn send_waiting(&mut self, client: usize, command: GroupCommand) {
        let token = match command {
            GroupCommand::Join(join) => self.bench.send_join(join),
            command => self.bench.send(command),
        };
        self.asked.insert(token, client);
        self.clients[client].waits = Some(token);
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::JoinNew {
                client,
                careful,
                skips,
                protocols,
            } => {
                let request = Join {
                    requires_known_member_id: careful,
                    supports_skip_assignment: skips,
                    ..self.join_request(client, protocols)
                };
                self.send_waiting(client, GroupCommand::Join(request));
            }
            Step::JoinAgain { client, protocols } => {
                let member = self.clients[client].member.clone();
                let request = Join {
                    member,
                    ..self.join_request(client, protocols)
                };
                self.send_waiting(client, GroupCommand::Join(request));
            }
            Step::Sync { client, lie } => {
                let known = self.clients[client].clone();
                let request = Sync {
                    group: group_of(client),
                    generation: self.generation(client) + lie,
                    member: known.member,
                    instance: instance_of(client),
                    protocol_type: None,
                    protocol_name: None,
                    assignments: known
                        .joined
                        .map(|joined| assigning(&joined).assignments)
                        .unwrap_or_default(),
                };
                self.send_waiting(client, GroupCommand::Sync(request));
            }
            Step::Heartbeat { client, lie } => {
                self.bench.ask(GroupCommand::Heartbeat(Heartbeat {
                    group: group_of(client),
                    generation: self.generation(client) + lie,
                    member: self.clients[client].member.clone(),
                    instance: instance_of(client),
                }));
            }
            Step::Leave {
                client,
                by_instance,
            } => {
                let instance = instance_of(client);
                let member = self.clients[client].member.clone();
                let member = member.filter(|_| !by_instance || instance.is_none());
                let leaver = Leaver {
                    member,
                    instance,
                    reason: None,
                };
                self.bench.ask(GroupCommand::Leave(Leave {
                    group: group_of(client),
                    members: vec![leaver],
                }));
            }
            Step::Commit { client, lie } => {
                let request = CommitOffsets {
                    group: group_of(client),
                    generation: self.generation(client) + lie,
                    member: self.clients[client].member.clone(),
                    instance: instance_of(client),
                    ..commit(7)
                };
                let _ = self.bench.commit(request);
            }
            Step::CommitStandalone { group, topic: name } => {
                let mut request = CommitOffsets {
                    group: group_id(GROUPS[group]),
                    ..commit(9)
                };
                request.offsets[0].topic = topic(TOPICS[name]);
                let _ = self.bench.commit(request);
            }
            Step::Vanish { client } => {
                let waiting = self.asked.iter().filter(|(_, asker)| **asker == client);
                let tokens: Vec<_> = waiting.map(|(token, _)| *token).collect();
                for token in tokens {
                    self.bench.coordinator.cancel(token);
                    self.asked.remove(&token);
                }
                self.clients[client] = Client::default();
            }
            Step::Settle { group } => self.settle(group),
            Step::Zombie { pick, request } => self.zombie(pick, request),
            Step::DeleteGroup { group } => {
                self.bench.ask(GroupCommand::Delete {
                    groups: vec![group_id(GROUPS[group])],
                });
            }
            Step::DeleteOffsets { group, topic: name } => {
                self.bench.ask(GroupCommand::DeleteOffsets {
                    group: group_id(GROUPS[group]),
                    partitions: vec![(topic(TOPICS[name]), 0), (topic(TOPICS[name]), 1)],
                });
            }
            Step::DeleteTopic { topic: name } => {
                self.bench.ask(GroupCommand::TopicDeleted {
                    topic: topic(TOPICS[name]),
                });
            }
            Step::Pass { ms } => self.bench.pass(Duration::from_millis(ms)),
            Step::Crash => self.crash(),
        }
        self.receive();
        self.observe();
    }

    /// As clients do: whoever knows its id joins, then all sync, the leaders with assignments.
    fn settle(&mut self, group: usize) {
        let members: Vec<usize> = (0..CLIENTS)
            .filter(|client| {
                client % GROUPS.len() == group && self.clients[*client].member.is_some()
            })
            .collect();
        for client in &members {
            self.run(Step::JoinAgain {
                client: *client,
                protocols: 0,
            });
        }
        for client in members {
            self.run(Step::Sync { client, lie: 0 });
        }
    }

    /// Someone whose identity was taken over never gets anything but the fence; once the identity
    /// itself is gone from the group, it is unknown.
    fn zombie(&mut self, pick: usize, request: u8) {
        let Some((client, member)) = self
            .fenced
            .iter()
            .nth(pick % self.fenced.len().max(1))
            .cloned()
        else {
            return;
        };
        let group = group_of(client);
        let generation = self
            .bench
            .coordinator
            .group(group.as_str())
            .map_or(0, GroupView::generation);
        let (member, instance) = (Some(member), instance_of(client));
        let error = match request {
            0 => self
                .bench
                .join(Join {
                    member,
                    ..self.join_request(client, 0)
                })
                .unwrap_err(),
            1 => {
                let (protocol_type, protocol_name, assignments) = (None, None, Vec::new());
                let request = Sync {
                    group,
                    generation,
                    member,
                    instance,
                    protocol_type,
                    protocol_name,
                    assignments,
                };
                self.bench.sync(request).unwrap_err()
            }
            2 => {
                let request = Heartbeat {
                    group,
                    generation,
                    member,
                    instance,
                };
                match self.bench.ask(GroupCommand::Heartbeat(request)) {
                    GroupReply::Heartbeat(result) => result.unwrap_err(),
                    other => panic!("{other:?}"),
                }
            }
            _ => {
                let generation = generation.max(0);
                let request = CommitOffsets {
                    group,
                    generation,
                    member,
                    instance,
                    ..commit(1)
                };
                self.bench.commit(request).unwrap_err()
            }
        };
        use GroupError::*;
        // A group that is full or of other protocols says so before it looks at who asks.
        let told = matches!(error, FencedInstanceId | UnknownMemberId | GroupIdNotFound)
            || request == 0 && matches!(error, GroupMaxSizeReached | InconsistentGroupProtocol);
        assert!(told, "{error:?}");
    }

    fn crash(&mut self) {
        self.bench.restart();
        self.asked.clear();
        self.generations.clear();
        self.leaders.clear();
        for client in &mut self.clients {
            client.waits = None;
        }
        for (group, assigned) in &self.assigned {
            if let Some(view) = self.bench.coordinator.group(group.as_str()) {
                assert!(
                    view.generation() >= *assigned,
                    "an assignment was forgotten"
                );
            }
        }
        // Only what was given an assignment, or stored since, is sure to be known again.
        self.fenced.clear();
    }

    /// Hands each reply to its client.
    fn receive(&mut self) {
        for (token, reply) in std::mem::take(&mut self.bench.replies) {
            let client = self.asked.remove(&token).expect("a reply nobody waits for");
            let known = &mut self.clients[client];
            let is_latest = known.waits == Some(token);
            match reply {
                GroupReply::Joined(Ok(joined)) => {
                    let group = group_of(client);
                    if joined.leader == joined.member && !joined.skip_assignment {
                        let told = (group, joined.generation);
                        let leader = self.leaders.entry(told).or_insert(joined.member.clone());
                        assert_eq!(*leader, joined.member, "two leaders in one generation");
                    }
                    if instance_of(client).is_some()
                        && let Some(previous) = known.member.replace(joined.member.clone())
                        && previous != joined.member
                    {
                        self.fenced.insert((client, previous));
                    }
                    if is_latest {
                        known.member = Some(joined.member.clone());
                        known.joined = Some(joined);
                    }
                }
                GroupReply::Joined(Err(GroupError::MemberIdRequired { member_id })) => {
                    if is_latest {
                        known.member = Some(member_id);
                    }
                }
                GroupReply::Synced(Ok(_)) => {
                    let group = group_of(client);
                    let view = self.bench.coordinator.group(group.as_str()).unwrap();
                    self.assigned.insert(group, view.generation());
                }
                GroupReply::Joined(Err(_)) | GroupReply::Synced(Err(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// What holds after every step.
    fn observe(&mut self) {
        let coordinator = &self.bench.coordinator;
        check(coordinator);
        assert_eq!(coordinator.waiting(), self.asked.len(), "a request is lost");
        for event in &self.bench.journal[self.replayed..] {
            self.replica.apply(&reread(event));
        }
        self.replayed = self.bench.journal.len();
        assert_eq!(snapshot_of(&self.replica), snapshot_of(coordinator));
        let mut generations = BTreeMap::new();
        for view in coordinator.groups() {
            let before = self.generations.get(view.id()).copied().unwrap_or(0);
            assert!(view.generation() >= before, "generation {before} went back");
            generations.insert(view.id().clone(), view.generation());
        }
        self.assigned
            .retain(|group, _| generations.contains_key(group));
        self.leaders
            .retain(|(group, _), _| generations.contains_key(group));
        self.generations = generations;
    }

    /// Everyone falls silent: every request is answered, every member goes, and at last every group.
    fn end(&mut self) {
        self.bench.pass(limits::NEW_MEMBER_JOIN_TIMEOUT * 2);
        self.receive();
        self.observe();
        assert_eq!(self.asked, BTreeMap::new(), "requests without an answer");
        assert!(
            self.bench
                .coordinator
                .groups()
                .all(|view| view.state() == GroupState::Empty)
        );
        self.bench
            .pass(self.bench.config.offsets_retention + Duration::from_secs(3600));
        self.observe();
        assert_eq!(self.bench.coordinator.groups().len(), 0);
        assert_eq!(self.bench.coordinator.timers.len(), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn every_history_keeps_every_promise(
        delay in any::<bool>(),
        size_max in prop_oneof![1 => 1..4usize, 3 => Just(10usize)],
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new(delay, size_max);
        for step in steps {
            world.run(step);
        }
        world.end();
    }

    #[test]
    fn arbitrary_bytes_never_panic_a_decoder(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        use forebay_storage::codec::Decoder;
        let _ = GroupEvent::decode(&mut Decoder::new(&bytes));
        let _ = GroupCoordinator::restore(&mut Decoder::new(&bytes), GroupConfig::default());
    }
}
