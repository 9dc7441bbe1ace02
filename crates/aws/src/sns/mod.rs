//! SNS: topics, and who is told of what is published to them.
//!
//! | module | what it is |
//! |---|---|
//! | `operations` | what can be asked, one file a resource |
//! | `topic`, `subscription` | what is kept of them, and what publishers need |
//! | `registry` | all of them, compiled; they are the broker's parameters |
//! | [`filter`] | which messages of a topic a subscription wants |
//! | `message`, `envelope` | a message, and what is sent of it |
//! | `publish`, `fan_out` | a message goes to everybody who is subscribed, in one command to the broker |
//! | `queue_message` | a message as SQS has it in its queues |
//! | `log` | everything that was published, for clients of Kafka |
//! | `deduplication` | what FIFO topics took lately |
//! | `delivery`, `delivery_policy` | requests to endpoints, and when they are made again |
//! | `access`, `policy` | whether a caller may do what it asks, and a topic's access policy |
//! | `error` | AWS's codes and words |

mod access;
mod deduplication;
mod delivery;
mod delivery_policy;
mod envelope;
mod error;
mod fan_out;
pub mod filter;
mod log;
mod message;
mod operations;
mod policy;
mod publish;
mod queue_message;
mod registry;
mod subscription;
#[cfg(test)]
mod tests;
mod topic;

use forebay_broker::Broker;
use uuid::Uuid;

use self::deduplication::Deduplication;
use self::delivery::Recorder;
use self::error::SnsError;
use self::registry::Registry;

pub(crate) use self::delivery::{deliver, routes};
pub(crate) use self::operations::{NAMESPACE, OF_PEOPLE, OPERATIONS, call};

/// What SNS needs, and what it remembers beside what the broker does.
#[derive(Debug)]
pub(crate) struct Sns {
    broker: Broker,
    /// The region whose default account is the virtual host that other protocols use.
    region: String,
    /// Whether callers are who they say.
    is_verified: bool,
    registry: Registry,
    /// Held by who changes definitions: each change begins with what there is.
    changes: tokio::sync::Mutex<()>,
    /// The last sequence number. Held by who publishes to a FIFO topic until the broker has the messages, so that
    /// numbers are in the order of the queues.
    sequence: tokio::sync::Mutex<u64>,
    deduplication: Deduplication,
    recorder: Recorder,
    /// Permits to have messages for endpoints in memory.
    batches: tokio::sync::Semaphore,
}

impl Sns {
    pub(crate) fn new(broker: Broker, region: String, is_verified: bool) -> Self {
        Self {
            registry: Registry::new(broker.clone()),
            broker,
            region,
            is_verified,
            changes: tokio::sync::Mutex::default(),
            sequence: tokio::sync::Mutex::default(),
            deduplication: Deduplication::default(),
            recorder: Recorder::default(),
            batches: tokio::sync::Semaphore::new(crate::limits::SNS_BATCHES_AT_ONCE),
        }
    }

    /// What was recorded in place of being sent.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// A random UUID.
    fn new_id(&self) -> String {
        let id: Uuid = uuid::Builder::from_random_bytes(self.broker.random()).into_uuid();
        id.hyphenated().to_string()
    }
}
