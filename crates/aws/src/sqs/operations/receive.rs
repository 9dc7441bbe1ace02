//! ReceiveMessage

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forebay_broker::host::{HostError, LeaseOutcome, Leased, Receive, Received, StoredMessage};
use serde::Deserialize;

use super::attempts::{Attempt, Given};
use super::{answer_of, attempts};
use crate::arn::Arn;
use crate::gateway::Shared;
use crate::limits;
use crate::sqs::attributes::Attribute;
use crate::sqs::error::SqsError;
use crate::sqs::message::{
    MessageAttribute, Stored, check_id, md5_of_attributes, md5_of_body, message_id, sequence_number,
};
use crate::sqs::queues::{self, Queue};
use crate::sqs::receipt::Receipt;
use crate::wire::{Answer, Call, Fault, List, Text};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    /// The older name of the next.
    #[serde(borrow, alias = "AttributeName")]
    attribute_names: List<Text<'a>>,
    #[serde(borrow, alias = "MessageSystemAttributeName")]
    message_system_attribute_names: List<Text<'a>>,
    #[serde(borrow, alias = "MessageAttributeName")]
    message_attribute_names: List<Text<'a>>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    #[serde(borrow)]
    receive_request_attempt_id: Option<Text<'a>>,
}

const MESSAGES: RangeInclusive<i64> = 1..=10;
const WAIT_SECONDS: RangeInclusive<i64> = 0..=20;
pub(super) const VISIBILITY_SECONDS: RangeInclusive<i64> = 0..=43_200;

/// Takes messages, as soon as there is one.
pub(super) async fn receive(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: Input<'_> = call.input()?;
    let queue = queues::find(shared, call, input.queue_url.as_ref()).await?;
    let wanted = Wanted::of(&input)?;
    let asked = Asked::of(&input, &queue)?;
    let attempt = input.receive_request_attempt_id.as_deref();
    if let Some(id) = attempt {
        check_attempt(&queue, id)?;
    }
    let attempt = attempt.map(|id| Attempt::new(&queue, id));
    let again = match &attempt {
        Some(attempt) => attempts::again(shared, &queue, attempt, asked.lock_ms).await?,
        None => None,
    };
    let given = match again {
        Some(given) => Some(given),
        None => {
            let received = take(shared, &queue, &asked).await?;
            let at_ms = shared.broker.now().wall_ms;
            received.map(|received| Given { received, at_ms })
        }
    };
    let Some(given) = given else {
        return Ok(write(shared, call, &queue, &wanted, Vec::new(), 0));
    };
    let messages = read(shared, &given.received).await;
    if asked.is_given_back {
        give_back(&queue, &given.received).await?;
    }
    let at_ms = given.at_ms;
    if let Some(attempt) = attempt {
        shared.sqs.attempts.note(shared, attempt, given);
    }
    Ok(write(shared, call, &queue, &wanted, messages, at_ms))
}

/// What is asked for, but for how it is shown.
struct Asked {
    messages_max: u32,
    /// If not as long as the queue says.
    lock_ms: Option<u64>,
    /// Messages are shown and not kept. They are locked while they are read all the same: else what dies by being
    /// received would be gone before it is shown.
    is_given_back: bool,
    wait: Duration,
}

impl Asked {
    fn of(input: &Input<'_>, queue: &Queue) -> Result<Self, SqsError> {
        let within = |value: i64, name: &str, bounds: &RangeInclusive<i64>, reason: &str| {
            let number = u64::try_from(value)
                .ok()
                .filter(|_| bounds.contains(&value));
            number.ok_or_else(|| SqsError::parameter(&value.to_string(), name, reason))
        };
        let messages_max = within(
            input.max_number_of_messages.unwrap_or(1),
            "MaxNumberOfMessages",
            &MESSAGES,
            "Must be between 1 and 10, if provided.",
        )?;
        let lock_seconds = input.visibility_timeout.map(|seconds| {
            let reason = "Must be >= 0 and <= 43200, if provided.";
            within(seconds, "VisibilityTimeout", &VISIBILITY_SECONDS, reason)
        });
        let wait_seconds = input.wait_time_seconds.map(|seconds| {
            let reason = "Must be >= 0 and <= 20, if provided.";
            within(seconds, "WaitTimeSeconds", &WAIT_SECONDS, reason)
        });
        let wait_seconds = wait_seconds.transpose()?.unwrap_or(queue.wait_seconds);
        let lock_seconds = lock_seconds.transpose()?;
        let of_queue = queue
            .definition
            .attributes
            .number(Attribute::VisibilityTimeout);
        let is_given_back = lock_seconds.unwrap_or(of_queue) == 0;
        let lock_ms = match is_given_back {
            true => Some(limits::READING_LOCK_MS),
            false => lock_seconds.map(|seconds| seconds * 1_000),
        };
        Ok(Self {
            messages_max: u32::try_from(messages_max).unwrap_or(1),
            lock_ms,
            is_given_back,
            wait: Duration::from_secs(wait_seconds),
        })
    }
}

