//! Where partitions begin and end, which record a time stands for, and how large partitions are.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;

use super::Client;
use super::cluster::{Lane, Place};
use super::error::{ClientError, Subject};
use super::retry::Repeat;
use crate::protocol::Str;
use crate::protocol::generated::describe_log_dirs_request::DescribableLogDirTopic;
use crate::protocol::generated::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use crate::protocol::generated::{
    DescribeLogDirsRequest, DescribeLogDirsResponse, ListOffsetsRequest, ListOffsetsResponse,
};

/// Stands for a client in place of a replica's id.
const NO_REPLICA: i32 = -1;

/// A place in a partition that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The first record that is kept.
    Earliest,
    /// Behind the last record.
    Latest,
    /// The first record at or after this time, in milliseconds since 1970.
    TimestampMs(i64),
}

impl OffsetSpec {
    /// As the protocol says it: times that cannot be stand for the ends.
    const fn timestamp(self) -> i64 {
        match self {
            Self::Latest => -1,
            Self::Earliest => -2,
            Self::TimestampMs(time) => time,
        }
    }
}

/// The answer for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset; none if all records are older than the time.
    pub offset: Option<i64>,
}

/// What is asked about each partition.
type Questions<'a> = BTreeMap<(&'a str, i32), OffsetSpec>;

impl Client {
    /// Finds offsets, one for each partition that is asked about, in the same order. A partition is
    /// asked about once in a call, as the protocol's answer tells partitions apart and not questions.
    ///
    /// # Errors
    /// Those of the first partition that has one.
    pub async fn list_offsets(
        &self,
        asked: &[(&str, i32, OffsetSpec)],
    ) -> Result<Vec<FoundOffset>, ClientError> {
        self.attempts("list offsets", Repeat::Lost, || async {
            let mut by_leader: BTreeMap<Place, Questions<'_>> = BTreeMap::new();
            for &(topic, partition, spec) in asked {
                let leader = self.cluster.leader(topic, partition).await?;
                let questions = by_leader.entry(leader).or_default();
                questions.insert((topic, partition), spec);
            }
            let requests = by_leader
                .iter()
                .map(|(leader, questions)| self.list_offsets_of(*leader, questions));
            let found = try_join_all(requests).await?;
            let found: BTreeMap<(String, i32), Option<i64>> = found.into_iter().flatten().collect();
            let answer = |&(topic, partition, _): &(&str, i32, OffsetSpec)| FoundOffset {
                topic: topic.to_owned(),
                partition,
                offset: found.get(&(topic.to_owned(), partition)).copied().flatten(),
            };
            Ok(asked.iter().map(answer).collect())
        })
        .await
    }

    async fn list_offsets_of(
        &self,
        leader: Place,
        questions: &Questions<'_>,
    ) -> Result<Vec<((String, i32), Option<i64>)>, ClientError> {
        let mut topics: BTreeMap<&str, Vec<ListOffsetsPartition>> = BTreeMap::new();
        for (&(topic, partition), spec) in questions {
            topics.entry(topic).or_default().push(ListOffsetsPartition {
                partition_index: partition,
                timestamp: spec.timestamp(),
                ..ListOffsetsPartition::default()
            });
        }
        let topic = |(name, partitions)| ListOffsetsTopic {
            name: Str::Borrowed(name),
            partitions,
        };
        let request = ListOffsetsRequest {
            replica_id: NO_REPLICA,
            topics: topics.into_iter().map(topic).collect(),
            timeout_ms: self.timeout_ms(),
            ..ListOffsetsRequest::default()
        };
        let reply = self.cluster.call(leader, Lane::Control, &request).await?;
        let response: ListOffsetsResponse<'_> = reply.read()?;
        let mut found = Vec::with_capacity(questions.len());
        for topic in &response.topics {
            for partition in &topic.partitions {
                let index = partition.partition_index;
                let subject = Subject::Partition(topic.name.to_string(), index);
                ClientError::check(partition.error_code, None, subject)?;
                let offset = (partition.offset >= 0).then_some(partition.offset);
                found.push(((topic.name.to_string(), index), offset));
            }
        }
        if found.len() < questions.len() {
            return Err(reply.missing(&Subject::Cluster));
        }
        Ok(found)
    }

    /// Bytes that partitions take on disk, of these topics or of all (`None`), by topic and
    /// partition. Partitions that no broker knows are left out.
    ///
    /// # Errors
    /// When a broker refuses or does not answer.
    pub async fn log_sizes(
        &self,
        topics: Option<&BTreeMap<String, Vec<i32>>>,
    ) -> Result<BTreeMap<String, BTreeMap<i32, u64>>, ClientError> {
        self.attempts("describe log folders", Repeat::Lost, || async {
            let asked = |(topic, partitions): (&'_ String, &'_ Vec<i32>)| DescribableLogDirTopic {
                topic: Str::Owned(topic.clone()),
                partitions: partitions.clone(),
            };
            let request = DescribeLogDirsRequest {
                topics: topics.map(|topics| topics.iter().map(asked).collect()),
            };
            let mut sizes: BTreeMap<String, BTreeMap<i32, u64>> = BTreeMap::new();
            for broker in self.cluster.brokers().await? {
                let reply = self.cluster.call(broker, Lane::Control, &request).await?;
                let response: DescribeLogDirsResponse<'_> = reply.read()?;
                ClientError::check(response.error_code, None, Subject::Cluster)?;
                for folder in &response.results {
                    ClientError::check(folder.error_code, None, Subject::Cluster)?;
                    for topic in &folder.topics {
                        let partitions = sizes.entry(topic.name.to_string()).or_default();
                        for partition in &topic.partitions {
                            let size = u64::try_from(partition.partition_size).unwrap_or(0);
                            // Replicas have the same content; the largest has all of it.
                            let known = partitions.entry(partition.partition_index).or_insert(0);
                            *known = size.max(*known);
                        }
                    }
                }
            }
            Ok(sizes)
        })
        .await
    }
}
