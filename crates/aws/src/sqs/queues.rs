//! Queues as requests name them, remembered for a moment.
//!
//! Every request looks at its queue's attributes, and asking the broker for them would double its work. What was seen
//! is taken to be so for [a second](limits::QUEUE_SEEN_FOR), or until a request to this gateway changes it: what
//! another protocol does to a queue shows that much later.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_broker::host::{QueueDescription, VirtualHost};
use hashbrown::{Equivalent, HashMap};
use parking_lot::RwLock;

use super::access;
use super::address::Address;
use super::attributes::Attribute;
use super::definition::Definition;
use super::error::SqsError;
use crate::arn::Arn;
use crate::gateway::Shared;
use crate::limits;
use crate::namespace::Namespace;
use crate::policy::Policy;
use crate::wire::{Call, Text};

/// A queue as it was seen.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) host: VirtualHost,
    pub(super) namespace: Namespace,
    pub(super) name: Bytes,
    pub(super) definition: Definition,
    pub(super) policy: Option<Policy>,
    pub(super) message_bytes_max: usize,
    pub(super) wait_seconds: u64,
    pub(super) is_content_deduplicated: bool,
    /// Deduplication ids are those of a group each, and not of the queue.
    pub(super) is_deduplicated_by_group: bool,
    /// On the broker's clock.
    seen_at: Duration,
}

impl Queue {
    pub(super) fn arn(&self) -> Arn {
        let Namespace { account, region } = &self.namespace;
        Arn::new("sqs", region, account, self.name())
    }

    pub(super) fn name(&self) -> &str {
        // A queue is found by a name that is text.
        std::str::from_utf8(&self.name).unwrap_or_default()
    }
}

/// Where a queue is said to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    account: String,
    region: String,
    name: String,
}

/// The same, borrowed.
#[derive(Clone, Copy, Hash)]
pub(super) struct PlaceRef<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) name: &'a str,
}

impl Equivalent<Place> for PlaceRef<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        self.name == place.name && self.account == place.account && self.region == place.region
    }
}

impl PlaceRef<'_> {
    pub(super) fn namespace(self) -> Namespace {
        Namespace {
            account: self.account.to_owned(),
            region: self.region.to_owned(),
        }
    }
}

/// Queues that were seen.
#[derive(Debug, Default)]
pub(super) struct Queues(RwLock<HashMap<Place, Arc<Queue>>>);

impl Queues {
    fn seen(&self, place: PlaceRef<'_>, now: Duration) -> Option<Arc<Queue>> {
        let seen = self.0.read().get(&place).cloned()?;
        (now.saturating_sub(seen.seen_at) < limits::QUEUE_SEEN_FOR).then_some(seen)
    }

    fn put(&self, place: PlaceRef<'_>, queue: &Arc<Queue>) {
        let mut seen = self.0.write();
        if seen.len() >= limits::QUEUES_SEEN_MAX {
            seen.clear();
        }
        let place = Place {
            account: place.account.to_owned(),
            region: place.region.to_owned(),
            name: place.name.to_owned(),
        };
        seen.insert(place, Arc::clone(queue));
    }

    /// What was seen of a queue is so no more.
    pub(super) fn forget(&self, place: PlaceRef<'_>) {
        self.0.write().remove(&place);
    }
}

/// The queue that a request names by its URL, or by the path that it was sent to.
pub(super) async fn find(
    shared: &Shared,
    call: &Call<'_>,
    url: Option<&Text<'_>>,
) -> Result<Arc<Queue>, SqsError> {
    let address = address(call, url)?;
    let place = place(shared, call, &address).await?;
    at(shared, place).await
}

/// The queue of this name where the caller is.
pub(super) async fn at(shared: &Shared, place: PlaceRef<'_>) -> Result<Arc<Queue>, SqsError> {
    let now = shared.broker.now().monotonic;
    if let Some(seen) = shared.sqs.queues.seen(place, now) {
        return Ok(seen);
    }
    let described = describe(shared, place).await;
    let Some((host, described)) = described? else {
        shared.sqs.queues.forget(place);
        return Err(SqsError::QueueDoesNotExist);
    };
    let definition = Definition::of(&described.definition);
    let attributes = &definition.attributes;
    let bytes_max = attributes.number(Attribute::MaximumMessageSize);
    let queue = Arc::new(Queue {
        policy: access::read(&definition),
        host,
        namespace: place.namespace(),
        name: described.definition.name,
        message_bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
        wait_seconds: attributes.number(Attribute::ReceiveMessageWaitTimeSeconds),
        is_content_deduplicated: attributes.is_true(Attribute::ContentBasedDeduplication),
        is_deduplicated_by_group: attributes.get(Attribute::DeduplicationScope)
            == Some("messageGroup"),
        definition,
        seen_at: now,
    });
    shared.sqs.queues.put(place, &queue);
    Ok(queue)
}

/// A queue as it is now. One that ends with a connection, or with the broker, is none of SQS's.
pub(super) async fn describe(
    shared: &Shared,
    place: PlaceRef<'_>,
) -> Result<Option<(VirtualHost, QueueDescription)>, SqsError> {
    let namespace = place.namespace();
    let Some(host) = namespace.find(&shared.broker, &shared.options.region) else {
        return Ok(None);
    };
    let name = Bytes::copy_from_slice(place.name.as_bytes());
    let described = host.queue(name).await?;
    let described = described.filter(is_shown);
    Ok(described.map(|described| (host, described)))
}

/// Whether it is a queue to AWS, too.
pub(super) fn is_shown(queue: &QueueDescription) -> bool {
    let definition = &queue.definition;
    definition.durable && definition.exclusive.is_none()
}

/// What a request says of where its queue is.
pub(super) fn address<'a>(
    call: &Call<'a>,
    url: Option<&'a Text<'_>>,
) -> Result<Address<'a>, SqsError> {
    match url {
        Some(url) => Address::parse(url),
        None if call.path.len() > 1 => Address::parse(call.path),
        None => Err(SqsError::MissingParameter("QueueUrl")),
    }
}

/// Where that is, if the caller may do there what it asks.
pub(super) async fn place<'a>(
    shared: &Shared,
    call: &'a Call<'_>,
    address: &'a Address<'_>,
) -> Result<PlaceRef<'a>, SqsError> {
    let place = PlaceRef {
        account: address.account.unwrap_or(&call.caller.account),
        region: address.region.unwrap_or(&call.caller.region),
        name: &address.name,
    };
    access::check(shared, call, place).await?;
    Ok(place)
}
