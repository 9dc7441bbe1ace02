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

use super::authorized_operations as operations;
use super::{Call, coordinator};
use crate::errors;
use crate::protocol::generated::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use crate::protocol::generated::{DescribeGroupsRequest, DescribeGroupsResponse};
use crate::protocol::{Blob, ErrorCode, Str};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: DescribeGroupsRequest<'_>,
) -> DescribeGroupsResponse<'static> {
    let asked = request.include_authorized_operations;
    // All are asked for before the first is waited for.
    let questions: Vec<_> = request
        .groups
        .into_iter()
        .map(|name| {
            // As in Kafka, an id that no group can have is that of a group that is not there.
            let question = GroupId::new(&name).ok().map(|group| ask(call, group));
            (name.into_static(), question)
        })
        .collect();
    let mut groups = Vec::with_capacity(questions.len());
    for (name, question) in questions {
        let said = match question {
            Some(said) => said.await,
            None => Ok(Err(GroupError::GroupIdNotFound)),
        };
        let mut group = match said {
            Ok(Ok(group)) => described(name, group),
            Ok(Err(GroupError::GroupIdNotFound)) => missing(call.version, name),
            Ok(Err(error)) => refused(call.version, name, errors::group(&error)),
            Err(error) => refused(call.version, name, error),
        };
        if group.error_code == ErrorCode::None as i16 {
            group.authorized_operations = operations::if_asked(asked, operations::GROUP);
        }
        groups.push(group);
    }
    DescribeGroupsResponse {
        groups,
        ..DescribeGroupsResponse::default()
    }
}

fn ask(
    call: &Call<'_>,
    group: GroupId,
) -> impl Future<Output = Result<Result<GroupDescription, GroupError>, ErrorCode>> + Send + use<> {
    coordinator::ask(
        call,
        GroupCommand::Describe { group },
        |reply| match reply {
            GroupReply::Described(result) => Some(result),
            _ => None,
        },
    )
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
