//! A broker with SNS in front of it, and queues that are looked into.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use forebay_broker::host::{ConnectionId, QueueDefinition, Receive, StoredMessage, VirtualHostId};
use forebay_broker::queue::{Order, QueueSettings};
use forebay_broker::routing::Arguments;
use forebay_broker::storage::{Clock, Now, Options, SimulatedDisk, StorageError};
use forebay_broker::{Broker, BrokerOptions, CountedRandomness, Environment};

use crate::sns::{Sns, SnsOptions, call};
use crate::wire::query::Parameters;
use crate::wire::{Body, Call, Caller, Fault, Origin};

pub(super) const REGION: &str = "us-east-1";
pub(super) const ACCOUNT: &str = "000000000000";

/// Ends with the value.
pub(super) struct Bench {
    pub(super) broker: Broker,
    pub(super) sns: Arc<Sns>,
    disk: SimulatedDisk,
    shard: Option<JoinHandle<Result<(), StorageError>>>,
}

impl Bench {
    pub(super) fn start() -> Self {
        Self::start_on(SimulatedDisk::new(), false)
    }

    /// One whose callers are who they say.
    pub(super) fn start_verified() -> Self {
        Self::start_on(SimulatedDisk::new(), true)
    }

    fn start_on(disk: SimulatedDisk, is_verified: bool) -> Self {
        let environment = Environment {
            medium: Arc::new(disk.clone()),
            clock: Arc::new(SystemClock(Instant::now())),
            randomness: Arc::new(CountedRandomness::default()),
        };
        let storage = Options {
            journal_file_bytes: 16 << 20,
            tail_cache_bytes: 4 << 20,
            ..Options::default()
        };
        let (broker, shard, _) = Broker::open(environment, storage, BrokerOptions::default())
            .expect("the simulated disk opens");
        Self {
            sns: Arc::new(Sns::new(
                broker.clone(),
                REGION.to_owned(),
                is_verified,
                SnsOptions::default(),
            )),
            broker,
            disk,
            shard: Some(std::thread::spawn(move || shard.run(|| {}))),
        }
    }

    /// Stops in good order, and starts again with what the disk holds.
    pub(super) fn restart(mut self) -> Self {
        self.stop();
        Self::start_on(self.disk.clone(), false)
    }

    fn stop(&mut self) {
        self.broker.stop();
        if let Some(shard) = self.shard.take() {
            let ended = shard.join().expect("the shard does not panic");
            ended.expect("the journal does not fail");
        }
    }

    /// Asks as the default account in the default region.
    pub(super) async fn ask(&self, form: &str) -> Result<String, Fault> {
        self.ask_as(ACCOUNT, REGION, form).await
    }

    pub(super) async fn ask_as(
        &self,
        account: &str,
        region: &str,
        form: &str,
    ) -> Result<String, Fault> {
        let caller = Caller {
            account: account.to_owned(),
            region: region.to_owned(),
            access_key: Some(account.to_owned()),
        };
        self.ask_with(&caller, form).await
    }

    /// Asks without an access key.
    pub(super) async fn ask_as_nobody(&self, form: &str) -> Result<String, Fault> {
        self.ask_with(&Caller::nobody(REGION), form).await
    }

    async fn ask_with(&self, caller: &Caller, form: &str) -> Result<String, Fault> {
        let parameters = Parameters::of([form]).expect("the form is one");
        let operation = parameters.get("Action").expect("an action").to_owned();
        let asked = Call {
            operation: &operation,
            body: Body::Query(parameters),
            caller,
            origin: Origin {
                address: [127, 0, 0, 1].into(),
                user_agent: None,
                referer: None,
            },
            endpoint: "http://localhost:4566",
            host: "localhost:4566",
            path: "/",
            request_id: "r",
        };
        let answer = call(&self.sns, &asked).await?;
        Ok(String::from_utf8(answer).expect("answers are text"))
    }

    /// The code and text of a refusal.
    pub(super) async fn refusal(&self, form: &str) -> (&'static str, String) {
        let fault = self.ask(form).await.expect_err(form);
        (fault.code, fault.message.into_owned())
    }

