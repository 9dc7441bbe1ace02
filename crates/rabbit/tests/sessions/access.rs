//! Who may log in, where, and what they may do there.

use bytes::Bytes;
use forebay_broker::access::{AccessChange, PasswordHash, Pattern, Permission};
use forebay_rabbit::amqp091::method::{Encode, Method, basic, connection, exchange, queue};
use forebay_rabbit::amqp091::properties::{Properties, PropertyList};
use forebay_rabbit::amqp091::table::{TableBuilder, Value};

use super::support::{Client, Server, table};

const REFUSED_LOGIN: &str = "ACCESS_REFUSED - Login was refused using authentication mechanism";

fn plain(user: &str, password: &str) -> connection::StartOk {
    let mut capabilities = TableBuilder::new();
    capabilities.put("authentication_failure_close", Value::Bool(true));
    let mut properties = TableBuilder::new();
    properties.put("capabilities", Value::Table(capabilities.view()));
    connection::StartOk {
        client_properties: properties.build(),
        mechanism: "PLAIN".try_into().unwrap(),
        response: Bytes::from(format!("\0{user}\0{password}")),
        locale: "en_US".try_into().unwrap(),
    }
}

/// Ann may configure what begins with `a`, write to the default exchange, `a...` (not `am...`) and `t`, and read `r...`.
fn ann() -> Vec<AccessChange> {
    let pattern = |text| Pattern::new(text).unwrap();
    let of = |name: &str| name.to_owned();
    vec![
        AccessChange::virtual_host("other"),
        AccessChange::PutUser {
            name: of("ann"),
            password: Some(PasswordHash::new(b"secret", [1; 4])),
            tags: Vec::new(),
        },
        AccessChange::PutPermission {
            user: of("ann"),
            virtual_host: of("other"),
            permission: Permission {
                configure: pattern("^a"),
                write: pattern("^(a[^m].*|t|amq\\.default)$"),
                read: pattern("^r"),
            },
        },
        AccessChange::PutTopicPermission {
            user: of("ann"),
            virtual_host: of("other"),
            exchange: of("t"),
            write: of("^{username}\\."),
            read: of(".*"),
        },
    ]
}

async fn change(server: &Server, change: AccessChange) {
    server.broker.change_access(vec![change]).await.unwrap();
}

/// Ann, with channel 1 open.
async fn ann_at(server: &Server) -> Client {
    let mut client = server.connect();
    client.tune(&plain("ann", "secret"), 0).await;
    let opened = client.open("other").await;
    assert_eq!(opened, connection::OpenOk::default().into());
    client.open_channel(1).await;
    client
}

async fn server_with_ann() -> Server {
    let server = Server::start();
    server.broker.change_access(ann()).await.unwrap();
    server
}

#[tokio::test]
async fn users_log_in_with_their_passwords_by_both_mechanisms() {
    let server = server_with_ann().await;
    let mut login = TableBuilder::new();
    login
        .put("LOGIN", Value::LongStr(b"ann"))
        .put("PASSWORD", Value::LongStr(b"secret"));
    let amqplain = connection::StartOk {
        mechanism: "AMQPLAIN".try_into().unwrap(),
        response: Bytes::copy_from_slice(login.build().as_bytes()),
        ..plain("", "")
    };
    for start_ok in [plain("ann", "secret"), amqplain] {
        let mut client = server.connect();
        client.tune(&start_ok, 0).await;
        let opened = client.open("other").await;
        assert_eq!(opened, connection::OpenOk::default().into());
    }
}

