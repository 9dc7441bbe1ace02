//! Being a member of a consumer group, by the classic protocol.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Client;
use super::assignment::{self, RANGE};
use super::cluster::{Lane, Reply};
use super::committed::{Committer, NewOffset};
use super::error::{ClientError, Subject};
use super::retry::{Attempts, Repeat};
use crate::protocol::generated::join_group_request::JoinGroupRequestProtocol;
use crate::protocol::generated::leave_group_request::MemberIdentity;
use crate::protocol::generated::sync_group_request::SyncGroupRequestAssignment;
use crate::protocol::generated::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use crate::protocol::{Blob, ErrorCode, Reader, Request, Str};

/// The protocol type of consumers.
const CONSUMER: &str = "consumer";

/// How a member keeps its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberOptions {
    /// Without a heartbeat for this long the broker takes the member for gone.
    pub session_timeout: Duration,
    /// How long members have to join again when the group changes.
    pub rebalance_timeout: Duration,
}

impl Default for MemberOptions {
    /// A short session: whoever watches a terminal does not wait 45 seconds for a group to notice.
    fn default() -> Self {
        Self {
            session_timeout: Duration::from_secs(10),
            rebalance_timeout: Duration::from_secs(60),
        }
    }
}

/// What a heartbeat learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// All is as it was.
    Steady,
    /// The group is changing: commit, then [`Member::join`] again.
    Rejoin,
}

/// A member of a group.
pub struct Member {
    client: Client,
    lane: Lane,
    group: String,
    topics: Vec<String>,
    options: MemberOptions,
    id: String,
    generation: i32,
}

/// How an attempt to join ended when it did not fail.
enum Joined {
    Assigned(BTreeMap<String, Vec<i32>>),
    /// The broker wants the member to come again, knowing something now.
    Again,
}

impl Client {
    /// A member to be of a group. Nothing is sent before [`Member::join`].
    pub fn member(&self, group: &str, topics: &[String], options: MemberOptions) -> Member {
        Member {
            client: self.clone(),
            lane: self.cluster.member_lane(),
            group: group.to_owned(),
            topics: topics.to_vec(),
            options,
            id: String::new(),
            generation: -1,
        }
    }
}

impl Member {
    /// Joins the group, or joins again, and waits for what it is given to read: partitions by topic.
    /// A leader assigns ranges.
    ///
    /// # Errors
    /// When the coordinator refuses for good, or the others take longer than they may.
    pub async fn join(&mut self) -> Result<BTreeMap<String, Vec<i32>>, ClientError> {
        let client = self.client.clone();
        let time = client.cluster.options().timeout + self.options.rebalance_timeout;
        let what = format!("join group {}", self.group);
        let mut attempts = Attempts::new(what, Repeat::Lost, time);
        loop {
            match attempts.attempt(&client, self.join_once()).await {
                Some(Ok(Joined::Assigned(partitions))) => return Ok(partitions),
                Some(Ok(Joined::Again)) | None => {}
                Some(Err(error)) => return Err(error),
            }
        }
    }

    async fn join_once(&mut self) -> Result<Joined, ClientError> {
        let metadata = assignment::subscription(&self.topics)
            .map_err(|error| ClientError::unsayable(&self.group, &error))?;
        let request = JoinGroupRequest {
            group_id: Str::Owned(self.group.clone()),
            session_timeout_ms: millis(self.options.session_timeout),
            rebalance_timeout_ms: millis(self.options.rebalance_timeout),
            member_id: Str::Owned(self.id.clone()),
            protocol_type: Str::from(CONSUMER),
            protocols: vec![JoinGroupRequestProtocol {
                name: Str::from(RANGE),
                metadata: Blob::from(metadata),
            }],
            ..JoinGroupRequest::default()
        };
        let reply = self.call(&request).await?;
        let response: JoinGroupResponse<'_> = reply.read()?;
        match ErrorCode::from_code(response.error_code) {
            // The broker remembers nobody who has not come twice (KIP-394).
            Some(ErrorCode::MemberIdRequired) => {
                self.id = response.member_id.to_string();
                return Ok(Joined::Again);
            }
            Some(ErrorCode::UnknownMemberId) => {
                self.id.clear();
                return Ok(Joined::Again);
            }
            _ => self.check(response.error_code)?,
        }
        self.id = response.member_id.to_string();
        self.generation = response.generation_id;
        let assignments = if response.leader == response.member_id {
            self.assign(&reply, &response).await?
        } else {
            Vec::new()
        };
        self.sync(assignments).await
    }

