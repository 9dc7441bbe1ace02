//! From a request's bytes to its handler and back.

use std::future::Future;
use std::pin::Pin;

use bytes::BytesMut;
use tokio::sync::OwnedSemaphorePermit;

use crate::answer_memory::Held;
use crate::handlers as h;
use crate::protocol::generated as m;
use crate::protocol::{ApiKey, DecodeError, EncodeError, Request, Rope, api};
use crate::session::{Context, SessionError};
use crate::versions::is_served;

/// What goes back to the client.
pub(crate) struct Answer {
    /// Nothing for a produce request that asks for no acknowledgement.
    pub(crate) rope: Option<Rope>,
    /// Its memory, until it is out.
    pub(crate) held: Held,
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
            let rope = work?.await?;
            observe(&context, ApiKey::Produce, started);
            let held = context
                .shared
                .answer_memory
                .hold(rope.as_ref().map_or(0, Rope::len));
            Ok(Answer { rope, held })
        });
    }
    Box::pin(async move {
        let (key, rope, held) = answer(&context, &frame).await?;
        observe(&context, key, started);
        let rope = Some(rope);
        Ok(Answer { rope, held })
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

async fn answer(context: &Context, frame: &[u8]) -> Result<(ApiKey, Rope, Held), SessionError> {
    let unchecked = api::decode_request_header(frame)?;
    if unchecked.key == ApiKey::ApiVersions {
        let rope = h::api_versions::answer(unchecked)?;
        let held = context.shared.answer_memory.hold(rope.len());
        return Ok((ApiKey::ApiVersions, rope, held));
    }
    let head = head(frame)?;
    let key = head.key;
    if key == ApiKey::Fetch {
        let (rope, held) = fetch(context, head).await?;
        return Ok((key, rope, held));
    }
    let _turn = turn(context, key).await;
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
    let held = context.shared.answer_memory.hold(rope.len());
    Ok((key, rope, held))
}

/// A fetch brings the memory of its answer with it.
async fn fetch(
    context: &Context,
    head: api::RequestHead<'_>,
) -> Result<(Rope, Held), SessionError> {
    let (version, correlation_id) = (head.version, head.header.correlation_id);
    let client_id = head.header.client_id.clone();
    let request: m::FetchRequest<'_> = body(head)?;
    let call = h::Call {
        context,
        version,
        client_id: client_id.as_deref(),
    };
    let (response, mut held) = h::fetch::handle(&call, request).await;
    let rope = api::encode_response(version, correlation_id, &response)?;
    held.resize(rope.len());
    Ok((rope, held))
}

/// Waits where the answer to a small request may be large, because it describes what there is, until
/// there is memory for it.
async fn turn(context: &Context, key: ApiKey) -> Option<OwnedSemaphorePermit> {
    let memory = &context.shared.answer_memory;
    match key {
        // Made in one go, so that what one has taken the next one sees.
        ApiKey::Metadata => {
            memory.room().await;
            None
        }
        ApiKey::OffsetFetch
        | ApiKey::DescribeGroups
        | ApiKey::ListGroups
        | ApiKey::DescribeConfigs
        | ApiKey::DescribeLogDirs
        | ApiKey::DescribeTopicPartitions => Some(memory.turn().await),
        _ => None,
    }
}

fn body<'a, T: Request<'a>>(head: api::RequestHead<'a>) -> Result<T, SessionError> {
    Ok(head.decode_body::<T>()?)
}
