//! Somebody who declares queues, binds, purges and deletes them, and changes their policy.

use forebay_broker::access::{AccessChange, AccessError, Pattern};
use forebay_broker::host::HostError;
use forebay_broker::policy::{ApplyTo, Policy, PolicyKind, QueueTypes};

use super::publisher::any_queue;
use super::subscriber::host;
use crate::context::Context;
use crate::queues::{BOUND, CONNECTION, FAN, GRAVES, Kind, Rules, binding, exchange};
use crate::schedule::Down;

/// Keeps queues for one life of the broker.
pub fn keep(mut cx: Context) -> Result<(), Down> {
    for name in [GRAVES, FAN] {
        let declared = cx.ask(host(&cx).declare_exchange(exchange(name)))?;
        if !done(declared) {
            return Ok(());
        }
    }
    // What dies before there is a grave is lost.
    declare(&cx, Kind::Grave)?;
    if !done(cx.ask(host(&cx).bind(binding(GRAVES, Kind::Grave)))?) {
        return Ok(());
    }
    for kind in cx.plan.queues.kinds.clone() {
        if !kind.is_passing() {
            declare(&cx, kind)?;
            if kind.is_fanned() {
                bind(&cx, kind, true)?;
            }
        }
    }
    for _ in 0..cx.plan.queues.acts {
        act(&mut cx)?;
        cx.rest_between_acts()?;
    }
    Ok(())
}

fn act(cx: &mut Context) -> Result<(), Down> {
    let queue = any_queue(cx);
    match cx.random.below(8) {
        0 | 1 if queue.is_passing() => declare(cx, queue),
        2 | 3 if queue.is_passing() => bind(cx, queue, true),
        4 if queue.is_passing() => bind(cx, queue, false),
        5 if queue.is_passing() => delete(cx, queue),
        0 if queue == Kind::Ruled => rule(cx),
        7 if cx.random.one_in(4) => purge(cx, queue),
        _ => Ok(()),
    }
}

/// Whether it was done, and not refused by a full disk or a broker that stops.
fn done(answer: Result<(), HostError>) -> bool {
    match answer {
        Ok(()) => true,
        Err(HostError::StorageFull | HostError::Stopped | HostError::NoQueue(_)) => false,
        Err(error) => panic!("the keeper of queues is refused: {error}"),
    }
}

fn declare(cx: &Context, queue: Kind) -> Result<(), Down> {
    let ttl_ms = cx.plan.queues.ttl_ms;
    cx.ledger.lock().queues.declares(queue);
    cx.schedule.note("declare", &[queue as u64]);
    let definition = queue.definition(ttl_ms);
    let answer = cx.ask(host(cx).declare_queue(definition, CONNECTION))?;
    if done(answer.map(drop)) {
        cx.ledger.lock().queues.declared(queue);
    }
    Ok(())
}

fn bind(cx: &Context, queue: Kind, bound: bool) -> Result<(), Down> {
    cx.ledger.lock().queues.rebinds(queue);
    cx.schedule.note("bind", &[queue as u64, u64::from(bound)]);
    let binding = binding(FAN, queue);
    let answer = match bound {
        true => cx.ask(host(cx).bind(binding))?,
        false => cx.ask(host(cx).unbind(binding))?,
    };
    let is_gone = matches!(answer, Err(HostError::NoQueue(_)));
    if done(answer) || is_gone {
        cx.ledger.lock().queues.rebound(queue, bound && !is_gone);
    }
    Ok(())
}

fn delete(cx: &Context, queue: Kind) -> Result<(), Down> {
    let asked = cx.ledger.lock().queues.deletes(queue);
    cx.schedule.note("delete", &[queue as u64]);
    let name = queue.name().into();
    let answer = cx.ask(host(cx).delete_queue(name, false, false, CONNECTION))?;
    if done(answer.map(drop)) {
        cx.ledger.lock().queues.deleted(queue, asked);
    }
    Ok(())
}

fn purge(cx: &Context, queue: Kind) -> Result<(), Down> {
    let now_ms = cx.wall_ms();
    let asked = cx.ledger.lock().queues.purges(queue, now_ms);
    cx.schedule.note("purge", &[queue as u64]);
    let name = queue.name().into();
    let answer = cx.ask(host(cx).purge_queue(name, CONNECTION))?;
    if done(answer.map(drop)) {
        let now_ms = cx.wall_ms();
        cx.ledger.lock().queues.purged(queue, asked, now_ms);
    }
    Ok(())
}

fn rule(cx: &mut Context) -> Result<(), Down> {
    let queue = Kind::Ruled;
    let rules = match cx.random.below(3) {
        0 => Rules::default(),
        1 => Rules {
            ttl_ms: Some(cx.plan.queues.ttl_ms),
            most: None,
        },
        _ => Rules {
            ttl_ms: None,
            most: Some(BOUND),
        },
    };
    cx.ledger.lock().queues.rules(queue, rules);
    let number = [rules.ttl_ms.unwrap_or(0), rules.most.unwrap_or(0)];
    cx.schedule.note("policy", &number);
    let policy = Policy {
        pattern: Pattern::new(queue.name()).expect("a pattern"),
        apply_to: ApplyTo::Queues,
        priority: 0,
        definition: "{}".to_owned(),
        rules: rules.policy(),
        not_for: QueueTypes::default(),
    };
    let put = AccessChange::PutPolicy {
        kind: PolicyKind::User,
        virtual_host: "/".to_owned(),
        name: "rule".to_owned(),
        policy,
    };
    match cx.ask(cx.broker.change_access(vec![put]))? {
        Ok(()) => {
            let now_ms = cx.wall_ms();
            cx.ledger.lock().queues.ruled(queue, rules, now_ms);
        }
        Err(AccessError::StorageFull | AccessError::Stopped) => {}
        Err(error) => panic!("the policy is refused: {error}"),
    }
    Ok(())
}
