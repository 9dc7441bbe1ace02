//! Bytes that are no request.

use forebay_kafka::Ending;
use forebay_kafka::protocol::ApiKey;
use forebay_kafka::protocol::api::request_header_version;

use crate::support::{Server, versions};

const KEYS: [ApiKey; 10] = [
    ApiKey::OffsetCommit,
    ApiKey::OffsetFetch,
    ApiKey::JoinGroup,
    ApiKey::Heartbeat,
    ApiKey::LeaveGroup,
    ApiKey::SyncGroup,
    ApiKey::DescribeGroups,
    ApiKey::ListGroups,
    ApiKey::DeleteGroups,
    ApiKey::OffsetDelete,
];

/// The first versions of ListGroups have no body, and bytes behind a body are ignored.
fn has_body(key: ApiKey, version: i16) -> bool {
    key != ApiKey::ListGroups || version >= 3
}

#[tokio::test]
async fn a_malformed_body_closes_the_connection_at_every_version_of_every_key() {
    let server = Server::start();
    for key in KEYS {
        for version in versions(key).filter(|version| has_body(key, *version)) {
            let mut request = Vec::new();
            request.extend(i16::from(key).to_be_bytes());
            request.extend(version.to_be_bytes());
            request.extend(1i32.to_be_bytes());
            request.extend((-1i16).to_be_bytes());
            if request_header_version(key, version) >= 2 {
                request.push(0);
            }
            // A null where there may be none, or a length without an end.
            request.extend([0xff; 3]);
            let mut client = server.connect();
            client
                .send_bytes(&(request.len() as i32).to_be_bytes())
                .await;
            client.send_bytes(&request).await;
            assert!(client.is_closed().await, "{key:?} {version}");
        }
    }
    let metrics = server.gateway.metrics();
    let sent = KEYS
        .into_iter()
        .flat_map(|key| versions(key).filter(move |version| has_body(key, *version)));
    let mut endings = metrics.endings();
    let refused = endings.find(|(ending, _)| *ending == Ending::Protocol);
    assert_eq!(refused, Some((Ending::Protocol, sent.count() as u64)));
}
