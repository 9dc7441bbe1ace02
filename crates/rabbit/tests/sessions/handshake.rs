//! How a connection begins and ends.

use forebay_rabbit::Ending;
use forebay_rabbit::amqp091::frame::PROTOCOL_HEADER;
use forebay_rabbit::amqp091::method::{Method, connection};

use super::support::{Server, start_ok};

#[tokio::test]
async fn who_speaks_something_else_is_told_what_is_spoken_here() {
    let server = Server::start();
    for greeting in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"AMQP\0\x01\0\0"] {
        let mut client = server.connect();
        client.send_bytes(greeting).await;
        assert_eq!(client.rest().await, &PROTOCOL_HEADER[..]);
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_as_the_client_can_take_it() {
    let server = Server::start();
    let mut client = server.connect();
    client.send_bytes(&PROTOCOL_HEADER).await;
    client.next_on(0).await;
    client.send(0, &start_ok("wrong")).await;
    let (code, text) = client.closed().await;
    assert_eq!(code, 403);
    assert!(
        text.starts_with("ACCESS_REFUSED - Login was refused"),
        "{text}"
    );
}

#[tokio::test]
async fn another_virtual_host_is_not_found() {
    let server = Server::start();
    let mut client = server.connect();
    client.send_bytes(&PROTOCOL_HEADER).await;
    client.next_on(0).await;
    client.send(0, &start_ok("guest")).await;
    client.next_on(0).await;
    client.send(0, &connection::TuneOk::default()).await;
    let open = connection::Open {
        virtual_host: "other".try_into().unwrap(),
        ..connection::Open::default()
    };
    client.send(0, &open).await;
    let said = (530, "NOT_ALLOWED - vhost other not found".to_owned());
    assert_eq!(client.closed().await, said);
}

#[tokio::test]
async fn a_client_that_closes_is_answered() {
    let server = Server::start();
    let mut client = server.client().await;
    let answer = client.ask(0, connection::Close::default()).await;
    assert_eq!(answer, connection::CloseOk {}.into());
    client.ended().await;
    assert_eq!(server.gateway.metrics().channels.value(), 0);
}

#[tokio::test]
async fn a_broker_that_stops_says_so() {
    let server = Server::start();
    let mut client = server.client().await;
    server.gateway.stop();
    let (code, text) = client.closed().await;
    assert_eq!(code, 320);
    let said = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'";
    assert_eq!(text, said);
}

#[tokio::test]
async fn the_broker_says_what_it_is_and_can() {
    let server = Server::start();
    let mut client = server.connect();
    client.send_bytes(&PROTOCOL_HEADER).await;
    let Method::Connection(connection::Method::Start(start)) = client.next_on(0).await.method
    else {
        panic!("the broker begins");
    };
    let product = start.server_properties.get("product").unwrap();
    assert_eq!(product.as_long_str(), Some(&b"RabbitMQ"[..]));
    let capabilities = start
        .server_properties
        .get("capabilities")
        .unwrap()
        .as_table()
        .unwrap();
    assert_eq!(
        capabilities.get("publisher_confirms").unwrap().as_bool(),
        Some(true)
    );
}

#[tokio::test]
async fn a_client_without_a_sign_of_life_is_given_up_and_hears_the_brokers_until_then() {
    let server = Server::start();
    let mut client = server.connect();
    client.log_in_with_heartbeat(1).await;
    let heard = client.heartbeats_to_the_end().await;
    assert!((2..=4).contains(&heard), "{heard} in two seconds");
    let endings = server.gateway.metrics().endings();
    let idle: Vec<_> = endings.filter(|(_, count)| *count > 0).collect();
    assert_eq!(idle, [(Ending::Idle, 1)]);
}
