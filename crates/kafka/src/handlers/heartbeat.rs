//! Heartbeat (key 12): a member's sign of life, and its way to learn that it has to join again.
//!
//! | version | change |
//! |---|---|
//! | 1 | throttle time |
//! | 3 | static members (KIP-345) |

use forebay_broker::group::{GroupCommand, GroupReply, Heartbeat, MemberId};

use super::{Call, coordinator};
use crate::errors;
use crate::protocol::ErrorCode;
use crate::protocol::generated::{HeartbeatRequest, HeartbeatResponse};

pub(crate) async fn handle(call: &Call<'_>, request: HeartbeatRequest<'_>) -> HeartbeatResponse {
    let error = beat(call, &request).await.err();
    HeartbeatResponse {
        error_code: error.unwrap_or(ErrorCode::None) as i16,
        ..HeartbeatResponse::default()
    }
}

async fn beat(call: &Call<'_>, request: &HeartbeatRequest<'_>) -> Result<(), ErrorCode> {
    let command = GroupCommand::Heartbeat(Heartbeat {
        group: coordinator::group_id(&request.group_id)?,
        generation: request.generation_id,
        member: MemberId::new(&request.member_id),
        instance: coordinator::instance_id(request.group_instance_id.as_deref())?,
    });
    let said = coordinator::ask(call, command, |reply| match reply {
        GroupReply::Heartbeat(result) => Some(result),
        _ => None,
    });
    said.await?.map_err(|error| errors::group(&error))
}
