//! From a request's bytes to its handler and back.

use std::future::Future;
use std::pin::Pin;

use bytes::BytesMut;

use crate::handlers as h;
use crate::protocol::generated as m;
use crate::protocol::{ApiKey, DecodeError, EncodeError, Request, Rope, api};
use crate::session::{Context, SessionError};
use crate::versions::is_served;

/// What goes back to the client: nothing for a produce request that asks for no acknowledgement.
pub(crate) struct Answer {
    pub(crate) rope: Option<Rope>,
}

/// Whether a request is a produce request, by its first bytes.
pub(crate) fn is_produce(frame: &[u8]) -> bool {
    frame.starts_with(&i16::from(ApiKey::Produce).to_be_bytes())
}

/// Puts a request to work. What a produce request brings is in the broker's hands when this
/// returns; everything else begins when the future is polled.
pub(crate) fn start(
    context: Context,
    frame: BytesMut,
) -> Pin<Box<dyn Future<Output = Result<Answer, SessionError>> + Send>> {
    let started = context.shared.broker.now().monotonic;
    if is_produce(&frame) {
        let work = h::produce::start(&context, frame);
        return Box::pin(async move {
            let answer = work?.await?;
            observe(&context, ApiKey::Produce, started);
            Ok(answer)
        });
    }
    Box::pin(async move {
        let (key, rope) = answer(&context, &frame).await?;
        observe(&context, key, started);
        Ok(Answer { rope: Some(rope) })
    })
}

fn observe(context: &Context, key: ApiKey, started: std::time::Duration) {
    let now = context.shared.broker.now().monotonic;
    let metrics = &context.shared.metrics;
    metrics.answered(key, now.saturating_sub(started));
}

impl From<DecodeError> for SessionError {
    fn from(error: DecodeError) -> Self {
        Self::Protocol(format!("malformed request: {error}"))
    }
}

impl From<EncodeError> for SessionError {
    fn from(error: EncodeError) -> Self {
        Self::Protocol(format!("the answer cannot be written: {error}"))
    }
}

/// Reads the header of a request that is served at its version.
pub(crate) fn head(frame: &[u8]) -> Result<api::RequestHead<'_>, SessionError> {
    let head = api::decode_request_header(frame)?;
    if !is_served(head.key, head.version) {
        // As Kafka does: a client that asked ApiVersions does not come here.
        let what = format!("{:?} version {} is not served", head.key, head.version);
        return Err(SessionError::Protocol(what));
    }
    Ok(head)
}

async fn answer(context: &Context, frame: &[u8]) -> Result<(ApiKey, Rope), SessionError> {
    let unchecked = api::decode_request_header(frame)?;
    if unchecked.key == ApiKey::ApiVersions {
        return Ok((ApiKey::ApiVersions, h::api_versions::answer(unchecked)?));
    }
    let head = head(frame)?;
    let key = head.key;
    macro_rules! handlers {
        ($($key:ident => $module:ident, $request:ident;)*) => {
            match key {
                $(ApiKey::$key => {
                    let version = head.version;
                    let correlation_id = head.header.correlation_id;
                    let client_id = head.header.client_id.clone();
                    let request: m::$request = body(head)?;
                    let call = h::Call { context, version, client_id: client_id.as_deref() };
                    let response = h::$module::handle(&call, request).await;
                    api::encode_response(version, correlation_id, &response)?
                })*
                other => {
                    let what = format!("{other:?} is not served");
                    return Err(SessionError::Protocol(what));
                }
            }
        };
    }
    let rope = handlers! {
        Metadata => metadata, MetadataRequest;
        FindCoordinator => find_coordinator, FindCoordinatorRequest;
        InitProducerId => init_producer_id, InitProducerIdRequest;
        ListOffsets => list_offsets, ListOffsetsRequest;
        Fetch => fetch, FetchRequest;
        JoinGroup => join_group, JoinGroupRequest;
        SyncGroup => sync_group, SyncGroupRequest;
        Heartbeat => heartbeat, HeartbeatRequest;
        LeaveGroup => leave_group, LeaveGroupRequest;
        OffsetCommit => offset_commit, OffsetCommitRequest;
        OffsetFetch => offset_fetch, OffsetFetchRequest;
        OffsetDelete => offset_delete, OffsetDeleteRequest;
        DescribeGroups => describe_groups, DescribeGroupsRequest;
        ListGroups => list_groups, ListGroupsRequest;
        DeleteGroups => delete_groups, DeleteGroupsRequest;
        CreateTopics => create_topics, CreateTopicsRequest;
        DeleteTopics => delete_topics, DeleteTopicsRequest;
        DeleteRecords => delete_records, DeleteRecordsRequest;
        OffsetForLeaderEpoch => offset_for_leader_epoch, OffsetForLeaderEpochRequest;
        DescribeConfigs => describe_configs, DescribeConfigsRequest;
        AlterConfigs => alter_configs, AlterConfigsRequest;
        DescribeLogDirs => describe_log_dirs, DescribeLogDirsRequest;
        CreatePartitions => create_partitions, CreatePartitionsRequest;
        IncrementalAlterConfigs => incremental_alter_configs, IncrementalAlterConfigsRequest;
        DescribeCluster => describe_cluster, DescribeClusterRequest;
        ListConfigResources => list_config_resources, ListConfigResourcesRequest;
        DescribeTopicPartitions => describe_topic_partitions, DescribeTopicPartitionsRequest;
    };
    Ok((key, rope))
}

fn body<'a, T: Request<'a>>(head: api::RequestHead<'a>) -> Result<T, SessionError> {
    Ok(head.decode_body::<T>()?)
}