#[tokio::test]
async fn who_does_not_know_the_password_is_refused() {
    let server = server_with_ann().await;
    let raw = |response: &'static [u8]| connection::StartOk {
        response: Bytes::from_static(response),
        ..plain("", "")
    };
    let wrong = [
        plain("ann", "Secret"),
        plain("bob", "secret"),
        plain("guest", ""),
        plain("guest", "guest\0"),
        raw(b"guest"),
        raw(b""),
        raw(b"\0\xff\0x"),
    ];
    for start_ok in wrong {
        assert!(
            refused_login(server.connect(), &start_ok)
                .await
                .1
                .starts_with(REFUSED_LOGIN)
        );
    }
    let external = connection::StartOk {
        mechanism: "EXTERNAL".try_into().unwrap(),
        ..plain("", "")
    };
    let (code, _) = refused_login(server.connect(), &external).await;
    assert_eq!(code, 503, "an unknown mechanism");
}

async fn refused_login(mut client: Client, start_ok: &connection::StartOk) -> (u16, String) {
    client
        .send_bytes(&forebay_rabbit::amqp091::frame::PROTOCOL_HEADER)
        .await;
    client.next_on(0).await;
    client.send(0, start_ok).await;
    client.closed().await
}

#[tokio::test]
async fn guest_comes_from_this_machine_only() {
    let server = server_with_ann().await;
    let elsewhere = ([192, 0, 2, 1], 50_000).into();
    let client = server.connect_from(elsewhere);
    let (code, text) = refused_login(client, &plain("guest", "guest")).await;
    assert_eq!(code, 403);
    assert!(text.starts_with(REFUSED_LOGIN), "{text}");
    let mut other = server.connect_from(elsewhere);
    other.tune(&plain("ann", "secret"), 0).await;
    assert_eq!(
        other.open("other").await,
        connection::OpenOk::default().into()
    );
    let mapped = "[::ffff:127.0.0.1]:50000".parse().unwrap();
    server.connect_from(mapped).log_in().await;
}

#[tokio::test]
async fn a_virtual_host_is_there_and_allowed_or_the_connection_is_closed() {
    let server = server_with_ann().await;
    let expected = [
        ("nowhere", "NOT_ALLOWED - vhost nowhere not found"),
        (
            "/",
            "NOT_ALLOWED - access to vhost '/' refused for user 'ann'",
        ),
    ];
    for (vhost, text) in expected {
        let mut client = server.connect();
        client.tune(&plain("ann", "secret"), 0).await;
        let Method::Connection(connection::Method::Close(close)) = client.open(vhost).await else {
            panic!("the connection is closed");
        };
        assert_eq!(
            (close.reply_code, &close.reply_text.to_string()[..]),
            (530, text)
        );
    }
}

/// What the channel is closed with; it is opened again.
async fn refused(client: &mut Client, method: impl Encode) -> String {
    client.send(1, &method).await;
    let (code, text) = client.closed_channel(1).await;
    assert_eq!(code, 403, "{text}");
    client.open_channel(1).await;
    text
}

