//! DescribeLogDirs (key 35): how many bytes partitions hold. All are in one place, whose folder is
//! the operator's business and not told.
//!
//! | version | change |
//! |---|---|
//! | 3 | top-level error |
//! | 4 | size of the volume (KIP-827) |
//! | 5 | cordoned directories: none is |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use forebay_broker::storage::LogReader;
use forebay_broker::topic::Topic;

use super::Call;
use crate::protocol::generated::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use crate::protocol::generated::{DescribeLogDirsRequest, DescribeLogDirsResponse};

/// Where everything is, as far as clients are told.
const LOG_DIR: &str = "/";
/// What a volume's size is when it cannot be told.
const UNKNOWN_BYTES: i64 = -1;

pub(crate) async fn handle(
    call: &Call<'_>,
    request: DescribeLogDirsRequest<'_>,
) -> DescribeLogDirsResponse<'static> {
    let topics = match &request.topics {
        None => {
            let all = call.broker().catalog().all();
            let all = all.iter().map(|topic| {
                let partitions = (0..).zip(&topic.partitions);
                described(topic, partitions)
            });
            all.collect()
        }
        // Kafka, too, has nothing to say about partitions that it does not hold.
        Some(asked) => {
            let mut wanted: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
            for topic in asked {
                let partitions = wanted.entry(&topic.topic).or_default();
                partitions.extend(&topic.partitions);
            }
            let known = wanted.into_iter().filter_map(|(name, partitions)| {
                let topic = call.broker().topic(name)?;
                let partitions = partitions
                    .into_iter()
                    .filter_map(|index| Some((index, topic.partition(index)?)));
                Some(described(&topic, partitions))
            });
            known.filter(|topic| !topic.partitions.is_empty()).collect()
        }
    };
    let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let (total_bytes, usable_bytes) = match call.broker().space() {
        Ok(space) => (bytes(space.total_bytes), bytes(space.free_bytes)),
        Err(_) => (UNKNOWN_BYTES, UNKNOWN_BYTES),
    };
    DescribeLogDirsResponse {
        results: vec![DescribeLogDirsResult {
            log_dir: LOG_DIR.into(),
            topics,
            total_bytes,
            usable_bytes,
            ..DescribeLogDirsResult::default()
        }],
        ..DescribeLogDirsResponse::default()
    }
}

fn described<'a>(
    topic: &Arc<Topic>,
    partitions: impl Iterator<Item = (i32, &'a LogReader)>,
) -> DescribeLogDirsTopic<'static> {
    let partitions = partitions.map(|(partition_index, log)| DescribeLogDirsPartition {
        partition_index,
        partition_size: i64::try_from(log.bytes()).unwrap_or(i64::MAX),
        // How far a copy is behind; there is none but this.
        offset_lag: 0,
        is_future_key: false,
    });
    DescribeLogDirsTopic {
        name: topic.name.shared().into(),
        partitions: partitions.collect(),
    }
}
