//! DeleteGroups (key 42): forget groups that have no members, and how far they have read (KIP-229).
//!
//! | version | change |
//! |---|---|
//! | 1 | nothing but how throttled clients behave (KIP-219) |
//! | 2 | flexible |

use forebay_broker::GroupId;
use forebay_broker::group::{GroupCommand, GroupReply};
use hashbrown::HashSet;

use super::{Call, coordinator};
use crate::errors;
use crate::protocol::generated::delete_groups_response::DeletableGroupResult;
use crate::protocol::generated::{DeleteGroupsRequest, DeleteGroupsResponse};
use crate::protocol::{ErrorCode, Str};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: DeleteGroupsRequest<'_>,
) -> DeleteGroupsResponse<'static> {
    let mut seen = HashSet::new();
    let mut groups = Vec::with_capacity(request.groups_names.len());
    let mut results = Vec::with_capacity(request.groups_names.len());
    for name in &request.groups_names {
        // As in Kafka, a group has one result however often it is named.
        if !seen.insert(name.as_str()) {
            continue;
        }
        match GroupId::new(name) {
            Ok(id) => groups.push(id),
            // Refused as in Kafka, which takes any id for that of a group that may exist.
            Err(_) => results.push(result(
                name.clone().into_static(),
                ErrorCode::GroupIdNotFound,
            )),
        }
    }
    results.extend(delete(call, groups).await);
    DeleteGroupsResponse {
        results,
        ..DeleteGroupsResponse::default()
    }
}

async fn delete(call: &Call<'_>, groups: Vec<GroupId>) -> Vec<DeletableGroupResult<'static>> {
    let command = GroupCommand::Delete {
        groups: groups.clone(),
    };
    let said = coordinator::ask(call, command, |reply| match reply {
        GroupReply::Deleted(results) => Some(results),
        _ => None,
    });
    match said.await {
        Ok(deleted) => deleted
            .into_iter()
            .map(|(group, deleted)| {
                let error = deleted.err().map(|error| errors::group(&error));
                result(group.shared().into(), error.unwrap_or(ErrorCode::None))
            })
            .collect(),
        Err(error) => groups
            .into_iter()
            .map(|group| result(group.shared().into(), error))
            .collect(),
    }
}

fn result(group_id: Str<'static>, error: ErrorCode) -> DeletableGroupResult<'static> {
    DeletableGroupResult {
        group_id,
        error_code: error as i16,
    }
}
