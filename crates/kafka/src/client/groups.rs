//! Consumer groups seen from outside.

use std::collections::BTreeMap;

use super::Client;
use super::assignment;
use super::cluster::Lane;
use super::error::{ClientError, Subject};
use super::retry::Repeat;
use crate::protocol::generated::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use crate::protocol::generated::{
    DescribeGroupsRequest, DescribeGroupsResponse, ListGroupsRequest, ListGroupsResponse,
};
use crate::protocol::{Reader, Str};

/// The state that a group is in when there is none: how brokers said so before version 6.
const DEAD: &str = "Dead";

/// A group in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupListing {
    /// Its name.
    pub name: String,
    /// What kind of group it is: `consumer` for consumers, empty if it only has offsets.
    pub protocol_type: String,
    /// Its state, such as `Stable` or `Empty`; empty if the broker does not say.
    pub state: String,
}

/// A group with its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its name.
    pub name: String,
    /// Its state, such as `Stable` or `Empty`.
    pub state: String,
    /// What kind of group it is.
    pub protocol_type: String,
    /// How partitions are assigned, such as `range`; empty if there are no members.
    pub assignor: String,
    /// The members, by id.
    pub members: Vec<GroupMember>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// The id that the broker gave it.
    pub id: String,
    /// The id that it has kept over restarts, if it has one.
    pub instance_id: Option<String>,
    /// What its client calls itself.
    pub client_id: String,
    /// Where it connects from.
    pub host: String,
    /// The partitions that it reads, by topic; empty also if they cannot be understood.
    pub assignment: BTreeMap<String, Vec<i32>>,
}

impl Client {
    /// Every group, by name.
    ///
    /// # Errors
    /// When a broker refuses or does not answer: a list that lacks some would mislead.
    pub async fn list_groups(&self) -> Result<Vec<GroupListing>, ClientError> {
        self.attempts("list groups", Repeat::Lost, || async {
            let mut groups = Vec::new();
            // Each broker knows those that it coordinates.
            for broker in self.cluster.brokers().await? {
                let request = ListGroupsRequest::default();
                let reply = self.cluster.call(broker, Lane::Control, &request).await?;
                let response: ListGroupsResponse<'_> = reply.read()?;
                ClientError::check(response.error_code, None, Subject::Cluster)?;
                groups.extend(response.groups.iter().map(|group| GroupListing {
                    name: group.group_id.to_string(),
                    protocol_type: group.protocol_type.to_string(),
                    state: group.group_state.to_string(),
                }));
            }
            groups.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(groups)
        })
        .await
    }

    /// One group.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if there is none of that name.
    pub async fn describe_group(&self, name: &str) -> Result<GroupDescription, ClientError> {
        let what = format!("describe group {name}");
        self.attempts(what, Repeat::Lost, || async {
            let coordinator = self.cluster.coordinator(name).await?;
            let request = DescribeGroupsRequest {
                groups: vec![Str::from(name)],
                include_authorized_operations: false,
            };
            let reply = self
                .cluster
                .call(coordinator, Lane::Control, &request)
                .await?;
            let response: DescribeGroupsResponse<'_> = reply.read()?;
            let subject = Subject::Group(name.to_owned());
            let Some(found) = response.groups.first() else {
                return Err(reply.missing(&subject));
            };
            let message = found.error_message.as_deref();
            ClientError::check(found.error_code, message, subject.clone())?;
            if found.group_state == DEAD {
                return Err(ClientError::NotFound(subject));
            }
            Ok(description(found))
        })
        .await
    }
}

fn description(group: &DescribedGroup<'_>) -> GroupDescription {
    let mut members: Vec<_> = group.members.iter().map(member).collect();
    members.sort_by(|a, b| a.id.cmp(&b.id));
    GroupDescription {
        name: group.group_id.to_string(),
        state: group.group_state.to_string(),
        protocol_type: group.protocol_type.to_string(),
        assignor: group.protocol_data.to_string(),
        members,
    }
}

fn member(member: &DescribedGroupMember<'_>) -> GroupMember {
    GroupMember {
        id: member.member_id.to_string(),
        instance_id: member.group_instance_id.as_ref().map(ToString::to_string),
        client_id: member.client_id.to_string(),
        // Java brokers print addresses with the slash of `InetAddress.toString`.
        host: member.client_host.trim_start_matches('/').to_owned(),
        // Members of other protocols (Kafka Connect) say something else there.
        assignment: assignment::read(Reader::new(&member.member_assignment)).unwrap_or_default(),
    }
}
