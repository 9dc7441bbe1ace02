//! A member of a consumer group: joins, leads if it is told to, reads what it is assigned, commits,
//! and leaves or just falls silent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_broker::GroupId;
use forebay_broker::group::{
    GroupCommand, GroupError, GroupReply, Heartbeat, Join, Joined, Leave, Leaver, MemberId,
    Protocol, Sync,
};

use super::consumer::{Membership, commit, committed, read_some};
use crate::context::Context;
use crate::ledger::Kind;
use crate::schedule::Down;

/// The topic that groups consume.
pub const MEMBERS_TOPIC: &str = "fixed-kept";
const GROUP: &str = "members";
const SESSION: Duration = Duration::from_secs(6);

/// Belongs to the group for one life of the broker.
pub fn belong(mut cx: Context, number: u32) -> Result<(), Down> {
    let mut acts = cx.plan.acts;
    let mut member: Option<MemberId> = None;
    while acts > 0 {
        let Some(joined) = join(&mut cx, number, member.clone())? else {
            return Ok(());
        };
        match joined {
            Ok(joined) => {
                member = Some(joined.member.clone());
                take_part(&mut cx, &joined, &mut acts)?;
            }
            Err(GroupError::MemberIdRequired { member_id: given }) => member = Some(given),
            Err(_) => member = None,
        }
        acts = acts.saturating_sub(1);
    }
    if let Some(member) = member
        && cx.random.one_in(2)
    {
        leave(&cx, member)?;
    }
    Ok(())
}

fn group() -> GroupId {
    GroupId::new(GROUP).expect("a good name")
}

fn join(
    cx: &mut Context,
    number: u32,
    member: Option<MemberId>,
) -> Result<Option<Result<Joined, GroupError>>, Down> {
    let command = GroupCommand::Join(Join {
        group: group(),
        member,
        instance: None,
        client_id: format!("member-{number}").into(),
        client_host: Arc::from("/127.0.0.1"),
        session_timeout: SESSION,
        rebalance_timeout: SESSION,
        protocol_type: Arc::from("consumer"),
        protocols: vec![Protocol {
            name: Arc::from("range"),
            metadata: Bytes::from_static(b"\0"),
        }],
        requires_known_member_id: cx.random.one_in(2),
        supports_skip_assignment: true,
        new_member_suffix: cx.broker.random(),
        reason: None,
    });
    Ok(match cx.ask(cx.broker.group(command))? {
        Ok(GroupReply::Joined(joined)) => Some(joined),
        Ok(other) => panic!("a join was answered with {other:?}"),
        Err(_) => None,
    })
}

/// One generation: from the sync until the group moves on.
fn take_part(cx: &mut Context, joined: &Joined, acts: &mut u32) -> Result<(), Down> {
    let Some(assigned) = sync(cx, joined)? else {
        return Ok(());
    };
    cx.ledger
        .lock()
        .assigned(GROUP, joined.generation, joined.member.as_str(), &assigned);
    let membership = Membership {
        generation: joined.generation,
        member: Some(joined.member.clone()),
        process: joined.member.as_str().to_owned(),
    };
    while *acts > 0 {
        *acts -= 1;
        for partition in assigned.iter().map(|index| i32::from(*index)) {
            if !work(cx, partition, &membership)? {
                return Ok(());
            }
        }
        let rest = Duration::from_micros(cx.plan.rest_micros).min(SESSION / 3);
        cx.rest(rest)?;
        let command = GroupCommand::Heartbeat(Heartbeat {
            group: group(),
            generation: joined.generation,
            member: Some(joined.member.clone()),
            instance: None,
        });
        if !matches!(
            cx.ask(cx.broker.group(command))?,
            Ok(GroupReply::Heartbeat(Ok(())))
        ) {
            return Ok(());
        }
    }
    Ok(())
}

fn sync(cx: &Context, joined: &Joined) -> Result<Option<Bytes>, Down> {
    let mut assignments = Vec::new();
    if joined.leader == joined.member && !joined.skip_assignment {
        let partitions = cx
            .broker
            .topic(MEMBERS_TOPIC)
            .map_or(0, |topic| topic.partitions.len());
        for (place, member) in joined.members.iter().enumerate() {
            let mine = (0..partitions).filter(|index| index % joined.members.len() == place);
            let mine: Vec<u8> = mine.map(|index| index as u8).collect();
            assignments.push((member.member.clone(), Bytes::from(mine)));
        }
    }
    let command = GroupCommand::Sync(Sync {
        group: group(),
        generation: joined.generation,
        member: Some(joined.member.clone()),
        instance: None,
        protocol_type: None,
        protocol_name: None,
        assignments,
    });
    Ok(match cx.ask(cx.broker.group(command))? {
        Ok(GroupReply::Synced(Ok(synced))) => Some(synced.assignment),
        Ok(GroupReply::Synced(Err(_))) | Err(_) => None,
        Ok(other) => panic!("a sync was answered with {other:?}"),
    })
}

/// Goes on from the committed offset and commits; false when the group has moved on.
fn work(cx: &mut Context, partition: i32, membership: &Membership) -> Result<bool, Down> {
    let Some(topic) = cx.broker.topic(MEMBERS_TOPIC) else {
        return Ok(true);
    };
    let place = (topic.id, partition);
    let Some(from) = committed(cx, GROUP, &topic.name, partition)? else {
        return Ok(false);
    };
    let from = from.map_or(0, |offset| offset as u64);
    let reader = &topic.partitions[partition as usize];
    let process = &membership.process;
    cx.ledger.lock().history.assigned(process, place, from);
    match read_some(cx, process, reader, place, Kind::Kept, from)? {
        Some(next) if next > from => commit(cx, GROUP, &topic, place, next as i64, membership),
        _ => Ok(true),
    }
}

fn leave(cx: &Context, member: MemberId) -> Result<(), Down> {
    let command = GroupCommand::Leave(Leave {
        group: group(),
        members: vec![Leaver {
            member: Some(member),
            instance: None,
            reason: None,
        }],
    });
    // Whether it was still a member is no concern of who leaves.
    let _ = cx.ask(cx.broker.group(command))?;
    Ok(())
}
