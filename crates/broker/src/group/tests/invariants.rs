//! What holds between any two calls, checked from the inside.

use std::collections::BTreeMap;

use crate::group::classic::{ClassicGroup, Phase};
use crate::group::member::{Joining, metadata_bytes};
use crate::group::timer::{Alarm, TimerKey};
use crate::group::*;

/// Panics unless every counter, index, timer and waiting request fits the members.
pub(super) fn check(coordinator: &GroupCoordinator) {
    let mut alarms = usize::from(coordinator.retention.alarm.slot().is_some());
    let mut waiting = 0;
    for (id, group) in &coordinator.groups {
        assert_eq!(*id, group.id);
        assert!(!group.is_vacant(), "{id} is of no use");
        check_members(group);
        check_phase(group);
        let mut expect = |alarm: &Alarm, key: TimerKey| {
            let slot = alarm.slot().unwrap_or_else(|| panic!("{key:?} is not set"));
            assert_eq!(coordinator.timers.at(slot), Some(&key));
            alarms += 1;
        };
        for (member, alarm) in &group.reserved {
            expect(alarm, TimerKey::Member(id.clone(), member.clone()));
        }
        for (member, state) in &group.members {
            expect(&state.session, TimerKey::Member(id.clone(), member.clone()));
            let joining = match state.joining {
                Joining::Waiting(token) => Some(token),
                Joining::No | Joining::Unheard => None,
            };
            for token in joining.into_iter().chain(state.syncing) {
                let expected = (id.clone(), member.clone());
                assert_eq!(coordinator.waiting.get(&token), Some(&expected));
                waiting += 1;
            }
        }
        if matches!(group.phase, Phase::Preparing(_)) {
            expect(&group.join_alarm, TimerKey::Join(id.clone()));
        } else {
            assert_eq!(group.join_alarm.slot(), None);
        }
        if group.sync_alarm.slot().is_some() || !group.unsynced.is_empty() {
            expect(&group.sync_alarm, TimerKey::Sync(id.clone()));
        }
    }
    assert_eq!(
        coordinator.timers.len(),
        alarms,
        "a wake-up without an owner"
    );
    assert_eq!(
        coordinator.waiting.len(),
        waiting,
        "a request that no member knows of"
    );
}

fn check_members(group: &ClassicGroup) {
    let mut offers: BTreeMap<std::sync::Arc<str>, usize> = BTreeMap::new();
    let mut instances = BTreeMap::new();
    let (mut bytes, mut joined) = (0, 0);
    for (id, member) in &group.members {
        assert_eq!(*id, member.record.id);
        assert!(
            !group.reserved.contains_key(id),
            "{id} is both a member and to become one"
        );
        assert!(member.joining == Joining::No || member.syncing.is_none());
        assert!(!member.is_new || member.has_joined());
        for protocol in member.record.protocols.iter() {
            *offers.entry(protocol.name.clone()).or_default() += 1;
        }
        bytes += metadata_bytes(&member.record.protocols);
        joined += usize::from(member.has_joined());
        if let Some(instance) = &member.record.instance {
            assert_eq!(instances.insert(instance.clone(), id.clone()), None);
        }
    }
    assert_eq!(
        (&offers, bytes, joined),
        (&group.offers, group.metadata_bytes, group.joined)
    );
    assert_eq!(instances, group.instances);
    assert!(
        group
            .unsynced
            .iter()
            .all(|id| group.members.contains_key(id))
    );
    match &group.leader {
        Some(leader) => assert!(
            group.members.contains_key(leader),
            "the leader is no member"
        ),
        None => assert!(group.members.is_empty(), "nobody leads"),
    }
    if !group.members.is_empty() {
        assert!(group.select_protocol().is_some(), "no protocol in common");
    }
}

fn check_phase(group: &ClassicGroup) {
    let nobody_joining = group.joined == 0;
    let nobody_syncing = group
        .members
        .values()
        .all(|member| member.syncing.is_none());
    match group.phase {
        Phase::Empty => assert!(group.members.is_empty()),
        Phase::Preparing(_) => assert!(nobody_syncing && group.unsynced.is_empty()),
        Phase::Completing => {
            assert!(nobody_joining && !group.members.is_empty());
            let leader = group.leader.as_ref().unwrap();
            assert!(group.unsynced.contains(leader), "it would be assigned");
        }
        Phase::Stable => {
            assert!(nobody_joining && nobody_syncing && !group.members.is_empty());
            let stored = group.saved.generation().unwrap();
            let live: Vec<_> = group
                .members
                .values()
                .map(|member| member.record.clone())
                .collect();
            assert_eq!(stored.members, live, "what is promised is stored");
            assert_eq!(
                (stored.generation, &stored.leader),
                (group.generation, &group.leader)
            );
            assert_eq!(stored.protocol, group.protocol);
        }
    }
}
