//! Class tx.

use forebay_rabbit::amqp091::method::{basic, tx};

use super::support::Server;

#[tokio::test]
async fn nothing_happens_before_the_commit_and_nothing_at_all_after_a_rollback() {
    let server = Server::start();
    let mut client = server.client().await;
    let mut other = server.client().await;
    client.declare("q", &[]).await;
    assert_eq!(client.ask(1, tx::Select {}).await, tx::SelectOk {}.into());
    client.publish("q", b"a").await;
    client.publish("q", b"b").await;
    assert_eq!(client.ready("q").await, 0);
    assert_eq!(client.ask(1, tx::Commit {}).await, tx::CommitOk {}.into());
    assert_eq!(other.ready("q").await, 2);
    client.publish("q", b"c").await;
    let (got, _) = client.get("q").await.unwrap();
    let ack = basic::Ack {
        delivery_tag: got.delivery_tag,
        multiple: false,
    };
    client.send(1, &ack).await;
    assert_eq!(
        client.ask(1, tx::Rollback {}).await,
        tx::RollbackOk {}.into()
    );
    assert_eq!(other.ready("q").await, 1, "neither c came nor a went");
    client.send(1, &ack).await;
    assert_eq!(client.ask(1, tx::Commit {}).await, tx::CommitOk {}.into());
    drop(client);
    let (got, content) = other.get("q").await.unwrap();
    assert_eq!((got.message_count, &content.body[..]), (0, &b"b"[..]));
}
