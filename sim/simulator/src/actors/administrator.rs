//! Somebody who creates and deletes topics, makes them grow, and deletes records.

use forebay_broker::{DeleteRecordsError, NewTopic, TopicError, TopicRef};

use super::any_partition;
use crate::context::Context;
use crate::ledger::{Kind, Presence};
use crate::schedule::Down;

/// Every kind of topic that there is from the beginning, with what is set for it.
const FIXED: [(Kind, &[(&str, &str)]); 6] = [
    (Kind::Kept, &[("retention.ms", "-1")]),
    (
        Kind::Os,
        &[("retention.ms", "-1"), ("forebay.durability", "os")],
    ),
    (
        Kind::Memory,
        &[("retention.ms", "-1"), ("forebay.durability", "memory")],
    ),
    (Kind::Trimmed, &[("retention.ms", "-1")]),
    (Kind::Aged, &[("retention.ms", "20000")]),
    (
        Kind::Compacted,
        &[
            ("cleanup.policy", "compact"),
            ("min.cleanable.dirty.ratio", "0.01"),
            ("segment.bytes", "20000"),
        ],
    ),
];

/// How long records of [`Kind::Aged`] are kept.
pub const AGED_MS: i64 = 20_000;

/// The name of the fixed topic of a kind.
fn fixed_name(kind: Kind) -> String {
    format!("fixed-{kind:?}").to_lowercase()
}

/// Administrates for one life of the broker.
pub fn administrate(mut cx: Context) -> Result<(), Down> {
    for (kind, configs) in FIXED {
        let name = fixed_name(kind);
        if cx.broker.topic(&name).is_none() {
            let partitions = if kind == Kind::Kept { 3 } else { 1 };
            create(&cx, &name, kind, partitions, configs)?;
        }
    }
    if !cx.plan.administration {
        return Ok(());
    }
    for _ in 0..cx.plan.acts {
        let name = format!("passing-{}", cx.random.below(4));
        match (cx.random.below(6), cx.broker.topic(&name)) {
            (0 | 1, None) => {
                let partitions = cx.random.between(1, 4) as usize;
                create(&cx, &name, Kind::Kept, partitions, FIXED[0].1)?;
            }
            (2, Some(_)) => delete(&cx, &name)?,
            (3, Some(topic)) if topic.partitions.len() < 8 => {
                let total = topic.partitions.len() + 1;
                grow(&cx, &name, total)?;
            }
            _ => trim(&mut cx)?,
        }
        cx.rest_between_acts()?;
    }
    Ok(())
}

fn create(
    cx: &Context,
    name: &str,
    kind: Kind,
    partitions: usize,
    configs: &[(&str, &str)],
) -> Result<(), Down> {
    let asked = (kind, partitions);
    cx.ledger
        .lock()
        .maybe_created
        .insert(name.to_owned(), asked);
    let topic = NewTopic {
        name: name.to_owned(),
        partitions: Some(partitions),
        configs: configs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let results = cx.ask(cx.broker.create_topics(vec![topic], false))?;
    let mut ledger = cx.ledger.lock();
    match &results[0] {
        Ok(created) => ledger.created(created.id, name, kind, partitions),
        Err(TopicError::StorageFull) => drop(ledger.maybe_created.remove(name)),
        // It may have been created by a life that ended before it could say so.
        Err(TopicError::Stopped) => {}
        Err(error) => panic!("topic {name} cannot be created: {error}"),
    }
    Ok(())
}

fn delete(cx: &Context, name: &str) -> Result<(), Down> {
    let set = |presence| {
        let mut ledger = cx.ledger.lock();
        let topics = ledger.topics.values_mut();
        topics
            .filter(|topic| topic.name == name && topic.presence != Presence::Deleted)
            .for_each(|topic| topic.presence = presence);
    };
    set(Presence::MaybeDeleted);
    let topics = vec![TopicRef::Name(name.to_owned())];
    let results = cx.ask(cx.broker.delete_topics(topics))?;
    match &results[0] {
        Ok((_, id)) => {
            set(Presence::Deleted);
            cx.ledger.lock().commits.forget(*id);
        }
        Err(TopicError::Stopped) => {}
        Err(error) => panic!("topic {name} cannot be deleted: {error}"),
    }
    Ok(())
}

/// The ledger learns of more partitions at the next start at the latest.
fn grow(cx: &Context, name: &str, total: usize) -> Result<(), Down> {
    let result = cx.ask(cx.broker.create_partitions(name, total, false))?;
    let mut ledger = cx.ledger.lock();
    match result {
        Ok(()) => {
            let topics = ledger.topics.values_mut();
            topics
                .filter(|topic| topic.name == name && topic.presence == Presence::Exists)
                .for_each(|topic| topic.partitions.resize_with(total, Default::default));
        }
        Err(TopicError::StorageFull | TopicError::Stopped) => {}
        Err(error) => panic!("topic {name} cannot grow: {error}"),
    }
    Ok(())
}

/// Deletes records from the front of a topic that is for that.
fn trim(cx: &mut Context) -> Result<(), Down> {
    let Some((topic, place, Kind::Trimmed)) = any_partition(cx) else {
        return Ok(());
    };
    let reader = &topic.partitions[place.1 as usize];
    let (start, end) = (reader.start_offset(), reader.end_offset());
    let before = start + cx.random.below(end.saturating_sub(start) + 1);
    if let Some(partition) = cx.ledger.lock().partition(place) {
        partition.start_most = partition.start_most.max(before);
    }
    let positions = vec![(topic.clone(), place.1, Some(before))];
    let results = cx.ask(cx.broker.delete_records(positions))?;
    match &results[0] {
        Ok(start) => {
            assert!(*start >= before, "records before {before} are still there");
            if let Some(partition) = cx.ledger.lock().partition(place) {
                partition.start_least = partition.start_least.max(before);
            }
        }
        Err(DeleteRecordsError::Stopped) => {}
        Err(error) => panic!("records before {before} cannot be deleted: {error}"),
    }
    Ok(())
}