#[tokio::test]
async fn every_method_asks_for_its_permission() {
    let server = server_with_ann().await;
    let mut client = ann_at(&server).await;
    let said = |action: &str, what: &str| {
        format!(
            "ACCESS_REFUSED - {action} access to {what} in vhost 'other' refused for user 'ann'"
        )
    };
    let name = |text: &str| text.try_into().unwrap();
    let declare = |queue: &str, arguments: &[(&'static str, Value<'_>)]| queue::Declare {
        queue: queue.try_into().unwrap(),
        arguments: table(arguments),
        ..queue::Declare::default()
    };
    client.declare("aq", &[]).await;
    let dead_letters = [("x-dead-letter-exchange", Value::LongStr(b"aq"))];
    let cases = [
        (
            refused(&mut client, declare("q", &[])).await,
            said("configure", "queue 'q'"),
        ),
        (
            refused(&mut client, declare("ar", &dead_letters)).await,
            said("read", "queue 'ar'"),
        ),
        (
            refused(
                &mut client,
                exchange::Declare {
                    exchange: name("x"),
                    kind: name("fanout"),
                    ..exchange::Declare::default()
                },
            )
            .await,
            said("configure", "exchange 'x'"),
        ),
        (
            refused(
                &mut client,
                exchange::Delete {
                    exchange: name("x"),
                    ..exchange::Delete::default()
                },
            )
            .await,
            said("configure", "exchange 'x'"),
        ),
        (
            refused(
                &mut client,
                queue::Bind {
                    queue: name("aq"),
                    exchange: name("amq.topic"),
                    ..queue::Bind::default()
                },
            )
            .await,
            said("read", "exchange 'amq.topic'"),
        ),
        (
            refused(
                &mut client,
                queue::Bind {
                    queue: name("r"),
                    exchange: name("r"),
                    ..queue::Bind::default()
                },
            )
            .await,
            said("write", "queue 'r'"),
        ),
        (
            refused(
                &mut client,
                exchange::Bind {
                    destination: name("amq.topic"),
                    source: name("r"),
                    ..exchange::Bind::default()
                },
            )
            .await,
            said("write", "exchange 'amq.topic'"),
        ),
        (
            refused(
                &mut client,
                queue::Purge {
                    queue: name("aq"),
                    ..queue::Purge::default()
                },
            )
            .await,
            said("read", "queue 'aq'"),
        ),
        (
            refused(
                &mut client,
                queue::Delete {
                    queue: name("q"),
                    ..queue::Delete::default()
                },
            )
            .await,
            said("configure", "queue 'q'"),
        ),
        (
            refused(
                &mut client,
                basic::Get {
                    queue: name("aq"),
                    ..basic::Get::default()
                },
            )
            .await,
            said("read", "queue 'aq'"),
        ),
        (
            refused(
                &mut client,
                basic::Consume {
                    queue: name("aq"),
                    ..basic::Consume::default()
                },
            )
            .await,
            said("read", "queue 'aq'"),
        ),
    ];
    for (got, expected) in cases {
        assert_eq!(got, expected);
    }
    // What is allowed is done.
    client.publish("aq", b"m").await;
    assert_eq!(client.ready("aq").await, 1);
}

async fn refused_publish(client: &mut Client, exchange: &str, key: &str) -> String {
    let publish = basic::Publish {
        exchange: exchange.try_into().unwrap(),
        routing_key: key.try_into().unwrap(),
        ..basic::Publish::default()
    };
    client
        .send_message(1, &publish, &Properties::default(), b"m")
        .await;
    let (code, text) = client.closed_channel(1).await;
    assert_eq!(code, 403, "{text}");
    client.open_channel(1).await;
    text
}

#[tokio::test]
async fn publishing_asks_for_the_exchange_and_for_the_key_of_a_topic() {
    let server = server_with_ann().await;
    let id = server.broker.directory().virtual_host("other").unwrap().id;
    let made = forebay_broker::host::ExchangeDefinition {
        name: Bytes::from_static(b"t"),
        kind: forebay_broker::routing::RouterKind::Topic,
        kind_name: Bytes::from_static(b"topic"),
        durable: true,
        auto_delete: false,
        internal: false,
        alternate: None,
        arguments: forebay_broker::routing::Arguments::default(),
    };
    server
        .broker
        .virtual_host(id)
        .declare_exchange(made)
        .await
        .unwrap();
    let mut client = ann_at(&server).await;
    let text = refused_publish(&mut client, "amq.fanout", "").await;
    let expected = "write access to exchange 'amq.fanout' in vhost 'other' refused for user 'ann'";
    assert_eq!(text, format!("ACCESS_REFUSED - {expected}"));
    let text = refused_publish(&mut client, "t", "bob.k").await;
    let expected =
        "write access to topic 'bob.k' in exchange 't' in vhost 'other' refused for user 'ann'";
    assert_eq!(text, format!("ACCESS_REFUSED - {expected}"));
    client.declare("aq", &[]).await;
    for key in ["ann.k", "ann.l"] {
        let publish = basic::Publish {
            exchange: "t".try_into().unwrap(),
            routing_key: key.try_into().unwrap(),
            ..basic::Publish::default()
        };
        client
            .send_message(1, &publish, &Properties::default(), b"m")
            .await;
    }
    assert_eq!(client.ready("aq").await, 0, "the channel is open still");
}