    /// Makes a topic; its ARN.
    pub(super) async fn topic(&self, name: &str) -> String {
        let fifo = match name.ends_with(".fifo") {
            true => {
                "&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true\
                 &Attributes.entry.2.key=ContentBasedDeduplication&Attributes.entry.2.value=true"
            }
            false => "",
        };
        let answer = self
            .ask(&format!("Action=CreateTopic&Name={name}{fifo}"))
            .await;
        element(&answer.unwrap(), "TopicArn")
    }

    /// Makes a queue; its ARN.
    pub(super) async fn queue(&self, name: &str) -> String {
        let is_fifo = name.ends_with(".fifo");
        let settings = QueueSettings {
            lock_ms: Some(30_000),
            order: if is_fifo {
                Order::PerGroup
            } else {
                Order::None
            },
            deduplication_ms: is_fifo.then_some(300_000),
            ..QueueSettings::default()
        };
        let definition = QueueDefinition {
            name: Bytes::copy_from_slice(name.as_bytes()),
            durable: true,
            exclusive: None,
            settings,
            dead_letter: None,
            arguments: Arguments::default(),
        };
        let host = self.broker.virtual_host(VirtualHostId::DEFAULT);
        host.declare_queue(definition, ConnectionId::NOBODY)
            .await
            .unwrap();
        format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
    }

    /// Subscribes an endpoint with attributes; the subscription's ARN.
    pub(super) async fn subscribe(
        &self,
        topic: &str,
        protocol: &str,
        endpoint: &str,
        attributes: &[(&str, &str)],
    ) -> String {
        let form = subscribe_form(topic, protocol, endpoint, attributes);
        let answer = self
            .ask(&format!("{form}&ReturnSubscriptionArn=true"))
            .await;
        element(&answer.unwrap(), "SubscriptionArn")
    }

    /// Takes what a queue has.
    pub(super) async fn take(&self, queue: &str) -> Vec<StoredMessage> {
        let host = self.broker.virtual_host(VirtualHostId::DEFAULT);
        let name = queue.rsplit(':').next().unwrap();
        let receive = Receive {
            queue: Bytes::copy_from_slice(name.as_bytes()),
            messages_max: 100,
            lock_ms: None,
            default_lock_ms: 30_000,
            in_flight_max: None,
        };
        let received = host.take(receive).await.unwrap();
        let read = received.map(|received| received.read()).unwrap_or_default();
        read.into_iter().map(|(_, message)| message).collect()
    }

    /// What was recorded, each as JSON.
    pub(super) fn recorded(&self) -> Vec<serde_json::Value> {
        let recorded = serde_json::to_value(self.sns.recorder().all(None)).unwrap();
        let recorded = recorded.as_array().unwrap().iter();
        recorded
            .map(|one| serde_json::from_str(one["body"].as_str().unwrap()).unwrap())
            .collect()
    }

    /// The bodies of that.
    pub(super) async fn bodies(&self, queue: &str) -> Vec<String> {
        let messages = self.take(queue).await;
        let bodies = messages.iter();
        bodies
            .map(|message| String::from_utf8(message.body.to_vec()).unwrap())
            .collect()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        } else {
            self.broker.stop();
        }
    }
}

pub(super) fn subscribe_form(
    topic: &str,
    protocol: &str,
    endpoint: &str,
    attributes: &[(&str, &str)],
) -> String {
    let mut form = format!(
        "Action=Subscribe&TopicArn={topic}&Protocol={protocol}&Endpoint={}",
        escaped(endpoint)
    );
    for (at, (name, value)) in attributes.iter().enumerate() {
        let entry = at + 1;
        let value = escaped(value);
        form +=
            &format!("&Attributes.entry.{entry}.key={name}&Attributes.entry.{entry}.value={value}");
    }
    form
}

/// Text as a form has it.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The text of the first element of this name.
pub(super) fn element(xml: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let after = xml
        .split(&open)
        .nth(1)
        .unwrap_or_else(|| panic!("{name} in {xml}"));
    let text = after.split(&close).next().unwrap_or_default();
    text.replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// The value of an attribute in an answer.
pub(super) fn attribute(xml: &str, name: &str) -> Option<String> {
    let after = xml.split(&format!("<key>{name}</key>")).nth(1)?;
    Some(element(after, "value"))
}

struct SystemClock(Instant);

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let wall = SystemTime::UNIX_EPOCH.elapsed();
        let wall = wall.expect("it is later than 1970").as_millis() as i64;
        Now::new(self.0.elapsed(), wall)
    }
}
