//! The API keys that are served, with the version ranges that Kafka 4.3 advertises for them. Clients
//! infer the broker's release from these ranges, so they are Kafka's own, not ours to choose.

use std::ops::RangeInclusive;

use crate::protocol::ApiKey;

/// A served key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedApi {
    /// The key.
    pub key: ApiKey,
    /// The versions that clients are told.
    pub advertised: RangeInclusive<i16>,
    /// The versions that are answered.
    pub served: RangeInclusive<i16>,
}

macro_rules! served {
    ($($key:ident $range:expr;)*) => {
        &[$((ApiKey::$key, $range.0, $range.1)),*]
    };
}

/// The table, by key.
const SERVED: &[(ApiKey, i16, i16)] = served! {
    Produce (3, 13);
    Fetch (4, 18);
    ListOffsets (1, 11);
    Metadata (0, 13);
    OffsetCommit (2, 10);
    OffsetFetch (1, 10);
    FindCoordinator (0, 6);
    JoinGroup (0, 9);
    Heartbeat (0, 4);
    LeaveGroup (0, 5);
    SyncGroup (0, 5);
    DescribeGroups (0, 6);
    ListGroups (0, 5);
    ApiVersions (0, 4);
    CreateTopics (2, 7);
    DeleteTopics (1, 6);
    DeleteRecords (0, 2);
    InitProducerId (0, 5);
    OffsetForLeaderEpoch (2, 4);
    DescribeConfigs (1, 4);
    AlterConfigs (0, 2);
    DescribeLogDirs (1, 5);
    CreatePartitions (0, 3);
    DeleteGroups (0, 2);
    IncrementalAlterConfigs (0, 1);
    OffsetDelete (0, 0);
    DescribeCluster (0, 2);
    ListConfigResources (0, 1);
    DescribeTopicPartitions (0, 0);
};

/// Every served key, ascending.
pub fn served_apis() -> impl Iterator<Item = ServedApi> {
    SERVED.iter().map(|&(key, first, last)| {
        // librdkafka does not compress unless Produce is advertised from version 0 on
        // (KAFKA-18659), though nobody may use versions 0 to 2 any more.
        let advertised = if key == ApiKey::Produce { 0 } else { first };
        ServedApi {
            key,
            advertised: advertised..=last,
            served: first..=last,
        }
    })
}

/// Whether a version of a key is answered.
pub(crate) fn is_served(key: ApiKey, version: i16) -> bool {
    SERVED
        .iter()
        .any(|&(served, first, last)| served == key && (first..=last).contains(&version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compatibility_table_in_the_docs_is_the_table_that_is_served() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/kafka.md");
        let doc = std::fs::read_to_string(path).unwrap();
        let listed = doc.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let key: i16 = cells.next()?.parse().ok()?;
            Some((key, cells.next()?.to_owned(), cells.next()?.to_owned()))
        });
        let served = SERVED.iter().map(|(key, first, last)| {
            (
                i16::from(*key),
                format!("{key:?}"),
                format!("{first}-{last}"),
            )
        });
        assert_eq!(listed.collect::<Vec<_>>(), served.collect::<Vec<_>>());
    }
}