    /// As the leader: who reads what.
    async fn assign<'q>(
        &self,
        reply: &Reply<JoinGroupRequest<'q>>,
        response: &JoinGroupResponse<'_>,
    ) -> Result<Vec<SyncGroupRequestAssignment<'static>>, ClientError> {
        let mut members = BTreeMap::new();
        for member in &response.members {
            let topics = assignment::read_subscription(Reader::new(&member.metadata));
            let topics = topics.map_err(|error| reply.undecodable(&error))?;
            members.insert(member.member_id.to_string(), topics);
        }
        let topics: BTreeSet<&str> = members.values().flatten().map(String::as_str).collect();
        let names: Vec<&str> = topics.into_iter().collect();
        let found = self.client.cluster.topics(Some(&names), false).await?;
        // A topic that is not there (yet) has nothing to assign.
        let counts = found
            .into_iter()
            .flatten()
            .map(|topic| (topic.name, topic.partitions.len() as i32))
            .collect();
        let assigned = assignment::range(&members, &counts);
        let assignment = |(member_id, partitions)| {
            let bytes = assignment::assignment(&partitions)
                .map_err(|error| ClientError::unsayable(&self.group, &error))?;
            Ok(SyncGroupRequestAssignment {
                member_id: Str::Owned(member_id),
                assignment: Blob::from(bytes),
            })
        };
        assigned.into_iter().map(assignment).collect()
    }

    async fn sync(
        &mut self,
        assignments: Vec<SyncGroupRequestAssignment<'static>>,
    ) -> Result<Joined, ClientError> {
        let request = SyncGroupRequest {
            group_id: Str::Owned(self.group.clone()),
            generation_id: self.generation,
            member_id: Str::Owned(self.id.clone()),
            protocol_type: Some(Str::from(CONSUMER)),
            protocol_name: Some(Str::from(RANGE)),
            assignments,
            ..SyncGroupRequest::default()
        };
        let reply = self.call(&request).await?;
        let response: SyncGroupResponse<'_> = reply.read()?;
        match ErrorCode::from_code(response.error_code) {
            Some(ErrorCode::RebalanceInProgress | ErrorCode::IllegalGeneration) => {
                return Ok(Joined::Again);
            }
            Some(ErrorCode::UnknownMemberId) => {
                self.id.clear();
                return Ok(Joined::Again);
            }
            _ => self.check(response.error_code)?,
        }
        let partitions = assignment::read(Reader::new(&response.assignment))
            .map_err(|error| reply.undecodable(&error))?;
        Ok(Joined::Assigned(partitions))
    }

    /// Tells the coordinator that the member is there; to be called several times a session.
    ///
    /// # Errors
    /// When the coordinator cannot be asked.
    pub async fn heartbeat(&mut self) -> Result<Beat, ClientError> {
        let what = format!("heartbeat of group {}", self.group);
        self.client
            .attempts(what, Repeat::Lost, || async {
                let request = HeartbeatRequest {
                    group_id: Str::from(&self.group),
                    generation_id: self.generation,
                    member_id: Str::from(&self.id),
                    group_instance_id: None,
                };
                let reply = self.call(&request).await?;
                let response: HeartbeatResponse = reply.read()?;
                match ErrorCode::from_code(response.error_code) {
                    Some(
                        ErrorCode::RebalanceInProgress
                        | ErrorCode::IllegalGeneration
                        | ErrorCode::UnknownMemberId,
                    ) => Ok(Beat::Rejoin),
                    _ => self.check(response.error_code).map(|()| Beat::Steady),
                }
            })
            .await
    }

    /// Commits what was read, as long as the member is one.
    ///
    /// # Errors
    /// `REBALANCE_IN_PROGRESS`, `ILLEGAL_GENERATION` or `UNKNOWN_MEMBER_ID` when the group has
    /// moved on: [`ClientError::code`].
    pub async fn commit(&self, offsets: &[NewOffset]) -> Result<(), ClientError> {
        let committer = Committer {
            generation: self.generation,
            member_id: &self.id,
        };
        let what = format!("commit the offsets of group {}", self.group);
        self.client
            .attempts(what, Repeat::Lost, || async {
                let coordinator = self.client.cluster.coordinator(&self.group).await?;
                self.client
                    .commit_as(coordinator, self.lane, &self.group, &committer, offsets)
                    .await
            })
            .await
    }

    /// Leaves the group, so that the others need not wait for the session to end.
    ///
    /// # Errors
    /// When the coordinator cannot be told; the session ends nevertheless.
    pub async fn leave(self) -> Result<(), ClientError> {
        if self.id.is_empty() {
            return Ok(());
        }
        let what = format!("leave group {}", self.group);
        self.client
            .attempts(what, Repeat::Lost, || async {
                let request = LeaveGroupRequest {
                    group_id: Str::from(&self.group),
                    members: vec![MemberIdentity {
                        member_id: Str::from(&self.id),
                        ..MemberIdentity::default()
                    }],
                    ..LeaveGroupRequest::default()
                };
                let reply = self.call(&request).await?;
                let response: LeaveGroupResponse<'_> = reply.read()?;
                self.check(response.error_code)
            })
            .await
    }

    /// The id that the broker gave the member; empty before it joined.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Asks the coordinator, on the member's own connection.
    async fn call<'q, Q: Request<'q>>(&self, request: &Q) -> Result<Reply<Q>, ClientError> {
        let coordinator = self.client.cluster.coordinator(&self.group).await?;
        self.client
            .cluster
            .call(coordinator, self.lane, request)
            .await
    }

    fn check(&self, code: i16) -> Result<(), ClientError> {
        ClientError::check(code, None, Subject::Group(self.group.clone()))
    }
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
