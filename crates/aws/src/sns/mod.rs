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
//! | `replay` | archives that are told again |
//! | `deduplication` | what FIFO topics took lately |
//! | `signature` | by whom what is sent was sent |
//! | `delivery`, `delivery_policy` | requests to endpoints, and when they are made again |
//! | `tasks` | who works for one subscription |
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
mod replay;
mod signature;
mod subscription;
mod tasks;
#[cfg(test)]
mod tests;
mod topic;

use std::path::PathBuf;
use std::sync::Arc;

use forebay_broker::Broker;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use uuid::Uuid;

use self::deduplication::Deduplication;
use self::delivery::{Recorder, Tls};
use self::error::SnsError;
use self::registry::Registry;
use self::signature::Signatures;

pub(crate) use self::delivery::{deliver, routes};
pub(crate) use self::operations::{NAMESPACE, OF_PEOPLE, OPERATIONS, call};
pub(crate) use self::replay::replay;
pub(crate) use self::signature::is_certificate;

/// What an operator may set about SNS.
#[derive(Clone, Debug)]
pub struct SnsOptions {
    /// The file of the key that messages are signed with, which is made if it is not there. Without a file it is gone
    /// with the process.
    pub signing_key: Option<PathBuf>,
    /// Whether what queues are told is signed, too, and not only what endpoints are told.
    pub signs_queues: bool,
    /// Certificate authorities of endpoints behind TLS, beside those of the system.
    pub authorities: Vec<CertificateDer<'static>>,
}

impl Default for SnsOptions {
    fn default() -> Self {
        Self {
            signing_key: None,
            signs_queues: true,
            authorities: Vec::new(),
        }
    }
}

impl SnsOptions {
    /// Adds the certificate authorities of a PEM file.
    ///
    /// # Errors
    /// If it has none, or something that is none.
    pub fn trust(&mut self, pem: &[u8]) -> Result<(), BadAuthorities> {
        let read = CertificateDer::pem_slice_iter(pem);
        let read = read.collect::<Result<Vec<_>, _>>();
        let found = read.map_err(|error| BadAuthorities(error.to_string()))?;
        let mut roots = RootCertStore::empty();
        for authority in &found {
            let added = roots.add(authority.clone());
            added.map_err(|error| BadAuthorities(error.to_string()))?;
        }
        if found.is_empty() {
            return Err(BadAuthorities("it has no certificate".to_owned()));
        }
        self.authorities.extend(found);
        Ok(())
    }
}

/// Why a file has no certificate authorities.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadAuthorities(String);

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
    signatures: Signatures,
    signs_queues: bool,
    tls: Arc<Tls>,
    /// Permits to have messages for endpoints in memory.
    batches: tokio::sync::Semaphore,
}

impl Sns {
    pub(crate) fn new(
        broker: Broker,
        region: String,
        is_verified: bool,
        options: SnsOptions,
    ) -> Self {
        Self {
            registry: Registry::new(broker.clone()),
            broker,
            region,
            is_verified,
            changes: tokio::sync::Mutex::default(),
            sequence: tokio::sync::Mutex::default(),
            deduplication: Deduplication::default(),
            recorder: Recorder::default(),
            signatures: Signatures::new(options.signing_key),
            signs_queues: options.signs_queues,
            tls: Arc::new(Tls::new(options.authorities)),
            batches: tokio::sync::Semaphore::new(crate::limits::SNS_BATCHES_AT_ONCE),
        }
    }

    /// What was recorded in place of being sent.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The certificate that a path names, as PEM.
    pub(crate) async fn certificate(&self, path: &str) -> Option<String> {
        self.signatures.certificate(path).await
    }

    /// A random UUID.
    fn new_id(&self) -> String {
        let id: Uuid = uuid::Builder::from_random_bytes(self.broker.random()).into_uuid();
        id.hyphenated().to_string()
    }
}
