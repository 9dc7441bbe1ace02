//! The versions that both sides know (KIP-35).

use std::collections::BTreeMap;

use super::connection::Connection;
use super::error::{ClientError, Subject};
use crate::protocol::generated::{ApiVersionsRequest, ApiVersionsResponse};
use crate::protocol::{ApiKey, ErrorCode, Str, api};

/// The versions that this client speaks. From: what current brokers have, so that every request is
/// built one way. To: what the messages know, but for requests that later came to speak of topics by
/// id alone (Produce 13, Fetch 13, OffsetCommit and OffsetFetch 10): people speak of names, and a
/// broker that checks the name spares a lookup that could be stale.
const SPOKEN: &[(ApiKey, i16, i16)] = &[
    (ApiKey::Produce, 8, 12),
    (ApiKey::Fetch, 7, 12),
    (ApiKey::ListOffsets, 4, 11),
    (ApiKey::Metadata, 10, 13),
    (ApiKey::OffsetCommit, 7, 9),
    (ApiKey::OffsetFetch, 8, 9),
    (ApiKey::FindCoordinator, 4, 6),
    (ApiKey::JoinGroup, 5, 9),
    (ApiKey::Heartbeat, 3, 4),
    (ApiKey::LeaveGroup, 4, 5),
    (ApiKey::SyncGroup, 5, 5),
    (ApiKey::DescribeGroups, 4, 6),
    (ApiKey::ListGroups, 3, 5),
    (ApiKey::CreateTopics, 5, 7),
    (ApiKey::DeleteTopics, 6, 6),
    (ApiKey::InitProducerId, 3, 5),
    (ApiKey::DescribeConfigs, 3, 4),
    (ApiKey::DescribeLogDirs, 2, 5),
    (ApiKey::CreatePartitions, 2, 3),
    (ApiKey::IncrementalAlterConfigs, 0, 1),
];

/// The highest version of ApiVersions that is asked with. A broker that lacks it says so in
/// version 0, which everyone understands (KIP-511).
const API_VERSIONS: i16 = 3;

/// For each key that both sides know, the version to speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Versions(BTreeMap<i16, i16>);

impl Versions {
    /// Asks the broker at the other end.
    pub(super) async fn negotiate(connection: &Connection) -> Result<Self, ClientError> {
        let request = ApiVersionsRequest {
            client_software_name: Str::from("forebay"),
            client_software_version: Str::from(env!("CARGO_PKG_VERSION")),
        };
        let mut version = API_VERSIONS;
        loop {
            let frame = connection
                .start(version, &request, true)
                .await?
                .frame()
                .await?;
            let undecodable = |error| ClientError::undecodable(connection.address(), &error);
            // The error stands right behind the correlation id, in every version.
            let code = match frame.get(4..6) {
                Some(&[high, low]) => i16::from_be_bytes([high, low]),
                _ => 0,
            };
            if code == ErrorCode::UnsupportedVersion as i16 && version > 0 {
                version = 0;
                continue;
            }
            let (_, response) = api::decode_response::<ApiVersionsResponse<'_>>(version, &frame)
                .map_err(undecodable)?;
            ClientError::check(response.error_code, None, Subject::Cluster)?;
            return Ok(Self::common(&response));
        }
    }

    fn common(response: &ApiVersionsResponse<'_>) -> Self {
        let served = response.api_keys.iter().filter_map(|served| {
            let spoken = SPOKEN
                .iter()
                .find(|(key, ..)| i16::from(*key) == served.api_key);
            let &(_, first, last) = spoken?;
            let highest = served.max_version.min(last);
            (highest >= first.max(served.min_version)).then_some((served.api_key, highest))
        });
        Self(served.collect())
    }

    /// The version to speak.
    pub(super) fn of(&self, key: ApiKey) -> Result<i16, ClientError> {
        let version = self.0.get(&key.into()).copied();
        version.ok_or(ClientError::Unsupported(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::generated::api_versions_response::ApiVersion;

    fn common(served: &[(ApiKey, i16, i16)]) -> Versions {
        let api_keys = served
            .iter()
            .map(|&(key, min_version, max_version)| ApiVersion {
                api_key: key.into(),
                min_version,
                max_version,
            })
            .collect();
        Versions::common(&ApiVersionsResponse {
            api_keys,
            ..ApiVersionsResponse::default()
        })
    }

    #[test]
    fn the_highest_common_version_is_spoken() {
        let versions = common(&[
            (ApiKey::Produce, 0, 13),
            (ApiKey::Metadata, 0, 11),
            (ApiKey::SyncGroup, 0, 4),
            (ApiKey::Heartbeat, 5, 9),
        ]);
        assert_eq!(versions.of(ApiKey::Produce), Ok(12), "names, not ids");
        assert_eq!(versions.of(ApiKey::Metadata), Ok(11));
        for missing in [ApiKey::SyncGroup, ApiKey::Heartbeat, ApiKey::Fetch] {
            let unsupported = Err(ClientError::Unsupported(missing));
            assert_eq!(versions.of(missing), unsupported);
        }
    }

    #[test]
    fn every_spoken_version_has_messages_and_is_served_here() {
        for &(key, first, last) in SPOKEN {
            assert!(
                first <= last && key.versions().contains(&first) && key.versions().contains(&last)
            );
            let served = crate::served_apis().find(|api| api.key == key);
            assert!(
                served.is_some_and(|api| api.served.contains(&last)),
                "{key}"
            );
        }
    }
}
