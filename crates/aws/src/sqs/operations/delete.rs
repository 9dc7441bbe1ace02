//! DeleteQueue, PurgeQueue

use std::collections::HashMap;
use std::time::Duration;

use forebay_broker::host::ConnectionId;
use parking_lot::Mutex;
use serde::Deserialize;

use super::done;
use crate::gateway::Shared;
use crate::limits;
use crate::sqs::error::SqsError;
use crate::sqs::queues::{self, PlaceRef};
use crate::wire::{Call, Fault, Text};

/// When queues were purged and deleted last: both may not be repeated for a minute.
#[derive(Debug, Default)]
pub(in crate::sqs) struct Recent {
    purged: Mutex<HashMap<[String; 3], Duration>>,
    deleted: Mutex<HashMap<[String; 3], Duration>>,
}

impl Recent {
    /// Whether a queue of this name was deleted within the last minute.
    pub(super) fn is_deleted(&self, shared: &Shared, place: PlaceRef<'_>) -> bool {
        let now = shared.broker.now().monotonic;
        let deleted = self.deleted.lock();
        let at = deleted.get(&key(place));
        at.is_some_and(|at| now.saturating_sub(*at) < limits::RECENT)
    }

    /// Notes a purge, unless there was one within the last minute.
    fn purge(&self, shared: &Shared, place: PlaceRef<'_>) -> bool {
        note(&self.purged, shared, place)
    }

    fn deleted(&self, shared: &Shared, place: PlaceRef<'_>) {
        self.purged.lock().remove(&key(place));
        note(&self.deleted, shared, place);
    }
}

fn note(
    what: &Mutex<HashMap<[String; 3], Duration>>,
    shared: &Shared,
    place: PlaceRef<'_>,
) -> bool {
    let now = shared.broker.now().monotonic;
    let mut what = what.lock();
    what.retain(|_, at| now.saturating_sub(*at) < limits::RECENT);
    let is_first = !what.contains_key(&key(place));
    if is_first {
        what.insert(key(place), now);
    }
    is_first
}

fn key(place: PlaceRef<'_>) -> [String; 3] {
    [place.account, place.region, place.name].map(str::to_owned)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
}

pub(super) async fn delete(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: Input<'_> = call.input()?;
    let address = queues::address(call, input.queue_url.as_ref())?;
    let place = queues::place(shared, call, &address).await?;
    let queue = queues::at(shared, place).await?;
    let nobody = ConnectionId::NOBODY;
    let deleted = queue
        .host
        .delete_queue(queue.name.clone(), false, false, nobody);
    let deleted = deleted.await;
    shared.sqs.queues.forget(place);
    deleted.map_err(SqsError::from)?;
    shared.sqs.recent.deleted(shared, place);
    let tasks = &shared.sqs.move_tasks;
    let forgotten = tasks.forget(shared, queue.host.id(), queue.name()).await;
    forgotten.map_err(SqsError::from)?;
    Ok(done(call))
}

/// Drops every message: those that somebody has and those that wait, too.
pub(super) async fn purge(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: Input<'_> = call.input()?;
    let address = queues::address(call, input.queue_url.as_ref())?;
    let place = queues::place(shared, call, &address).await?;
    let queue = queues::at(shared, place).await?;
    if !shared.sqs.recent.purge(shared, place) {
        return Err(SqsError::PurgeQueueInProgress(queue.name().to_owned()).into());
    }
    let purged = queue.host.purge_everything(queue.name.clone()).await;
    purged.map_err(SqsError::from)?;
    Ok(done(call))
}