/// An id that makes a repeated request the same as its first.
fn check_attempt(queue: &Queue, id: &str) -> Result<(), SqsError> {
    const NAME: &str = "ReceiveRequestAttemptId";
    if !queue.definition.is_fifo {
        let reason = "The request includes a parameter that is not valid for this queue type.";
        return Err(SqsError::parameter(id, NAME, reason));
    }
    check_id(id, NAME)
}

async fn take(shared: &Shared, queue: &Queue, asked: &Asked) -> Result<Option<Received>, SqsError> {
    let default_lock = queue
        .definition
        .attributes
        .number(Attribute::VisibilityTimeout);
    let receive = Receive {
        queue: queue.name.clone(),
        messages_max: asked.messages_max,
        lock_ms: asked.lock_ms,
        default_lock_ms: default_lock * 1_000,
        in_flight_max: Some(limits::IN_FLIGHT_MAX),
    };
    let taken = if asked.wait.is_zero() {
        queue.host.take(receive).await
    } else {
        let until = async {
            tokio::select! {
                () = tokio::time::sleep(asked.wait) => {}
                () = shared.stop_requested() => {}
            }
        };
        queue.host.receive(receive, until).await
    };
    match taken {
        Err(HostError::TooManyInFlight) if queue.definition.is_fifo => Ok(None),
        Err(HostError::TooManyInFlight) => Err(SqsError::OverLimit(format!(
            "The maximum number of in flight messages ({}) is reached.",
            limits::IN_FLIGHT_MAX
        ))),
        Err(error) => Err(error.into()),
        Ok(received) => Ok(received),
    }
}

/// The messages themselves, from memory or from disk.
async fn read(shared: &Shared, received: &Received) -> Vec<(Leased, StoredMessage)> {
    if let Some(messages) = received.read_at_hand() {
        return messages;
    }
    let Ok(_permit) = Arc::clone(&shared.disk_reads).acquire_owned().await else {
        return Vec::new();
    };
    let received = received.clone();
    let read = tokio::task::spawn_blocking(move || received.read());
    // What is not read comes back when its lock ends.
    read.await.unwrap_or_default()
}

async fn give_back(queue: &Queue, received: &Received) -> Result<(), SqsError> {
    let at_once = LeaseOutcome::Extend { lock_ms: 0 };
    let leases = received.messages.iter();
    let leases = leases.map(|leased| (leased.lease, at_once)).collect();
    // What somebody settled meanwhile is not given back.
    queue.host.settle_leases(queue.name.clone(), leases).await?;
    Ok(())
}

/// What of a message is shown.
struct Wanted<'a> {
    system: Vec<System>,
    attributes: &'a [Text<'a>],
}

/// A system attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    SenderId,
    SentTimestamp,
    ApproximateReceiveCount,
    ApproximateFirstReceiveTimestamp,
    SequenceNumber,
    MessageDeduplicationId,
    MessageGroupId,
    AwsTraceHeader,
    DeadLetterQueueSourceArn,
}

impl System {
    const ALL: [Self; 9] = [
        Self::SenderId,
        Self::SentTimestamp,
        Self::ApproximateReceiveCount,
        Self::ApproximateFirstReceiveTimestamp,
        Self::SequenceNumber,
        Self::MessageDeduplicationId,
        Self::MessageGroupId,
        Self::AwsTraceHeader,
        Self::DeadLetterQueueSourceArn,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::SenderId => "SenderId",
            Self::SentTimestamp => "SentTimestamp",
            Self::ApproximateReceiveCount => "ApproximateReceiveCount",
            Self::ApproximateFirstReceiveTimestamp => "ApproximateFirstReceiveTimestamp",
            Self::SequenceNumber => "SequenceNumber",
            Self::MessageDeduplicationId => "MessageDeduplicationId",
            Self::MessageGroupId => "MessageGroupId",
            Self::AwsTraceHeader => "AWSTraceHeader",
            Self::DeadLetterQueueSourceArn => "DeadLetterQueueSourceArn",
        }
    }

    /// What it is of a message, if it has it.
    fn of(self, delivery: &Delivery<'_>) -> Option<String> {
        let Delivery {
            queue,
            leased,
            stored,
            ..
        } = delivery;
        match self {
            Self::SenderId => stored.sender().map(str::to_owned),
            Self::SentTimestamp => Some(stored.sent_ms().to_string()),
            Self::ApproximateReceiveCount => {
                let before = u64::from(leased.deliveries) + stored.earlier_deliveries();
                Some((before + 1).to_string())
            }
            Self::ApproximateFirstReceiveTimestamp => {
                // Two clocks: the one of ages does not jump with the other.
                Some(leased.first_ms.max(stored.sent_ms()).to_string())
            }
            Self::SequenceNumber => {
                let is_fifo = queue.definition.is_fifo;
                is_fifo.then(|| sequence_number(stored.offset()))
            }
            Self::MessageDeduplicationId => stored.deduplication_id().map(str::to_owned),
            Self::MessageGroupId => stored.group().map(str::to_owned),
            Self::AwsTraceHeader => stored.trace_header(),
            Self::DeadLetterQueueSourceArn => {
                let source = stored.died_in().filter(|source| *source != queue.name())?;
                let (region, account) = (&queue.namespace.region, &queue.namespace.account);
                Some(Arn::new("sqs", region, account, source).to_string())
            }
        }
    }
}

