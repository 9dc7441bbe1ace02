//! Clients of lapin with the settings of the suite, and the few steps that every case takes.

pub mod forebay;

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use lapin::message::{BasicGetMessage, Delivery};
use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer, Error, ErrorKind,
    ExchangeKind, PublisherConfirm,
};
use tokio::time::{sleep, timeout};

/// The longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing must come where nothing is to come.
const QUIET: Duration = Duration::from_millis(300);
const POLL: Duration = Duration::from_millis(10);
const PERSISTENT: u8 = 2;

/// The broker under test.
pub fn broker() -> String {
    uri(&std::env::var("BROKER_AMQP").expect("BROKER_AMQP names the broker under test"))
}

/// Where a broker at `host:port` is found.
pub fn uri(address: &str) -> String {
    format!("amqp://guest:guest@{address}/%2f")
}

/// A name that no other case uses.
pub fn fresh(kind: &str) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    format!("{kind}-lapin-{:x}-{:x}", now.as_nanos(), std::process::id())
}

/// Arguments of queues, exchanges and bindings.
pub fn arguments<const N: usize>(pairs: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in pairs {
        table.insert(name.into(), value);
    }
    table
}

/// A value of tables.
pub fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}

/// A value of tables.
pub fn number(value: i32) -> AMQPValue {
    AMQPValue::LongInt(value)
}

/// The properties of a message that is kept.
pub fn persistent() -> BasicProperties {
    BasicProperties::default().with_delivery_mode(PERSISTENT)
}

/// The numbers as bodies.
pub fn numbered(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}

/// What a message says.
pub fn body(delivery: &Delivery) -> String {
    String::from_utf8(delivery.data.clone()).expect("text was sent")
}

/// A connection to `uri`.
pub async fn connect_to(uri: &str) -> Connection {
    let connection = Connection::connect(uri, ConnectionProperties::default()).await;
    connection.expect("the broker takes a connection")
}

/// A connection to the broker under test.
pub async fn connect() -> Connection {
    connect_to(&broker()).await
}

/// What comes of `future`, in time.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// Asks until the answer is yes.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    soon(what, async {
        while !holds().await {
            sleep(POLL).await;
        }
    })
    .await;
}

/// How the broker closed a channel or a connection: code and words.
pub fn refusal(error: &Error) -> (u16, String) {
    match error.kind() {
        ErrorKind::ProtocolError(refusal) => (refusal.get_id(), refusal.get_message().to_string()),
        other => panic!("not refused: {other:?}"),
    }
}

/// What the broker refuses, how it says so.
pub fn refused<T: Debug>(outcome: lapin::Result<T>) -> (u16, String) {
    refusal(&outcome.expect_err("it is refused"))
}

/// A channel, and the connection that it needs.
pub struct Client {
    /// For what the steps below do not cover.
    pub channel: Channel,
    /// Closed with this.
    pub connection: Connection,
}

impl Client {
    /// A channel of a connection of its own.
    pub async fn open() -> Self {
        Self::of(connect().await).await
    }

    /// A channel of `connection`.
    pub async fn of(connection: Connection) -> Self {
        let channel = connection.create_channel().await.expect("a channel");
        Self {
            channel,
            connection,
        }
    }

    /// With confirms.
    pub async fn confirming() -> Self {
        let client = Self::open().await;
        client.select_confirms().await;
        client
    }

    pub async fn select_confirms(&self) {
        let options = ConfirmSelectOptions::default();
        self.channel
            .confirm_select(options)
            .await
            .expect("confirms");
    }

    /// Declares a durable queue.
    pub async fn queue(&self, arguments: FieldTable) -> String {
        let name = fresh("queue");
        self.durable(&name, arguments).await;
        name
    }

    /// Declares a durable queue of that name.
    pub async fn durable(&self, name: &str, arguments: FieldTable) {
        let options = QueueDeclareOptions::durable();
        let declared = self.channel.queue_declare(name.into(), options, arguments);
        declared.await.expect("a queue");
    }

    /// Declares a durable exchange.
    pub async fn exchange(&self, kind: &str, arguments: FieldTable) -> String {
        let name = fresh("exchange");
        let options = ExchangeDeclareOptions {
            durable: true,
            ..Default::default()
        };
        let kind = ExchangeKind::Custom(kind.to_owned());
        let declared =
            self.channel
                .exchange_declare(name.as_str().into(), kind, options, arguments);
        declared.await.expect("an exchange");
        name
    }

