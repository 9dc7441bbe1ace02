//! `/api/v1/groups/{id}`: one consumer group in full.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forebay_broker::GroupId;
use forebay_broker::group::{
    FetchOffsets, GroupCommand, GroupDescription, GroupReply, MemberDescription,
};
use serde::Serialize;

use super::ApiError;
use super::extract::Name;
use super::lag::{self, OffsetWithLag};
use crate::admin::Context;

/// A group in full.
#[derive(Serialize)]
pub(super) struct GroupDetail {
    id: String,
    state: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    protocol_type: Option<String>,
    /// The strategy by which its partitions are assigned; null unless the group is stable.
    protocol_name: Option<String>,
    /// All partitions' lag together.
    lag: u64,
    members: Vec<Member>,
    offsets: Vec<Offset>,
}

/// A member.
#[derive(Serialize)]
struct Member {
    id: String,
    instance_id: Option<String>,
    client_id: String,
    client_host: String,
}

/// How far the group has read in one partition.
#[derive(Serialize)]
struct Offset {
    topic: String,
    partition: u64,
    committed_offset: u64,
    /// Null if the partition does not exist.
    end_offset: Option<u64>,
    lag: Option<u64>,
    /// When it was committed, in milliseconds since the Unix epoch.
    committed_at_ms: i64,
    /// The client's own text.
    metadata: String,
}

impl From<&MemberDescription> for Member {
    fn from(member: &MemberDescription) -> Self {
        Self {
            id: member.member.to_string(),
            instance_id: member.instance.as_ref().map(ToString::to_string),
            client_id: member.client_id.to_string(),
            client_host: member.client_host.to_string(),
        }
    }
}

impl From<OffsetWithLag<'_>> for Offset {
    fn from(offset: OffsetWithLag<'_>) -> Self {
        Self {
            topic: offset.topic.to_string(),
            partition: offset.partition,
            committed_offset: offset.committed,
            end_offset: offset.end,
            lag: offset.lag,
            committed_at_ms: offset.stored.committed_ms,
            metadata: offset.stored.metadata.to_string(),
        }
    }
}

impl GroupDetail {
    fn new(group: &GroupDescription, offsets: Vec<Offset>) -> Self {
        Self {
            id: group.group.to_string(),
            state: group.state.as_str(),
            kind: group.group_type.as_str(),
            protocol_type: group.protocol_type.as_deref().map(str::to_owned),
            protocol_name: group.protocol_name.as_deref().map(str::to_owned),
            lag: offsets.iter().filter_map(|offset| offset.lag).sum(),
            members: group.members.iter().map(Member::from).collect(),
            offsets,
        }
    }
}

fn group_id(text: &str) -> Result<GroupId, ApiError> {
    GroupId::new(text).map_err(|error| ApiError::group_id(&error))
}

/// Shows a group.
pub(super) async fn get(
    State(context): State<Context>,
    Name(id): Name,
) -> Result<Json<GroupDetail>, ApiError> {
    let group = group_id(&id)?;
    let describe = GroupCommand::Describe {
        group: group.clone(),
    };
    let fetch = GroupCommand::FetchOffsets(FetchOffsets {
        group,
        partitions: None,
    });
    // Both on their way at once, so that both are seen at nearly the same moment.
    let (described, fetched) = (context.broker.group(describe), context.broker.group(fetch));
    let (GroupReply::Described(described), GroupReply::OffsetsFetched(fetched)) =
        (described.await?, fetched.await?)
    else {
        return Err(ApiError::internal());
    };
    let described = described.map_err(|error| ApiError::group(&id, &error))?;
    let offsets = lag::of(&context.broker, &fetched).map(Offset::from);
    Ok(Json(GroupDetail::new(&described, offsets.collect())))
}

/// Deletes a group without members, with its offsets.
pub(super) async fn delete(
    State(context): State<Context>,
    Name(id): Name,
) -> Result<StatusCode, ApiError> {
    let groups = vec![group_id(&id)?];
    let deleted = context
        .broker
        .group(GroupCommand::Delete { groups })
        .await?;
    let GroupReply::Deleted(mut deleted) = deleted else {
        return Err(ApiError::internal());
    };
    let (_, result) = deleted.pop().ok_or_else(ApiError::internal)?;
    result.map_err(|error| ApiError::group(&id, &error))?;
    Ok(StatusCode::NO_CONTENT)
}