impl<'a> Wanted<'a> {
    fn of(input: &'a Input<'_>) -> Result<Self, SqsError> {
        let mut system = Vec::new();
        let names = &input.message_system_attribute_names;
        for name in input.attribute_names.iter().chain(names.iter()) {
            if **name == *"All" {
                system = System::ALL.to_vec();
                continue;
            }
            let known = System::ALL
                .into_iter()
                .find(|known| *known.name() == **name);
            match known {
                Some(known) if system.contains(&known) => {}
                Some(known) => system.push(known),
                // Of those that queues have, older clients ask here, too.
                None if Attribute::named(name).is_some() => {}
                None => return Err(SqsError::InvalidAttributeName(name.to_string())),
            }
        }
        Ok(Self {
            system,
            attributes: &input.message_attribute_names,
        })
    }

    /// Whether a message's attribute is wanted: by its name, by what its name begins with, or with all.
    fn wants(&self, name: &str) -> bool {
        self.attributes.iter().any(|wanted| match &**wanted {
            "All" | ".*" => true,
            wanted => match wanted.strip_suffix(".*") {
                Some(prefix) => name.starts_with(prefix),
                None => name == wanted,
            },
        })
    }
}

/// A message with what is known of its delivery.
struct Delivery<'a> {
    queue: &'a Queue,
    leased: Leased,
    stored: Stored,
    received_ms: i64,
}

fn write(
    shared: &Shared,
    call: &Call<'_>,
    queue: &Queue,
    wanted: &Wanted<'_>,
    messages: Vec<(Leased, StoredMessage)>,
    received_ms: i64,
) -> Vec<u8> {
    /// What there is of a message beside its body, about.
    const MESSAGE_BYTES: usize = 512;
    let bytes: usize = messages
        .iter()
        .map(|(_, message)| message.body.len() + MESSAGE_BYTES)
        .sum();
    let deliveries = messages.into_iter().map(|(leased, message)| Delivery {
        queue,
        leased,
        stored: Stored::new(message),
        received_ms,
    });
    answer_of(call, bytes, |answer| {
        answer.list("Messages", "Message", deliveries, |answer, delivery| {
            write_one(shared, answer, wanted, &delivery);
        });
    })
}

fn write_one(shared: &Shared, answer: &mut Answer, wanted: &Wanted<'_>, delivery: &Delivery<'_>) {
    let (stored, lease) = (&delivery.stored, delivery.leased.lease);
    let id = message_id(shared.broker.cluster_id(), stored.origin(lease.queue));
    let mut buffer = [0; uuid::fmt::Hyphenated::LENGTH];
    answer.text("MessageId", id.hyphenated().encode_lower(&mut buffer));
    let receipt = Receipt {
        lease,
        received: u32::try_from(delivery.received_ms.div_euclid(1_000)).unwrap_or_default(),
    };
    answer.text("ReceiptHandle", &receipt.handle());
    let body = stored.body();
    answer.text("MD5OfBody", &md5_of_body(body.as_bytes()));
    answer.text("Body", &body);
    let system: Vec<(&str, String)> = wanted
        .system
        .iter()
        .filter_map(|name| Some((name.name(), name.of(delivery)?)))
        .collect();
    let system = system.iter().map(|(name, value)| (*name, value.as_str()));
    answer.map("Attributes", "Attribute", ("Name", "Value"), system);
    if wanted.attributes.is_empty() {
        return;
    }
    let mut attributes = stored.attributes(&shared.broker);
    attributes.retain(|name| wanted.wants(name));
    answer.optional_text(
        "MD5OfMessageAttributes",
        md5_of_attributes(&attributes).as_deref(),
    );
    let attributes = attributes
        .iter()
        .map(|attribute| (&*attribute.name, attribute));
    let names = ("Name", "Value");
    answer.structures(
        "MessageAttributes",
        "MessageAttribute",
        names,
        attributes,
        write_attribute,
    );
}

fn write_attribute(answer: &mut Answer, attribute: &MessageAttribute) {
    if attribute.is_binary() {
        answer.text("BinaryValue", &STANDARD.encode(&attribute.value));
    } else {
        answer.text("StringValue", &String::from_utf8_lossy(&attribute.value));
    }
    answer.text("DataType", &attribute.data_type);
}
