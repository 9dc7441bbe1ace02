//! Administration of a broker that has stopped.

use forebay_kafka::protocol::ErrorCode;
use uuid::Uuid;

use crate::requests::{TOPIC, add_partitions, change, code, create, delete, new_topic, replace};
use crate::support::Server;

#[tokio::test]
async fn a_stopped_broker_sends_clients_to_look_for_the_controller() {
    let mut server = Server::start();
    server.create_topic("t", 1).await;
    let mut client = server.connect();
    server.stop();
    let moved = code(ErrorCode::NotController);
    let created = create(&mut client, 7, vec![new_topic("new", 1)]).await;
    assert_eq!(created[0].error_code, moved);
    let deleted = delete(&mut client, 6, vec![(Some("t"), Uuid::nil())]).await;
    assert_eq!(deleted[0].2, moved);
    let grown = add_partitions(&mut client, 3, &[("t", 2, None)], false).await;
    assert_eq!(grown[0].1, moved);
    let altered = replace(&mut client, 2, "t", &[("retention.ms", "1")], false).await;
    assert_eq!(altered, moved);
    let changes = [("retention.ms", 0, Some("1"))];
    let changed = change(&mut client, 1, TOPIC, "t", &changes, false).await;
    assert_eq!(changed, moved);
}
