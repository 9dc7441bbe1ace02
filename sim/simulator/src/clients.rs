//! Everybody who uses the broker in one life: they begin when everything was looked at, and the last one
//! out stops it.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::actors::{self, Producer};
use crate::context::Context;
use crate::inventory::{self, Afterwards};
use crate::ledger::Death;
use crate::schedule::Down;
use crate::verify::verify;

type Act = Box<dyn FnOnce(Context) -> Result<(), Down> + Send>;

/// Everybody who uses the broker in one life.
pub(crate) struct Clients {
    /// How the life before ended.
    pub(crate) before: Death,
    /// Producers live on.
    pub(crate) producers: Vec<Arc<Mutex<Producer>>>,
    /// Only look, do nothing.
    pub(crate) idle: bool,
    /// Everything was looked at.
    pub(crate) looked: Arc<Mutex<bool>>,
}

impl Clients {
    /// Looks at everything, then lets everybody loose; the last one out stops the broker.
    pub(crate) fn start(self, mut cx: Context) {
        if verify(&cx, self.before).is_err() {
            return;
        }
        let queues = cx.plan.queues.publishers > 0;
        let afterwards = match cx.random.clone().below(4) {
            _ if self.idle => Afterwards::Drain,
            0 => Afterwards::PurgeOne,
            _ => Afterwards::PutBack,
        };
        if queues && inventory::look(&mut cx, afterwards).is_err() {
            return;
        }
        let follows = cx.plan.queues.follows;
        if follows && actors::look_at_followed(&mut cx, true).is_err() {
            return;
        }
        *self.looked.lock() = true;
        let left = Arc::new(Mutex::new(1_usize));
        if !self.idle {
            self.cast(&mut cx, &left);
        }
        leave(cx, &left);
    }

    fn cast(self, cx: &mut Context, left: &Arc<Mutex<usize>>) {
        let plan = cx.plan.clone();
        let mut add = |name: &str, act: Act| {
            *left.lock() += 1;
            let (actor, last) = (cx.fork(), cx.clone());
            let left = Arc::clone(left);
            cx.schedule.spawn(name, move || {
                // Whoever finds the process dead has nothing more to do.
                let _ = act(actor);
                leave(last, &left);
            });
        };
        add("administrator", Box::new(actors::administrate));
        for producer in self.producers {
            let act = move |cx| actors::produce(cx, &producer);
            add("producer", Box::new(act));
        }
        for number in 0..plan.consumers {
            let act = move |cx| actors::consume(cx, number);
            add("consumer", Box::new(act));
        }
        for number in 0..plan.members {
            let act = move |cx| actors::belong(cx, number);
            add("member", Box::new(act));
        }
        if plan.queues.publishers > 0 {
            add("keeper", Box::new(actors::keep));
        }
        for number in 0..plan.queues.publishers {
            let act = move |cx| actors::publish(cx, number);
            add("publisher", Box::new(act));
        }
        if plan.queues.follows {
            add("follower of topics", Box::new(actors::follow));
        }
        for _ in 0..plan.queues.subscribers {
            add("subscriber", Box::new(actors::subscribe));
        }
        if plan.faults || plan.full {
            add("saboteur", Box::new(actors::sabotage));
        }
    }
}

/// The last one out looks into the queues once more, and stops the broker.
fn leave(mut cx: Context, left: &Mutex<usize>) {
    let last = {
        let mut left = left.lock();
        *left -= 1;
        *left == 0
    };
    if !last {
        return;
    }
    if cx.plan.queues.publishers > 0 && inventory::look(&mut cx, Afterwards::PutBack).is_err() {
        return;
    }
    if cx.plan.queues.follows && actors::look_at_followed(&mut cx, false).is_err() {
        return;
    }
    cx.broker.stop();
    cx.schedule.wake(cx.shard);
}
