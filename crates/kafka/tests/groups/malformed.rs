//! Bytes that are no request.

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

#[tokio::test]
async fn a_malformed_body_closes_the_connection_at_every_version_of_every_key() {
    let server = Server::start();
    for key in KEYS {
        for version in versions(key) {
            let mut request = Vec::new();
            request.extend(i16::from(key).to_be_bytes());
            request.extend(version.to_be_bytes());
            request.extend(1i32.to_be_bytes());
            request.extend((-1i16).to_be_bytes());
            if request_header_version(key, version) >= 2 {
                request.push(0);
            }
            // A null where there may be none, a length without an end, or bytes after the last field.
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
    let sent: usize = KEYS.into_iter().map(|key| versions(key).count()).sum();
    assert_eq!(metrics.protocol_errors.value(), sent as u64);
}
