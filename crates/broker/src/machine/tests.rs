//! Whatever a broker was asked, what a snapshot gives back and what a replay of the journal gives
//! back are what it knew.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::BytesMut;
use forebay_record::{BatchBuilder, ProducerStamp};
use forebay_storage::codec::Encoder;
use forebay_storage::shard::{Machine, Replies};
use forebay_storage::{Engine, Now, Options, Replay, Scratch, SimulatedDisk};
use proptest::prelude::*;
use tokio::sync::oneshot;

use super::*;
use crate::group::{CommitOffset, CommitOffsets, GroupCommand};
use crate::names::{GroupId, TopicName};
use crate::prepare::prepare;
use crate::topic::MadeAs;
use crate::topic::config::ConfigChange;

/// The first of the names are of topics that were declared as streams, the first of all under its own name.
const STREAMS: u8 = 2;

#[derive(Clone, Debug)]
enum Act {
    Create {
        name: u8,
        partitions: usize,
    },
    CreateStream {
        name: u8,
    },
    Delete {
        name: u8,
    },
    Grow {
        name: u8,
        total: usize,
    },
    Configure {
        name: u8,
        retention: u32,
    },
    Append {
        name: u8,
        producer: i64,
        epoch: i16,
        sequence: i32,
    },
    NameProducer,
    Commit {
        group: u8,
        name: u8,
        offset: i64,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let name = || 0..3 + STREAMS;
    prop_oneof![
        (STREAMS..3 + STREAMS, 1..3usize)
            .prop_map(|(name, partitions)| Act::Create { name, partitions }),
        (0..STREAMS).prop_map(|name| Act::CreateStream { name }),
        name().prop_map(|name| Act::Delete { name }),
        (name(), 1..5usize).prop_map(|(name, total)| Act::Grow { name, total }),
        (name(), any::<u32>()).prop_map(|(name, retention)| Act::Configure { name, retention }),
        (name(), 0..3i64, 0..2i16, 0..4i32).prop_map(|(name, producer, epoch, sequence)| {
            Act::Append {
                name,
                producer,
                epoch,
                sequence,
            }
        }),
        Just(Act::NameProducer),
        (0..2u8, name(), 0..9i64).prop_map(|(group, name, offset)| {
            Act::Commit {
                group,
                name,
                offset,
            }
        }),
    ]
}

fn machine_on(disk: &SimulatedDisk) -> BrokerMachine {
    let scratch = Scratch::new(Arc::new(disk.clone()));
    BrokerMachine::new(BrokerOptions::default(), Arc::default(), scratch)
}

fn snapshot(machine: &BrokerMachine) -> Vec<u8> {
    let mut encoder = Encoder::new();
    machine.snapshot(&mut encoder);
    encoder.finish()
}

/// A machine on an engine, without a thread and without a clock.
struct World {
    disk: SimulatedDisk,
    engine: Engine,
    machine: BrokerMachine,
    now: Now,
    ids: u128,
}

impl World {
    fn open(disk: SimulatedDisk, now: Now) -> Self {
        let mut machine = machine_on(&disk);
        let options = Options {
            journal_file_bytes: 1 << 20,
            tail_cache_bytes: 1 << 20,
            ..Options::default()
        };
        let medium = Arc::new(disk.clone());
        let (engine, _) = Engine::open(medium, options, &mut machine, now).unwrap();
        Self {
            disk,
            engine,
            machine,
            now,
            ids: 0,
        }
    }

    fn begin() -> Self {
        let now = Now::new(Duration::ZERO, 1_000_000_000_000);
        let mut world = Self::open(SimulatedDisk::new(), now);
        world
            .machine
            .open(&mut world.engine, Uuid::from_u128(1), now);
        world.store();
        world
    }

    fn act(&mut self, act: Act) {
        let Some(command) = self.command(act) else {
            return;
        };
        self.now.wall_ms += 1;
        self.now.aging_ms += 1;
        let mut replies = Replies::default();
        self.machine
            .handle(command, &mut self.engine, self.now, &mut replies);
        self.store();
    }

    /// As the shard does when somebody waits for it.
    fn store(&mut self) {
        self.engine.require_sync();
        self.engine.write(self.now).unwrap();
        self.engine.sync().unwrap();
    }

