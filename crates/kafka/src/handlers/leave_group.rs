//! LeaveGroup (key 13): leave a group, or have others leave it.
//!
//! | version | change |
//! |---|---|
//! | 1 | throttle time |
//! | 3 | several members, also by instance id alone (KIP-345); before, the one member's result is the whole answer |
//! | 5 | reason (KIP-800) |

use forebay_broker::group::{
    GroupCommand, GroupError, GroupReply, InstanceId, Leave, Leaver, Left, MemberId,
};

use super::{Call, coordinator};
use crate::errors;
use crate::protocol::generated::leave_group_request::MemberIdentity;
use crate::protocol::generated::leave_group_response::MemberResponse;
use crate::protocol::generated::{LeaveGroupRequest, LeaveGroupResponse};
use crate::protocol::{ErrorCode, Str};

pub(crate) async fn handle(
    call: &Call<'_>,
    mut request: LeaveGroupRequest<'_>,
) -> LeaveGroupResponse<'static> {
    if call.version < 3 {
        let member_id = std::mem::take(&mut request.member_id);
        request.members = vec![MemberIdentity {
            member_id,
            ..MemberIdentity::default()
        }];
    }
    match leave(call, request).await {
        Ok(members) if call.version < 3 => LeaveGroupResponse {
            error_code: members.first().map_or(0, |member| member.error_code),
            ..LeaveGroupResponse::default()
        },
        Ok(members) => LeaveGroupResponse {
            members,
            ..LeaveGroupResponse::default()
        },
        Err(error) => LeaveGroupResponse {
            error_code: error as i16,
            ..LeaveGroupResponse::default()
        },
    }
}

async fn leave(
    call: &Call<'_>,
    request: LeaveGroupRequest<'_>,
) -> Result<Vec<MemberResponse<'static>>, ErrorCode> {
    let group = coordinator::group_id(&request.group_id)?;
    let mut leavers = Vec::with_capacity(request.members.len());
    // Each begins as what it is if the coordinator has nothing to say about it: unknown.
    let mut answers = Vec::with_capacity(request.members.len());
    for identity in request.members {
        let leaver = leaver(&identity);
        let is_possible = leaver.is_some();
        leavers.extend(leaver);
        let answer = MemberResponse {
            member_id: identity.member_id.into_static(),
            group_instance_id: identity.group_instance_id.map(Str::into_static),
            error_code: ErrorCode::UnknownMemberId as i16,
        };
        answers.push((answer, is_possible));
    }
    let command = GroupCommand::Leave(Leave {
        group,
        members: leavers,
    });
    let said = coordinator::ask(call, command, |reply| match reply {
        GroupReply::Left(result) => Some(result),
        _ => None,
    });
    let mut left = match said.await? {
        Ok(left) => left.into_iter(),
        // The group is not there, and so is none of the members.
        Err(GroupError::UnknownMemberId) => Vec::new().into_iter(),
        Err(error) => return Err(errors::group(&error)),
    };
    Ok(answers
        .into_iter()
        .map(|(mut answer, is_possible)| {
            if is_possible && let Some(Left { result, .. }) = left.next() {
                let error = result.err().map(|error| errors::group(&error));
                answer.error_code = error.unwrap_or(ErrorCode::None) as i16;
            }
            answer
        })
        .collect())
}

/// Who is to leave, or nobody if no member can have that instance id.
fn leaver(identity: &MemberIdentity<'_>) -> Option<Leaver> {
    let instance = identity.group_instance_id.as_deref().map(InstanceId::new);
    Some(Leaver {
        member: MemberId::new(&identity.member_id),
        instance: instance.transpose().ok()?,
        reason: coordinator::shared_option(identity.reason.as_ref()),
    })
}
