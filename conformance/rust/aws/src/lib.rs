//! Clients of aws-sdk-rust with the settings of the suite, and the few steps that every case takes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_sqs::operation::send_message::SendMessageOutput;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use aws_types::SdkConfig;

/// The longest wait for messages.
pub const PATIENCE: Duration = Duration::from_secs(30);

fn endpoint() -> String {
    let broker = std::env::var("BROKER_AWS").expect("BROKER_AWS names the broker under test");
    format!("http://{broker}")
}

/// What the clients of all services are made of.
fn config() -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "the suite");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// A client of SQS.
pub fn sqs() -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(&config())
}

/// A client of SNS.
pub fn sns() -> aws_sdk_sns::Client {
    aws_sdk_sns::Client::new(&config())
}

/// A name that no other case uses.
pub fn fresh(kind: &str) -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    format!("{kind}-rust-{:x}-{number}", now.as_nanos())
}

/// A queue of a case's own.
pub struct Queue {
    pub client: aws_sdk_sqs::Client,
    pub url: String,
}

impl Queue {
    /// One with these attributes.
    pub async fn with(attributes: &[(QueueAttributeName, &str)]) -> Self {
        let client = sqs();
        let is_fifo = attributes.contains(&(QueueAttributeName::FifoQueue, "true"));
        let name = fresh("queue") + if is_fifo { ".fifo" } else { "" };
        let attributes: HashMap<_, _> = attributes
            .iter()
            .map(|(name, value)| (name.clone(), (*value).to_owned()))
            .collect();
        let create = client.create_queue().queue_name(name);
        let created = create.set_attributes(Some(attributes)).send().await;
        let url = created.expect("a queue").queue_url.expect("its URL");
        Self { client, url }
    }

    /// One like any other.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// One that has groups in order, and knows messages by what they say.
    pub async fn fifo() -> Self {
        Self::with(&[
            (QueueAttributeName::FifoQueue, "true"),
            (QueueAttributeName::ContentBasedDeduplication, "true"),
        ])
        .await
    }

    pub async fn send(&self, body: &str) -> SendMessageOutput {
        let send = self.client.send_message().queue_url(&self.url);
        let sent = send.message_body(body).send().await;
        sent.expect("a message is taken")
    }

    pub async fn send_to(&self, group: &str, body: &str) -> SendMessageOutput {
        let send = self.client.send_message().queue_url(&self.url);
        let send = send.message_group_id(group).message_body(body);
        send.send().await.expect("a message is taken")
    }

    /// What one call gives.
    pub async fn receive(&self, count: i32, seconds: i32) -> Vec<Message> {
        let receive = self.client.receive_message().queue_url(&self.url);
        let received = receive
            .max_number_of_messages(count)
            .wait_time_seconds(seconds)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await;
        received.expect("an answer").messages.unwrap_or_default()
    }

    /// Receives until there are so many.
    pub async fn take(&self, count: usize) -> Vec<Message> {
        let deadline = Instant::now() + PATIENCE;
        let mut taken = Vec::new();
        while taken.len() < count {
            let missing = count - taken.len();
            assert!(
                Instant::now() < deadline,
                "{missing} of {count} are missing"
            );
            taken.extend(self.receive(missing.min(10) as i32, 2).await);
        }
        taken
    }

    pub async fn take_one(&self) -> Message {
        self.take(1).await.remove(0)
    }

    pub async fn delete(&self, message: &Message) {
        let delete = self.client.delete_message().queue_url(&self.url);
        let handle = message.receipt_handle().expect("a handle");
        let deleted = delete.receipt_handle(handle).send().await;
        deleted.expect("it is deleted");
    }

    /// Has a message hidden for so long from now on.
    pub async fn change(&self, message: &Message, seconds: i32) {
        let change = self.client.change_message_visibility();
        let changed = change
            .queue_url(&self.url)
            .receipt_handle(message.receipt_handle().expect("a handle"))
            .visibility_timeout(seconds)
            .send()
            .await;
        changed.expect("it is changed");
    }

    pub async fn attribute(&self, name: QueueAttributeName) -> String {
        let get = self.client.get_queue_attributes().queue_url(&self.url);
        let found = get.attribute_names(name.clone()).send().await;
        let attributes = found.expect("attributes").attributes;
        attributes.expect("some").remove(&name).expect("that one")
    }

    pub async fn arn(&self) -> String {
        self.attribute(QueueAttributeName::QueueArn).await
    }

    /// How many messages are ready or in flight.
    pub async fn left(&self) -> u32 {
        let mut sum = 0;
        for name in [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ] {
            let count: u32 = self.attribute(name).await.parse().expect("a number");
            sum += count;
        }
        sum
    }
}

/// What a message says.
pub fn body(message: &Message) -> &str {
    message.body().expect("a body")
}

/// What the system says of a message.
pub fn said(message: &Message, name: MessageSystemAttributeName) -> &str {
    let attributes = message.attributes().expect("attributes were asked for");
    attributes.get(&name).expect("the attribute")
}
