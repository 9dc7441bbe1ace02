//! Somebody who subscribes a queue to topics, and looks what came into it.

use std::time::Duration;

use bytes::Bytes;
use forebay_broker::host::{HostError, Peek, StoredMessage, TopicStart, header};
use forebay_broker::storage::ReadError;

use super::{any_partition, host};
use crate::context::Context;
use crate::ledger::Forwarded;
use crate::queues::{CONNECTION, FOLLOWED, Kind};
use crate::schedule::Down;

/// Messages that are looked at at once.
const PEEKED: usize = 500;
/// How often a look waits for what is on its way.
const PATIENCE: u32 = 300;

/// Subscribes for one life of the broker.
pub fn follow(mut cx: Context) -> Result<(), Down> {
    let definition = forebay_broker::host::QueueDefinition {
        name: FOLLOWED.into(),
        ..Kind::Plain.definition(0)
    };
    let declared = cx.ask(host(&cx).declare_queue(definition, CONNECTION))?;
    if !done(declared.map(drop)) {
        return Ok(());
    }
    cx.ledger.lock().followed.declared = true;
    for _ in 0..cx.plan.queues.acts {
        act(&mut cx)?;
        cx.rest_between_acts()?;
    }
    Ok(())
}

fn act(cx: &mut Context) -> Result<(), Down> {
    let Some((topic, _, _)) = any_partition(cx) else {
        return Ok(());
    };
    cx.schedule.note("subscribe", &[]);
    let name = Bytes::copy_from_slice(topic.name.as_str().as_bytes());
    let start = TopicStart::Earliest;
    let host = host(cx);
    let asked = host.subscribe_topic(FOLLOWED.into(), name, start, CONNECTION);
    if done(cx.ask(asked)?.map(drop)) {
        // A topic of that name; whether it is this one is known if this one is there still.
        if cx.broker.catalog().get_by_id(topic.id).is_some() {
            cx.ledger.lock().followed.topics.insert(topic.id);
        }
    }
    Ok(())
}

/// Whether it was done, and not refused by a full disk, a broker that stops or a topic that is gone.
fn done(answer: Result<(), HostError>) -> bool {
    match answer {
        Ok(()) => true,
        Err(HostError::StorageFull | HostError::Stopped | HostError::NoTopic(_)) => false,
        Err(error) => panic!("the follower is refused: {error}"),
    }
}

/// Looks at everything that came into the queue: every record once, in its order, and with `complete` none
/// left out.
pub(crate) fn look_at_followed(cx: &mut Context, complete: bool) -> Result<(), Down> {
    if !cx.ledger.lock().followed.declared {
        return Ok(());
    }
    if complete && !caught_up(cx)? {
        return Ok(());
    }
    let Some(found) = peeked(cx)? else {
        return Ok(());
    };
    cx.schedule.note("forwarded", &[found.len() as u64]);
    cx.ledger.lock().forwarded(&found, complete);
    if cx.random.one_in(3) {
        purge(cx)?;
    }
    Ok(())
}

/// Waits until the queue has all there is. Not if the broker stops.
fn caught_up(cx: &Context) -> Result<bool, Down> {
    for _ in 0..PATIENCE {
        let queue = match cx.ask(host(cx).queue(FOLLOWED.into()))? {
            Ok(queue) => queue.expect("the queue is there for ever"),
            Err(HostError::Stopped) => return Ok(false),
            Err(error) => panic!("{FOLLOWED}: {error}"),
        };
        let mut partitions = queue.topics.iter().flat_map(|topic| &topic.partitions);
        if partitions.all(|(position, end)| position >= end) {
            return Ok(true);
        }
        cx.schedule.sleep(Duration::from_millis(100))?;
    }
    panic!("{FOLLOWED} is not given what its topics have");
}

/// Everything in the queue. None if the broker stops.
fn peeked(cx: &Context) -> Result<Option<Vec<Forwarded>>, Down> {
    let mut found = Vec::new();
    let mut from = 0;
    loop {
        let peek = Peek {
            queue: FOLLOWED.into(),
            from,
            below: u64::MAX,
            limit: PEEKED,
        };
        let peeked = match cx.ask(host(cx).peek(peek))? {
            Ok(peeked) => peeked,
            Err(HostError::Stopped) => return Ok(None),
            Err(error) => panic!("{FOLLOWED}: {error}"),
        };
        let Some(last) = peeked.standings.last() else {
            return Ok(Some(found));
        };
        // What is not durable yet cannot be read, and is a moment later.
        if peeked.log.end_offset() <= last.offset {
            cx.schedule.sleep(Duration::from_millis(10))?;
            continue;
        }
        let read = match peeked.read(usize::MAX) {
            Ok(read) => read,
            Err(_) if cx.schedule.is_down() => return Err(Down),
            Err(ReadError::Storage(error)) => {
                cx.expect_damage(&error);
                return Ok(None);
            }
            Err(error) => panic!("{FOLLOWED}: {error}"),
        };
        let messages = read.messages.iter();
        found.extend(messages.map(|(standing, message)| forwarded(standing.offset, message)));
        from = last.offset + 1;
    }
}

fn forwarded(queue_offset: u64, message: &StoredMessage) -> Forwarded {
    let number = |name| {
        let value = message.header(name).expect("a message says where it was");
        let text = std::str::from_utf8(value).expect("a number");
        text.parse::<u64>().expect("a number")
    };
    let value = message.body[..8].try_into().map(u64::from_le_bytes);
    Forwarded {
        queue_offset,
        partition: number(header::PARTITION) as i32,
        offset: number(header::OFFSET),
        value: value.expect("eight bytes"),
    }
}

fn purge(cx: &Context) -> Result<(), Down> {
    cx.ledger.lock().followed.purges();
    match cx.ask(host(cx).purge_queue(FOLLOWED.into(), CONNECTION))? {
        Ok(_) | Err(HostError::Stopped) => Ok(()),
        Err(error) => panic!("{FOLLOWED} cannot be purged: {error}"),
    }
}
