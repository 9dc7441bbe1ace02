//! CreateQueue

use bytes::Bytes;
use forebay_broker::host::{ConnectionId, HostError};
use serde::Deserialize;

use super::attributes::check_redrive;
use super::{answer, tags};
use crate::gateway::Shared;
use crate::sqs::address;
use crate::sqs::attributes::{Attribute, Attributes};
use crate::sqs::definition::{Definition, FIFO_SUFFIX, check_name};
use crate::sqs::error::SqsError;
use crate::sqs::queues::{self, PlaceRef};
use crate::wire::{Call, Entries, Fault, Text};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input<'a> {
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    #[serde(borrow, alias = "Attribute")]
    attributes: Entries<'a, Text<'a>>,
    // The one member of all that the model writes small.
    #[serde(borrow, rename = "tags", alias = "Tags", alias = "Tag")]
    tags: Entries<'a, Text<'a>>,
}

/// Makes a queue. One that is there is the answer if it has every attribute that is said, whatever else it has.
pub(super) async fn create(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: Input<'_> = call.input()?;
    let name = input.queue_name.as_deref();
    let name = name.ok_or(SqsError::MissingParameter("QueueName"))?;
    let given = Attributes::given(&input.attributes)?;
    let is_fifo = given.is_true(Attribute::FifoQueue);
    if !is_fifo && given.given_value(Attribute::FifoQueue).is_some() {
        // Nobody may say that a queue is none.
        return Err(SqsError::InvalidAttributeName("FifoQueue".to_owned()).into());
    }
    check_name(
        name,
        is_fifo || name.ends_with(FIFO_SUFFIX) && is_there(shared, call, name).await?,
    )?;
    given.check(is_fifo)?;
    tags::check(&input.tags)?;
    let place = PlaceRef {
        account: &call.caller.account,
        region: &call.caller.region,
        name,
    };
    if shared.options.refuse_recently_deleted && shared.sqs.recent.is_deleted(shared, place) {
        return Err(SqsError::QueueDeletedRecently.into());
    }
    make(shared, place, is_fifo, &given, &input.tags).await?;
    shared.sqs.queues.forget(place);
    let url = address::url(call.endpoint, place.account, name);
    Ok(answer(call, |answer| answer.text("QueueUrl", &url)))
}

/// Who makes a FIFO queue again need not say that it is one.
async fn is_there(shared: &Shared, call: &Call<'_>, name: &str) -> Result<bool, SqsError> {
    let place = PlaceRef {
        account: &call.caller.account,
        region: &call.caller.region,
        name,
    };
    Ok(queues::describe(shared, place).await?.is_some())
}

async fn make(
    shared: &Shared,
    place: PlaceRef<'_>,
    is_fifo: bool,
    given: &Attributes,
    tags: &Entries<'_, Text<'_>>,
) -> Result<(), SqsError> {
    if let Some((_, there)) = queues::describe(shared, place).await? {
        return compare(given, &Definition::of(&there.definition));
    }
    let seconds = shared.broker.now().wall_ms.div_euclid(1_000);
    let tags = tags.iter();
    let definition = Definition {
        is_fifo,
        attributes: Attributes::default().changed_by(given),
        tags: tags
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        created: seconds,
        modified: seconds,
    };
    check_redrive(shared, place, &definition).await?;
    let kept = definition.to_kept(Bytes::copy_from_slice(place.name.as_bytes()))?;
    let namespace = place.namespace();
    let host = namespace
        .found(&shared.broker, &shared.options.region)
        .await?;
    match host.declare_queue(kept, ConnectionId::NOBODY).await {
        // Somebody else was quicker, or another protocol has the name.
        Err(HostError::Inequivalent(_)) => match queues::describe(shared, place).await? {
            Some((_, there)) => compare(given, &Definition::of(&there.definition)),
            None => Err(SqsError::QueueAlreadyExists("QueueName")),
        },
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

fn compare(given: &Attributes, there: &Definition) -> Result<(), SqsError> {
    match given.first_difference(&there.attributes) {
        Some(attribute) => Err(SqsError::QueueAlreadyExists(attribute)),
        None => Ok(()),
    }
}
