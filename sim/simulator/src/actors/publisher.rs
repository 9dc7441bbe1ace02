//! Somebody who publishes to queues, several messages at a time on their way.

use forebay_broker::host::VirtualHostId;

use crate::context::Context;
use crate::ledger::Route;
use crate::messages::messages;
use crate::queues::{FAN, Kind};
use crate::schedule::Down;

/// Messages on their way at once.
const IN_FLIGHT_MAX: u64 = 6;
/// Messages in one batch.
const RUN_MAX: u64 = 5;

/// Publishes for one life of the broker.
pub fn publish(mut cx: Context, publisher: u32) -> Result<(), Down> {
    for act in 0..cx.plan.queues.acts {
        // What is bound is asked first, before anybody binds it anew.
        let first = (act == 0).then_some(Route::Fan);
        publish_some(&mut cx, publisher, first)?;
        cx.rest_between_acts()?;
    }
    Ok(())
}

fn publish_some(cx: &mut Context, publisher: u32, mut first: Option<Route>) -> Result<(), Down> {
    let host = cx.broker.virtual_host(VirtualHostId::DEFAULT);
    let mut waiting = Vec::new();
    for _ in 0..cx.random.between(1, IN_FLIGHT_MAX) {
        let route = first.take().unwrap_or_else(|| route(cx));
        let asked = cx.ledger.lock().queues.asks();
        let mut numbers = Vec::new();
        let mut publications = Vec::new();
        for _ in 0..cx.random.between(1, 2) {
            let first = numbers.len();
            let count = match cx.random.one_in(3) {
                true => cx.random.between(2, RUN_MAX),
                false => 1,
            };
            numbers.extend((0..count).map(|_| cx.ledger.lock().number()));
            let now_ms = cx.wall_ms();
            let to = match route {
                Route::Queue(kind) => ("", kind.name()),
                Route::Fan => (FAN, ""),
            };
            let padding = cx.plan.value_bytes / 4;
            let run = &numbers[first..];
            let mut message = messages(run, to, now_ms, padding, &mut cx.random);
            let ttl_ms = cx.plan.queues.ttl_ms / 2 + 1;
            message.ttl_ms = cx.random.one_in(20).then_some(ttl_ms);
            message.priority = cx.random.below(4) as u8;
            let with = (message.ttl_ms, message.priority);
            let mut ledger = cx.ledger.lock();
            for number in run {
                ledger
                    .queues
                    .publish(*number, publisher, route, with, now_ms);
            }
            publications.push(message);
        }
        cx.schedule.note("publish", &numbers);
        waiting.push((route, asked, numbers, host.publish(publications)));
    }
    cx.schedule.wake(cx.shard);
    for (route, asked, numbers, answer) in waiting {
        let results = cx.ask(answer)?;
        let now_ms = cx.wall_ms();
        let mut ledger = cx.ledger.lock();
        for (number, result) in numbers.into_iter().zip(results) {
            ledger
                .queues
                .published(number, asked, route, &result, now_ms);
            ledger.counts.published += u64::from(result.is_ok());
        }
    }
    Ok(())
}

fn route(cx: &mut Context) -> Route {
    let queues = cx.plan.queues.kinds.clone();
    match cx.random.pick(&queues).copied() {
        Some(kind) if !cx.random.one_in(4) => Route::Queue(kind),
        Some(_) | None => Route::Fan,
    }
}

/// One of the queues of this seed, or the grave.
pub(super) fn any_queue(cx: &mut Context) -> Kind {
    let queues = cx.plan.queues.kinds.clone();
    let living = cx.random.pick(&queues).copied();
    match living {
        Some(kind) if !cx.random.one_in(6) => kind,
        _ => Kind::Grave,
    }
}
