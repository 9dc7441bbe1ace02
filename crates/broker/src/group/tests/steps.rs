//! What may happen next in a random history, and who the clients are.

use proptest::prelude::*;

use super::harness::*;
use crate::group::*;

pub(super) const CLIENTS: usize = 6;
pub(super) const GROUPS: [&str; 2] = ["billing", "audit"];
pub(super) const TOPICS: [&str; 2] = ["orders", "refunds"];

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// As a process that has just started.
    JoinNew {
        client: usize,
        careful: bool,
        skips: bool,
        protocols: u8,
    },
    JoinAgain {
        client: usize,
        protocols: u8,
    },
    Sync {
        client: usize,
        lie: i32,
    },
    Heartbeat {
        client: usize,
        lie: i32,
    },
    Leave {
        client: usize,
        by_instance: bool,
    },
    Commit {
        client: usize,
        lie: i32,
    },
    CommitStandalone {
        group: usize,
        topic: usize,
    },
    /// The client's connection goes away.
    Vanish {
        client: usize,
    },
    /// The clients of a group do all they can to become stable.
    Settle {
        group: usize,
    },
    /// Someone who was taken over does not give up.
    Zombie {
        pick: usize,
        request: u8,
    },
    DeleteGroup {
        group: usize,
    },
    DeleteOffsets {
        group: usize,
        topic: usize,
    },
    DeleteTopic {
        topic: usize,
    },
    Pass {
        ms: u64,
    },
    Crash,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    let group = 0..GROUPS.len();
    let offers = prop_oneof![4 => Just(0u8), 1 => 0..12u8];
    let topic = 0..TOPICS.len();
    let lie = prop_oneof![8 => Just(0), 1 => Just(-1), 1 => Just(1)];
    prop_oneof![
        6 => (client.clone(), any::<bool>(), any::<bool>(), offers.clone()).prop_map(
            |(client, careful, skips, protocols)| Step::JoinNew {
                client, careful, skips, protocols
            }
        ),
        10 => (client.clone(), offers)
            .prop_map(|(client, protocols)| Step::JoinAgain { client, protocols }),
        12 => (client.clone(), lie.clone()).prop_map(|(client, lie)| Step::Sync { client, lie }),
        8 => (client.clone(), lie.clone()).prop_map(|(client, lie)| Step::Heartbeat { client, lie }),
        2 => (client.clone(), any::<bool>())
            .prop_map(|(client, by_instance)| Step::Leave { client, by_instance }),
        4 => (client.clone(), lie).prop_map(|(client, lie)| Step::Commit { client, lie }),
        1 => (group.clone(), topic.clone())
            .prop_map(|(group, topic)| Step::CommitStandalone { group, topic }),
        2 => client.prop_map(|client| Step::Vanish { client }),
        4 => (any::<usize>(), 0..4u8).prop_map(|(pick, request)| Step::Zombie { pick, request }),
        6 => group.clone().prop_map(|group| Step::Settle { group }),
        1 => group.clone().prop_map(|group| Step::DeleteGroup { group }),
        1 => (group, topic.clone())
            .prop_map(|(group, topic)| Step::DeleteOffsets { group, topic }),
        1 => topic.prop_map(|topic| Step::DeleteTopic { topic }),
        8 => prop_oneof![0..3_000u64, 0..70_000u64].prop_map(|ms| Step::Pass { ms }),
        1 => Just(Step::Crash),
    ]
}

/// The first three clients are static, and every other one is in the second group.
pub(super) fn group_of(client: usize) -> GroupId {
    group_id(GROUPS[client % 2])
}

pub(super) fn instance_of(client: usize) -> Option<InstanceId> {
    (client < 3).then(|| InstanceId::new(&format!("instance-{client}")).unwrap())
}

/// Most offers have `range`, so that most joins fit; some have more, or something else, or other
/// topics.
pub(super) fn offer(kind: u8) -> Vec<Protocol> {
    let topics = if kind < 9 { &TOPICS[..1] } else { &TOPICS[..] };
    let names: &[&str] = match kind % 9 {
        0..=5 => &["sticky", "range"],
        6 => &["range"],
        7 => &["range", "sticky"],
        _ => &["sticky"],
    };
    names
        .iter()
        .map(|name| protocol(name, &subscription(topics)))
        .collect()
}
