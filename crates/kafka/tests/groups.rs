//! Consumer groups as a client sees them on the wire, at every version of every key.

mod support;

use support::Server;

#[tokio::test]
async fn a_malformed_body_closes_the_connection() {
    let server = Server::start();
    let mut client = server.connect();
    // A heartbeat, version 0, whose group id has a negative length other than that of null.
    let frame = b"\0\0\0\x0c\0\x0c\0\0\0\0\0\x01\xff\xff\xff\xfe";
    client.send_bytes(frame).await;
    assert!(client.is_closed().await);
}
