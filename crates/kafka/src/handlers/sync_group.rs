//! SyncGroup (key 14): the leader hands in the assignments, everybody gets theirs.
//!
//! | version | change |
//! |---|---|
//! | 1 | throttle time |
//! | 3 | static members (KIP-345) |
//! | 5 | protocol type and name, so that a member of another kind notices (KIP-559) |

use forebay_broker::group::{GroupCommand, GroupReply, MemberId, Sync, Synced};

use super::{Call, coordinator};
use crate::errors;
use crate::protocol::generated::{SyncGroupRequest, SyncGroupResponse};
use crate::protocol::{Blob, ErrorCode};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: SyncGroupRequest<'_>,
) -> SyncGroupResponse<'static> {
    match sync(call, request).await {
        Ok(synced) => SyncGroupResponse {
            error_code: ErrorCode::None as i16,
            protocol_type: Some(synced.protocol_type.into()),
            protocol_name: Some(synced.protocol_name.into()),
            assignment: Blob::from(synced.assignment),
            ..SyncGroupResponse::default()
        },
        Err(error) => SyncGroupResponse {
            error_code: error as i16,
            ..SyncGroupResponse::default()
        },
    }
}

async fn sync(call: &Call<'_>, request: SyncGroupRequest<'_>) -> Result<Synced, ErrorCode> {
    let protocol_type = coordinator::shared_option(request.protocol_type.as_ref());
    let protocol_name = coordinator::shared_option(request.protocol_name.as_ref());
    if call.version >= 5 && (protocol_type.is_none() || protocol_name.is_none()) {
        // The schema allows null, the proposal does not.
        return Err(ErrorCode::InconsistentGroupProtocol);
    }
    let assignments = request.assignments.into_iter().filter_map(|assigned| {
        // There is no member without an id, so nothing is lost.
        let member = MemberId::new(&assigned.member_id)?;
        Some((member, assigned.assignment.into_bytes()))
    });
    let command = GroupCommand::Sync(Sync {
        group: coordinator::group_id(&request.group_id)?,
        generation: request.generation_id,
        member: MemberId::new(&request.member_id),
        instance: coordinator::instance_id(request.group_instance_id.as_deref())?,
        protocol_type,
        protocol_name,
        assignments: assignments.collect(),
    });
    let said = coordinator::ask(call, command, |reply| match reply {
        GroupReply::Synced(result) => Some(result),
        _ => None,
    });
    said.await?.map_err(|error| errors::group(&error))
}
