//! JoinGroup (key 11): become or stay a member of a group's next generation. Answered when that
//! generation begins.
//!
//! | version | change |
//! |---|---|
//! | 1 | rebalance time-out of its own (KIP-62); before, the session time-out serves as both |
//! | 2 | throttle time |
//! | 4 | a new dynamic member is told its id first (KIP-394) |
//! | 5 | static members (KIP-345) |
//! | 7 | protocol type in the answer (KIP-559) |
//! | 8 | reason (KIP-800) |
//! | 9 | a leader may be told not to assign (KIP-814) |

use std::time::Duration;

use forebay_broker::group::{
    GroupCommand, GroupError, GroupReply, Join, Joined, JoinedMember, MemberId, Protocol,
};

use super::{Call, coordinator};
use crate::errors;
use crate::protocol::generated::join_group_response::JoinGroupResponseMember;
use crate::protocol::generated::{JoinGroupRequest, JoinGroupResponse};
use crate::protocol::{Blob, ErrorCode, Str};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: JoinGroupRequest<'_>,
) -> JoinGroupResponse<'static> {
    // Whoever is refused keeps the id it came with.
    let asked_as = request.member_id.clone().into_static();
    let said = match command(call, request) {
        Ok(command) => {
            let said = coordinator::ask(call, command, |reply| match reply {
                GroupReply::Joined(result) => Some(result),
                _ => None,
            });
            said.await
        }
        Err(error) => Err(error),
    };
    match said {
        Ok(Ok(joined)) => accepted(joined),
        Ok(Err(GroupError::MemberIdRequired { member_id })) => {
            refused(call.version, ErrorCode::MemberIdRequired, text(&member_id))
        }
        Ok(Err(error)) => refused(call.version, errors::group(&error), asked_as),
        Err(error) => refused(call.version, error, asked_as),
    }
}

fn command(call: &Call<'_>, request: JoinGroupRequest<'_>) -> Result<GroupCommand, ErrorCode> {
    let protocols = request.protocols.into_iter().map(|protocol| Protocol {
        name: coordinator::shared(&protocol.name),
        metadata: protocol.metadata.into_bytes(),
    });
    let rebalance_timeout_ms = match call.version {
        0 => request.session_timeout_ms,
        _ => request.rebalance_timeout_ms,
    };
    Ok(GroupCommand::Join(Join {
        group: coordinator::group_id(&request.group_id)?,
        member: MemberId::new(&request.member_id),
        instance: coordinator::instance_id(request.group_instance_id.as_deref())?,
        client_id: coordinator::shared(call.client_id.unwrap_or_default()),
        client_host: call.context.client_host.clone(),
        session_timeout: timeout(request.session_timeout_ms),
        rebalance_timeout: timeout(rebalance_timeout_ms),
        protocol_type: coordinator::shared(&request.protocol_type),
        protocols: protocols.collect(),
        requires_known_member_id: call.version >= 4,
        supports_skip_assignment: call.version >= 9,
        new_member_suffix: call.broker().random(),
        reason: coordinator::shared_option(request.reason.as_ref()),
    }))
}

/// A negative time-out is over at once.
fn timeout(milliseconds: i32) -> Duration {
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
}

fn accepted(joined: Joined) -> JoinGroupResponse<'static> {
    JoinGroupResponse {
        error_code: ErrorCode::None as i16,
        generation_id: joined.generation,
        protocol_type: Some(joined.protocol_type.into()),
        protocol_name: Some(joined.protocol_name.into()),
        leader: text(&joined.leader),
        // The coordinator says so only to clients that understand it.
        skip_assignment: joined.skip_assignment,
        member_id: text(&joined.member),
        members: joined.members.into_iter().map(member).collect(),
        ..JoinGroupResponse::default()
    }
}

fn member(joined: JoinedMember) -> JoinGroupResponseMember<'static> {
    JoinGroupResponseMember {
        member_id: text(&joined.member),
        group_instance_id: joined.instance.map(|id| id.as_str().to_owned().into()),
        metadata: Blob::from(joined.metadata),
    }
}

fn refused(version: i16, error: ErrorCode, member_id: Str<'static>) -> JoinGroupResponse<'static> {
    JoinGroupResponse {
        error_code: error as i16,
        // Before version 7 it cannot be null.
        protocol_name: (version < 7).then(Str::default),
        member_id,
        ..JoinGroupResponse::default()
    }
}

fn text(id: &MemberId) -> Str<'static> {
    id.as_str().to_owned().into()
}
