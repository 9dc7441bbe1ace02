//! DescribeGroups (key 15): groups in full.
//!
//! | version | change |
//! |---|---|
//! | 1 | throttle time |
//! | 3 | authorized operations (KIP-430) |
//! | 4 | instance ids of static members (KIP-345) |
//! | 6 | a group that is not there is an error with a message (KIP-1043); before, it is dead |

use forebay_broker::GroupId;
use forebay_broker::group::{
    GroupCommand, GroupDescription, GroupError, GroupReply, GroupState, MemberDescription,
};
use futures_util::stream::{FuturesOrdered, StreamExt};

use super::authorized_operations as operations;
use super::{Call, coordinator};
use crate::errors;
use crate::limits::GROUPS_ASKED_AT_ONCE;
use crate::protocol::generated::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use crate::protocol::generated::{DescribeGroupsRequest, DescribeGroupsResponse};
use crate::protocol::{Blob, ErrorCode, Str};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: DescribeGroupsRequest<'_>,
) -> DescribeGroupsResponse<'static> {
    let mut groups = Vec::with_capacity(request.groups.len());
    let mut asked = FuturesOrdered::new();
    for name in request.groups {
        if asked.len() == GROUPS_ASKED_AT_ONCE {
            groups.extend(asked.next().await);
        }
        asked.push_back(describe(call, name.into_static()));
    }
    while let Some(group) = asked.next().await {
        groups.push(group);
    }
    let told = groups
        .iter_mut()
        .filter(|group| group.error_code == ErrorCode::None as i16);
    for group in told {
        group.authorized_operations =
            operations::if_asked(request.include_authorized_operations, operations::GROUP);
    }
    DescribeGroupsResponse {
        groups,
        ..DescribeGroupsResponse::default()
    }
}

async fn describe(call: &Call<'_>, name: Str<'static>) -> DescribedGroup<'static> {
    // As in Kafka, an id that no group can have is that of a group that is not there.
    let Ok(group) = GroupId::new(&name) else {
        return missing(call.version, name);
    };
    let said = coordinator::ask(
        call,
        GroupCommand::Describe { group },
        |reply| match reply {
            GroupReply::Described(result) => Some(result),
            _ => None,
        },
    );
    match said.await {
        Ok(Ok(group)) => described(name, group),
        Ok(Err(GroupError::GroupIdNotFound)) => missing(call.version, name),
        Ok(Err(error)) => refused(call.version, name, errors::group(&error)),
        Err(error) => refused(call.version, name, error),
    }
}

fn described(group_id: Str<'static>, group: GroupDescription) -> DescribedGroup<'static> {
    DescribedGroup {
        group_id,
        group_state: group.state.as_str().into(),
        protocol_type: group.protocol_type.map(Str::from).unwrap_or_default(),
        protocol_data: group.protocol_name.map(Str::from).unwrap_or_default(),
        members: group.members.into_iter().map(member).collect(),
        ..DescribedGroup::default()
    }
}

fn member(member: MemberDescription) -> DescribedGroupMember<'static> {
    DescribedGroupMember {
        member_id: member.member.as_str().to_owned().into(),
        group_instance_id: member.instance.map(|id| id.as_str().to_owned().into()),
        client_id: member.client_id.into(),
        client_host: member.client_host.into(),
        member_metadata: Blob::from(member.metadata),
        member_assignment: Blob::from(member.assignment),
    }
}

fn missing(version: i16, group_id: Str<'static>) -> DescribedGroup<'static> {
    let group = if version >= 6 {
        refused(version, group_id, ErrorCode::GroupIdNotFound)
    } else {
        DescribedGroup {
            group_id,
            ..DescribedGroup::default()
        }
    };
    DescribedGroup {
        group_state: GroupState::Dead.as_str().into(),
        ..group
    }
}

fn refused(version: i16, group_id: Str<'static>, error: ErrorCode) -> DescribedGroup<'static> {
    DescribedGroup {
        error_code: error as i16,
        error_message: (version >= 6).then(|| error.message().into()),
        group_id,
        ..DescribedGroup::default()
    }
}