#[tokio::test]
async fn who_is_not_allowed_any_more_is_refused_at_once() {
    let server = server_with_ann().await;
    let mut client = ann_at(&server).await;
    client.declare("aq", &[]).await;
    client.publish("aq", b"m").await;
    assert_eq!(client.ready("aq").await, 1);
    let taken = AccessChange::DeletePermission {
        user: "ann".to_owned(),
        virtual_host: "other".to_owned(),
    };
    change(&server, taken).await;
    let text = refused_publish(&mut client, "", "aq").await;
    assert!(
        text.contains("write access to exchange 'amq.default'"),
        "{text}"
    );
}

#[tokio::test]
async fn a_connection_ends_with_its_user_and_its_virtual_host() {
    let server = server_with_ann().await;
    let mut client = ann_at(&server).await;
    let mut guest = server.client().await;
    let name = "ann".to_owned();
    change(&server, AccessChange::DeleteUser { name }).await;
    let expected = (320, "CONNECTION_FORCED - user 'ann' is deleted".to_owned());
    assert_eq!(client.closed().await, expected);
    server.broker.change_access(ann()).await.unwrap();
    let mut client = ann_at(&server).await;
    let name = "other".to_owned();
    change(&server, AccessChange::DeleteVirtualHost { name }).await;
    let expected = (
        320,
        "CONNECTION_FORCED - vhost 'other' is deleted".to_owned(),
    );
    assert_eq!(client.closed().await, expected);
    guest.declare("q", &[]).await;
}

#[tokio::test]
async fn only_impersonators_name_somebody_else() {
    let server = server_with_ann().await;
    let as_bob = PropertyList {
        user_id: Some("bob".try_into().unwrap()),
        ..PropertyList::default()
    };
    let publish = basic::Publish {
        routing_key: "aq".try_into().unwrap(),
        ..basic::Publish::default()
    };
    let mut client = ann_at(&server).await;
    client.declare("aq", &[]).await;
    client
        .send_message(1, &publish, &as_bob.encode(), b"m")
        .await;
    assert_eq!(client.closed_channel(1).await.0, 406);
    client.open_channel(1).await;
    let tagged = AccessChange::PutUser {
        name: "ann".to_owned(),
        password: None,
        tags: vec!["impersonator".to_owned()],
    };
    change(&server, tagged).await;
    client
        .send_message(1, &publish, &as_bob.encode(), b"m")
        .await;
    assert_eq!(client.ready("aq").await, 1);
}

#[tokio::test]
async fn a_stream_is_asked_for_by_its_name_in_its_virtual_host() {
    let server = server_with_ann().await;
    let stream = [("x-queue-type", Value::LongStr(b"stream"))];
    let mut client = ann_at(&server).await;
    client.declare("as", &stream).await;
    client.publish("as", b"m").await;
    assert_eq!(client.ready("as").await, 1);
    let topic = server.broker.topic("other.as").unwrap();
    assert_eq!(topic.partitions[0].end_offset(), 1);
    // The name of its topic says nothing here.
    let declare = queue::Declare {
        queue: "s".try_into().unwrap(),
        durable: true,
        arguments: table(&stream),
        ..queue::Declare::default()
    };
    client.send(1, &declare).await;
    assert_eq!(client.closed_channel(1).await.0, 403);
    let mut client = ann_at(&server).await;
    let consume = basic::Consume {
        queue: "as".try_into().unwrap(),
        ..basic::Consume::default()
    };
    client.send(1, &consume).await;
    let (code, text) = client.closed_channel(1).await;
    assert_eq!(code, 403);
    assert!(
        text.contains("read access to queue 'as' in vhost 'other'"),
        "{text}"
    );
}
