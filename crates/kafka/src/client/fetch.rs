//! Reading batches.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;

use super::Client;
use super::cluster::{Lane, Place};
use super::error::{ClientError, Subject};
use crate::protocol::generated::fetch_request::{FetchPartition, FetchTopic};
use crate::protocol::generated::{FetchRequest, FetchResponse};
use crate::protocol::{Records, Str};

/// `session_epoch` of a fetch that stands by itself (KIP-227).
const NO_SESSION: i32 = -1;

/// A partition to read, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchFrom {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset to begin at. The first batch may begin earlier, as batches come whole.
    pub offset: i64,
    /// How many bytes to answer at most; a first batch that is larger comes nevertheless.
    pub max_bytes: i32,
}

/// How long a fetch waits, and how much it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// The broker answers once there are this many bytes; 0 to answer at once.
    pub min_bytes: i32,
    /// How many bytes to answer at most, over all partitions.
    pub max_bytes: i32,
    /// The broker answers after this time, whatever there is.
    pub max_wait: Duration,
}

/// What was read of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Behind the last record that may be read.
    pub high_watermark: i64,
    /// The first record that is kept.
    pub log_start_offset: i64,
    /// Record batches. The last one may be cut off.
    pub records: Bytes,
    /// What the broker has against it.
    pub error: Option<ClientError>,
}

impl Client {
    /// Reads partitions. Asks once: what a fetch found is best judged by the caller, who knows where
    /// to go on. A fetch that is dropped has taken nothing.
    ///
    /// # Errors
    /// When a leader is not known or does not answer in time; what is wrong with one partition is
    /// in its [`Fetched::error`].
    pub async fn fetch(
        &self,
        wanted: &[FetchFrom],
        limits: FetchLimits,
    ) -> Result<Vec<Fetched>, ClientError> {
        let time = self.cluster.options().timeout + limits.max_wait;
        let fetching = self.fetch_of_leaders(wanted, limits);
        match tokio::time::timeout(time, fetching).await {
            Ok(fetched) => fetched,
            Err(_) => Err(ClientError::TimedOut {
                what: "fetch".to_owned(),
                after: time,
            }),
        }
        .inspect(|fetched| {
            if fetched.iter().any(|fetched| fetched.error.is_some()) {
                self.cluster.forget();
            }
        })
        .inspect_err(|_| self.cluster.forget())
    }

    async fn fetch_of_leaders(
        &self,
        wanted: &[FetchFrom],
        limits: FetchLimits,
    ) -> Result<Vec<Fetched>, ClientError> {
        let mut by_leader: BTreeMap<Place, Vec<&FetchFrom>> = BTreeMap::new();
        for from in wanted {
            let leader = self.cluster.leader(&from.topic, from.partition).await?;
            by_leader.entry(leader).or_default().push(from);
        }
        // With several leaders the slowest is waited for, which is `max_wait` at most.
        let fetches = by_leader
            .iter()
            .map(|(leader, wanted)| self.fetch_of(*leader, wanted, limits));
        Ok(try_join_all(fetches).await?.into_iter().flatten().collect())
    }

    async fn fetch_of(
        &self,
        leader: Place,
        wanted: &[&FetchFrom],
        limits: FetchLimits,
    ) -> Result<Vec<Fetched>, ClientError> {
        let mut topics: BTreeMap<&str, Vec<FetchPartition>> = BTreeMap::new();
        for from in wanted {
            topics.entry(&from.topic).or_default().push(FetchPartition {
                partition: from.partition,
                fetch_offset: from.offset,
                partition_max_bytes: from.max_bytes,
                ..FetchPartition::default()
            });
        }
        let topic = |(topic, partitions)| FetchTopic {
            topic: Str::Borrowed(topic),
            partitions,
            ..FetchTopic::default()
        };
        let request = FetchRequest {
            max_wait_ms: i32::try_from(limits.max_wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: limits.min_bytes,
            max_bytes: limits.max_bytes,
            session_epoch: NO_SESSION,
            topics: topics.into_iter().map(topic).collect(),
            ..FetchRequest::default()
        };
        let reply = self.cluster.call(leader, Lane::Fetch, &request).await?;
        let response: FetchResponse<'_> = reply.read()?;
        ClientError::check(response.error_code, None, Subject::Cluster)?;
        let fetched = response.responses.iter().flat_map(|topic| {
            topic.partitions.iter().map(|partition| {
                let index = partition.partition_index;
                let subject = Subject::Partition(topic.topic.to_string(), index);
                let records = partition.records.as_ref();
                Fetched {
                    topic: topic.topic.to_string(),
                    partition: index,
                    high_watermark: partition.high_watermark,
                    log_start_offset: partition.log_start_offset,
                    records: records.map_or_else(Bytes::new, |records: &Records<'_>| {
                        records.to_bytes_in(&reply.frame)
                    }),
                    error: ClientError::check(partition.error_code, None, subject).err(),
                }
            })
        });
        Ok(fetched.collect())
    }
}
