//! GetQueueAttributes, SetQueueAttributes

use bytes::Bytes;
use forebay_broker::queue::Counters;
use serde::Deserialize;

use super::{answer, done};
use crate::arn::Arn;
use crate::gateway::Shared;
use crate::sqs::attributes::{Attribute, Attributes};
use crate::sqs::definition::{Definition, FIFO_SUFFIX};
use crate::sqs::error::SqsError;
use crate::sqs::queues::{self, PlaceRef};
use crate::wire::{Call, Entries, Fault, List, Text};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Get<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow, alias = "AttributeName")]
    attribute_names: List<Text<'a>>,
}

/// What nobody sets.
const READ_ONLY: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

pub(super) async fn get(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: Get<'_> = call.input()?;
    let address = queues::address(call, input.queue_url.as_ref())?;
    let place = queues::place(shared, call, &address).await?;
    let described = queues::describe(shared, place).await?;
    let (_, described) = described.ok_or(SqsError::QueueDoesNotExist)?;
    let wanted = &input.attribute_names;
    let is_known =
        |name: &str| name == "All" || READ_ONLY.contains(&name) || Attribute::named(name).is_some();
    if let Some(unknown) = wanted.iter().find(|name| !is_known(name)) {
        return Err(SqsError::InvalidAttributeName(unknown.to_string()).into());
    }
    let wants_all = wanted.iter().any(|name| **name == *"All");
    let definition = Definition::of(&described.definition);
    let read_only = read_only(place, &definition, &described.counters);
    let read_only = READ_ONLY
        .into_iter()
        .zip(read_only.iter().map(String::as_str));
    let set = definition.attributes.shown(definition.is_fifo);
    let set = set.map(|(attribute, value)| (attribute.name(), value));
    let all = read_only.chain(set);
    let shown = all.filter(|(name, _)| wants_all || wanted.iter().any(|wanted| **wanted == **name));
    Ok(answer(call, |answer| {
        answer.map("Attributes", "Attribute", ("Name", "Value"), shown);
    }))
}

fn read_only(place: PlaceRef<'_>, definition: &Definition, counters: &Counters) -> [String; 6] {
    [
        counters.ready.to_string(),
        counters.delayed.to_string(),
        counters.locked.to_string(),
        definition.created.to_string(),
        definition.modified.to_string(),
        arn(place).to_string(),
    ]
}

fn arn(place: PlaceRef<'_>) -> Arn {
    Arn::new("sqs", place.region, place.account, place.name)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Set<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow, alias = "Attribute")]
    attributes: Entries<'a, Text<'a>>,
}

pub(super) async fn set(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: Set<'_> = call.input()?;
    if input.attributes.is_empty() {
        return Err(SqsError::MissingParameter("Attributes").into());
    }
    let given = Attributes::given(&input.attributes)?;
    alter(shared, call, input.queue_url.as_ref(), |queue| {
        if !queue.is_fifo {
            given.check(false)?;
        }
        if given.given_value(Attribute::FifoQueue) == Some("false") {
            return Err(SqsError::InvalidAttributeValue(
                "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
                    .to_owned(),
            ));
        }
        queue.attributes = queue.attributes.changed_by(&given);
        queue.attributes.check(queue.is_fifo)
    })
    .await?;
    Ok(done(call))
}

/// Changes what AWS knows of a queue.
pub(super) async fn alter(
    shared: &Shared,
    call: &Call<'_>,
    url: Option<&Text<'_>>,
    change: impl FnOnce(&mut Definition) -> Result<(), SqsError>,
) -> Result<(), SqsError> {
    let address = queues::address(call, url)?;
    let place = queues::place(shared, call, &address).await?;
    // One at a time: what is written is all that there is of a queue.
    let _one = shared.sqs.altering.lock().await;
    let described = queues::describe(shared, place).await?;
    let (host, described) = described.ok_or(SqsError::QueueDoesNotExist)?;
    let before = Definition::of(&described.definition);
    let mut definition = before.clone();
    change(&mut definition)?;
    if definition == before {
        return Ok(());
    }
    let policy = |definition: &Definition| {
        let policy = definition.attributes.get(Attribute::RedrivePolicy);
        policy.map(str::to_owned)
    };
    if policy(&definition) != policy(&before) {
        check_redrive(shared, place, &definition).await?;
    }
    if definition.attributes != before.attributes {
        definition.modified = shared.broker.now().wall_ms.div_euclid(1_000);
    }
    let kept = definition.to_kept(Bytes::copy_from_slice(place.name.as_bytes()))?;
    let altered = host.alter_queue(kept).await;
    shared.sqs.queues.forget(place);
    Ok(altered?)
}

/// Whether the dead of a queue may go where they are to.
pub(super) async fn check_redrive(
    shared: &Shared,
    place: PlaceRef<'_>,
    definition: &Definition,
) -> Result<(), SqsError> {
    let Some(policy) = definition.redrive_policy()? else {
        return Ok(());
    };
    let invalid = |reason: &str| {
        let text = definition.attributes.get(Attribute::RedrivePolicy);
        SqsError::parameter(text.unwrap_or_default(), "RedrivePolicy", reason)
    };
    let target = &policy.target;
    if target.account != place.account || target.region != place.region {
        return Err(invalid(
            "Dead-letter target owner should be same as the source, and in the same region.",
        ));
    }
    let target = PlaceRef {
        account: &target.account,
        region: &target.region,
        name: &target.resource,
    };
    let described = queues::describe(shared, target).await?;
    let (_, described) = described.ok_or_else(|| invalid("Dead letter target does not exist."))?;
    let dead = Definition::of(&described.definition);
    if dead.is_fifo != definition.is_fifo
        || target.name.ends_with(FIFO_SUFFIX) != definition.is_fifo
    {
        return Err(invalid(
            "Dead-letter queue must be same type of queue as the source.",
        ));
    }
    match dead.allows_dead_of(&arn(place).to_string()) {
        true => Ok(()),
        false => Err(invalid(
            "Dead-letter queue's RedriveAllowPolicy does not allow this source queue.",
        )),
    }
}
