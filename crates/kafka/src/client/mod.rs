//! A small Kafka client on the same messages as the gateway: for the command line and for tests.
//!
//! It speaks to any broker of the last years, not only to ours. It does what a tool needs and leaves
//! out what a service wants besides: no background threads, no buffers of its own, no
//! configuration beyond a time-out. Batches go in and come out as bytes; `forebay_record` makes
//! and opens them.
//!
//! | file | what it is |
//! |---|---|
//! | `connection` | one connection: requests out, answers back in order |
//! | `negotiation` | the versions that both sides know |
//! | `cluster` | the brokers, who leads what, and the connections to them |
//! | `retry` | asking again when the broker says "later" |
//! | `topics`, `configs`, `offsets`, `produce`, `fetch`, `groups`, `committed` | the calls |
//! | `member`, `assignment` | being a member of a group |
//!
//! Every call ends within [`ClientOptions::timeout`], however often it asks again. A call that is
//! dropped half-way leaves the client as it was: the answer is discarded when it comes.
//!
//! ```no_run
//! # async fn example() -> Result<(), forebay_kafka::client::ClientError> {
//! use forebay_kafka::client::{Client, ClientOptions, NewTopic};
//!
//! let client = Client::connect("127.0.0.1", 9092, ClientOptions::default()).await?;
//! client.create_topic(&NewTopic::new("orders")).await?;
//! for topic in client.list_topics().await? {
//!     println!("{} has {} partitions", topic.name, topic.partitions.len());
//! }
//! # Ok(())
//! # }
//! ```

mod assignment;
mod cluster;
mod committed;
mod configs;
mod connection;
mod error;
mod fetch;
mod groups;
mod member;
mod negotiation;
mod offsets;
mod produce;
mod retry;
mod topics;

use std::sync::Arc;
use std::time::Duration;

pub use self::committed::{CommittedOffset, NewOffset};
pub use self::configs::{ConfigEntry, ConfigSource};
pub use self::error::{ClientError, Subject};
pub use self::fetch::{FetchFrom, FetchLimits, Fetched};
pub use self::groups::{GroupDescription, GroupListing, GroupMember};
pub use self::member::{Beat, Member, MemberOptions};
pub use self::offsets::{FoundOffset, OffsetSpec};
pub use self::produce::{Acks, Produced, ProducerId, Sent};
pub use self::topics::{CreatedTopic, NewTopic, PartitionDescription, TopicDescription};

use self::cluster::{Address, Cluster};

/// What a client may be told beyond an address.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// How long a call may take, connecting and asking again included.
    pub timeout: Duration,
    /// What the client calls itself; brokers show it in logs and in groups.
    pub client_id: String,
    /// The largest answer that is taken. Fetches ask for less; this bounds a broker that does not
    /// keep to it.
    pub response_bytes_max: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            client_id: "forebay".to_owned(),
            // As large as the largest request that brokers take by default: one record may be so.
            response_bytes_max: 100 << 20,
        }
    }
}

/// A client of a cluster. Clones share connections.
#[derive(Clone)]
pub struct Client {
    cluster: Arc<Cluster>,
}

impl Client {
    /// Connects to one broker of a cluster; the others are found from there.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] or [`ClientError::TimedOut`] when nobody answers there,
    /// [`ClientError::Protocol`] when what answers is no Kafka broker.
    pub async fn connect(
        host: &str,
        port: u16,
        options: ClientOptions,
    ) -> Result<Self, ClientError> {
        let bootstrap = Address::new(host, port);
        let cluster = Cluster::connect(bootstrap, options).await?;
        Ok(Self {
            cluster: Arc::new(cluster),
        })
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.cluster.bootstrap())
    }
}