    fn command(&mut self, act: Act) -> Option<Command> {
        let topic = |name: u8| match name {
            ..STREAMS => format!("stream_{name}"),
            _ => format!("topic-{name}"),
        };
        Some(match act {
            Act::Create { name, partitions } => {
                self.ids += 1;
                let new = NewTopic {
                    name: topic(name),
                    partitions: Some(partitions),
                    configs: BTreeMap::new(),
                };
                let topics = vec![(new, Uuid::from_u128(self.ids))];
                Command::CreateTopics {
                    topics,
                    validate_only: false,
                    answer: oneshot::channel().0,
                }
            }
            Act::CreateStream { name } => {
                self.ids += 1;
                Command::CreateStream {
                    stream: StreamName {
                        virtual_host: VirtualHostId::DEFAULT,
                        queue: match name {
                            0 => topic(name).into(),
                            _ => format!("stream {name}").into(),
                        },
                    },
                    made_as: MadeAs::Stream,
                    configs: BTreeMap::new(),
                    id: Uuid::from_u128(self.ids),
                    answer: oneshot::channel().0,
                }
            }
            Act::Delete { name } => Command::DeleteTopics {
                topics: vec![TopicRef::Name(topic(name))],
                partitions: 0,
                answer: oneshot::channel().0,
            },
            Act::Grow { name, total } => Command::CreatePartitions {
                topic: topic(name),
                total,
                validate_only: false,
                answer: oneshot::channel().0,
            },
            Act::Configure { name, retention } => Command::AlterConfigs {
                changes: vec![AlterConfig {
                    topic: topic(name),
                    replace: false,
                    changes: vec![ConfigChange::Set(
                        "retention.ms".to_owned(),
                        retention.to_string(),
                    )],
                }],
                validate_only: false,
                answer: oneshot::channel().0,
            },
            Act::Append {
                name,
                producer,
                epoch,
                sequence,
            } => {
                let stamp = ProducerStamp {
                    id: producer,
                    epoch,
                    base_sequence: sequence,
                };
                let mut builder = BatchBuilder::new().producer(stamp);
                builder
                    .add(self.now.wall_ms, None, Some(b"value"), &[])
                    .unwrap();
                let append = Append {
                    topic: self.machine.catalog.get(&topic(name))?,
                    partition: 0,
                    batch: BytesMut::from(&builder.build().unwrap()[..]),
                };
                let batches = vec![prepare(append, self.now)];
                Command::Append {
                    batches,
                    answer: oneshot::channel().0,
                }
            }
            Act::NameProducer => Command::InitProducer {
                answer: oneshot::channel().0,
            },
            Act::Commit {
                group,
                name,
                offset,
            } => {
                let offset = CommitOffset {
                    topic: TopicName::new(&topic(name)).unwrap(),
                    partition: 0,
                    offset,
                    leader_epoch: None,
                    metadata: "".into(),
                };
                let commit = CommitOffsets {
                    group: GroupId::new(&format!("group-{group}")).unwrap(),
                    generation: -1,
                    member: None,
                    instance: None,
                    retention: None,
                    offsets: vec![offset],
                };
                let command = GroupCommand::CommitOffsets(commit);
                Command::Group {
                    command,
                    answer: oneshot::channel().0,
                }
            }
        })
    }
}

/// All that is to outlive the process, in an order of its own.
fn known(machine: &BrokerMachine) -> String {
    let topics: BTreeMap<_, _> = machine
        .topics
        .iter()
        .map(|(id, topic)| {
            let what = (&topic.overrides, &topic.logs, &topic.stream);
            (id, (topic.name.as_str(), what))
        })
        .collect();
    let partitions: BTreeMap<_, _> = machine
        .partitions
        .iter()
        .map(|(log, partition)| (log, partition.producers.sorted()))
        .collect();
    let mut groups = Encoder::new();
    machine.groups.snapshot(&mut groups);
    let ids = (
        machine.cluster,
        machine.next_log,
        machine.reserved_producers,
    );
    format!(
        "{ids:?}\n{topics:#?}\n{partitions:#?}\n{:?}",
        groups.finish()
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_snapshot_and_a_replay_give_back_what_was_known(
        acts in proptest::collection::vec(act(), 1..60),
    ) {
        let mut world = World::begin();
        acts.into_iter().for_each(|act| world.act(act));
        let before = known(&world.machine);

        let mut restored = machine_on(&SimulatedDisk::new());
        restored.restore(&snapshot(&world.machine)).unwrap();
        prop_assert_eq!(&known(&restored), &before);

        let replayed = World::open(world.disk.after_kill(), world.now);
        prop_assert_eq!(&known(&replayed.machine), &before);
        let cut = World::open(world.disk.after_power_cut(|| false), world.now);
        prop_assert_eq!(&known(&cut.machine), &before);
    }
}

#[test]
fn a_snapshot_from_before_streams_had_names_of_their_own_is_read() {
    let mut world = World::begin();
    world.act(Act::Create {
        name: STREAMS,
        partitions: 2,
    });
    let mut older = snapshot(&world.machine);
    older[0] = 4;
    let mut no_names = Encoder::new();
    no_names.list([0; 0], |_, _: u8| {});
    older.truncate(older.len() - no_names.finish().len());
    let mut restored = machine_on(&SimulatedDisk::new());
    restored.restore(&older).unwrap();
    assert_eq!(known(&restored), known(&world.machine));
}

#[test]
fn a_damaged_snapshot_is_an_error() {
    let world = World::begin();
    let snapshot = snapshot(&world.machine);
    let restore = |bytes: &[u8]| machine_on(&SimulatedDisk::new()).restore(bytes);
    for end in 0..snapshot.len() {
        assert!(restore(&snapshot[..end]).is_err(), "cut at {end}");
    }
    let mut newer = snapshot;
    newer[0] += 1;
    assert!(restore(&newer).is_err());
}