    pub async fn bind(&self, queue: &str, exchange: &str, key: &str, arguments: FieldTable) {
        let options = QueueBindOptions::default();
        let bound = self.channel.queue_bind(
            queue.into(),
            exchange.into(),
            key.into(),
            options,
            arguments,
        );
        bound.await.expect("a binding");
    }

    /// Publishes, and answers what will be confirmed if the channel does that.
    pub async fn send(&self, exchange: &str, key: &str, body: &str) -> PublisherConfirm {
        self.send_with(exchange, key, body.as_bytes(), persistent())
            .await
    }

    pub async fn send_with(
        &self,
        exchange: &str,
        key: &str,
        body: &[u8],
        properties: BasicProperties,
    ) -> PublisherConfirm {
        let options = BasicPublishOptions::default();
        self.channel
            .basic_publish(exchange.into(), key.into(), options, body, properties)
            .await
            .expect("it is sent")
    }

    pub async fn fill(&self, queue: &str, bodies: &[impl AsRef<str>]) {
        for body in bodies {
            self.send("", queue, body.as_ref()).await;
        }
    }

    /// Publishes; answers whether the broker acknowledged it.
    pub async fn confirmed(&self, exchange: &str, key: &str, body: &str) -> bool {
        let confirm = self.send(exchange, key, body).await;
        soon("a confirm", confirm)
            .await
            .expect("a confirm")
            .is_ack()
    }

    /// How many messages are ready.
    pub async fn ready(&self, queue: &str) -> u32 {
        let options = QueueDeclareOptions::durable().passive();
        let looked = self
            .channel
            .queue_declare(queue.into(), options, FieldTable::default());
        looked.await.expect("the queue is there").message_count()
    }

    pub async fn wait_ready(&self, queue: &str, count: u32) {
        let what = format!("{count} messages in {queue}");
        eventually(&what, async || self.ready(queue).await == count).await;
    }

    /// Takes one message, which must be there, without acknowledging it.
    pub async fn get(&self, queue: &str) -> BasicGetMessage {
        let options = BasicGetOptions::default();
        let got = self.channel.basic_get(queue.into(), options).await;
        got.expect("an answer").expect("a message is ready")
    }

    /// Takes and acknowledges everything that is ready.
    pub async fn take(&self, queue: &str) -> Vec<String> {
        let options = BasicGetOptions { no_ack: true };
        let mut bodies = Vec::new();
        loop {
            let got = self.channel.basic_get(queue.into(), options).await;
            let Some(message) = got.expect("an answer") else {
                return bodies;
            };
            bodies.push(body(&message.delivery));
        }
    }

    /// A consumer that acknowledges, with a prefetch; 0 is none.
    pub async fn consume(&self, queue: &str, prefetch: u16) -> Deliveries {
        let options = BasicQosOptions::default();
        let qos = self.channel.basic_qos(prefetch, options).await;
        qos.expect("a prefetch");
        self.consume_with(queue, BasicConsumeOptions::default())
            .await
    }

    pub async fn consume_with(&self, queue: &str, options: BasicConsumeOptions) -> Deliveries {
        let tag = ShortString::from(fresh("consumer"));
        let table = FieldTable::default();
        let consumer = self
            .channel
            .basic_consume(queue.into(), tag, options, table);
        Deliveries(consumer.await.expect("a consumer"))
    }
}

/// What a consumer is given.
pub struct Deliveries(pub Consumer);

impl Deliveries {
    pub async fn next(&mut self) -> Delivery {
        let next = soon("a delivery", self.0.next()).await;
        next.expect("the consumer goes on").expect("a delivery")
    }

    pub async fn take(&mut self, count: usize) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        while deliveries.len() < count {
            deliveries.push(self.next().await);
        }
        deliveries
    }

    pub async fn bodies(&mut self, count: usize) -> Vec<String> {
        self.take(count).await.iter().map(body).collect()
    }

    /// Nothing comes.
    pub async fn nothing(&mut self) {
        let next = timeout(QUIET, self.0.next()).await;
        assert!(next.is_err(), "nothing was to come, but {next:?}");
    }

    /// The broker says that it has ended.
    pub async fn end(&mut self) {
        let next = soon("the end", self.0.next()).await;
        assert!(next.is_none(), "{next:?} instead of an end");
    }
}
