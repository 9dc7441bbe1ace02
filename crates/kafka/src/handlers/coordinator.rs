//! What the handlers of consumer groups share: asking the coordinator, and the ids on the wire.

use std::sync::Arc;

use forebay_broker::GroupId;
use forebay_broker::group::{GroupCommand, GroupReply, InstanceId};

use super::Call;
use crate::protocol::{ErrorCode, Str};

/// Asks the coordinator, and takes what it says out of its reply with `said`.
///
/// The question is put when this is called; the future only waits. Dropping it takes the question
/// back, so a join ends with its connection.
pub(super) fn ask<T>(
    call: &Call<'_>,
    command: GroupCommand,
    said: fn(GroupReply) -> Option<T>,
) -> impl Future<Output = Result<T, ErrorCode>> + Send + use<T> {
    let asked = call.broker().group(command);
    async move {
        // A broker that has stopped may be back soon: the client looks for it and tries again.
        let reply = asked
            .await
            .map_err(|_stopped| ErrorCode::CoordinatorNotAvailable)?;
        let said = said(reply);
        debug_assert!(said.is_some(), "a reply to another command");
        said.ok_or(ErrorCode::UnknownServerError)
    }
}

pub(super) fn group_id(text: &str) -> Result<GroupId, ErrorCode> {
    GroupId::new(text).map_err(|_| ErrorCode::InvalidGroupId)
}

/// The instance id of a static member, if the client is one (KIP-345).
pub(super) fn instance_id(text: Option<&str>) -> Result<Option<InstanceId>, ErrorCode> {
    text.map(InstanceId::new)
        .transpose()
        .map_err(|_| ErrorCode::InvalidRequest)
}

/// A text as the broker keeps it.
pub(super) fn shared(text: &str) -> Arc<str> {
    text.into()
}

/// The same for a text that may be absent.
pub(super) fn shared_option(text: Option<&Str<'_>>) -> Option<Arc<str>> {
    text.map(|text| shared(text))
}
