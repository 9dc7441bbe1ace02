//! The virtual host's state: exchanges, queues, consumers, and what follows when one of them moves.
//!
//! Every change of a queue goes through [`Host::turn`]. What it asks for in return is worked off at the
//! end of the command ([`Host::settle_effects`]), and what it changed is journaled with it
//! ([`Host::store_changes`]).

mod by_name;
mod carry;
mod consumers;
mod dead_letters;
mod delays;
mod encoding;
mod enqueue;
mod exchanges;
mod inspect;
mod leases;
mod peek;
mod policies;
mod publish;
mod queues;
mod redrive;
mod saved;
mod topic_subscriptions;
mod topics;
mod virtual_hosts;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_storage::codec::Encoder;
use forebay_storage::shard::Replies;
use forebay_storage::{Durability, Engine, IdMap, LogId, LogReader, Now, Scratch, StorageError};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::command::{Answer, HostResult};
use super::{BrokerMachine, Reply};
use crate::access::Directory;
use crate::event::{BrokerEvent, HostEvent};
use crate::host::{
    ConnectionId, DeadLetterTarget, ExchangeDefinition, HostCommand, HostReply, Notice,
    NoticeSender, Passed, QueueDefinition, QueueId, Recall, VirtualHostId,
};
use crate::limits::{QUEUE_TRIM_BYTES, QUEUE_TRIM_INTERVAL, WAITING_PUBLISH_INTERVAL};
use crate::queue::{CreditPools, Effect, Effects, HolderId, PoolId, Queue, QueueEvent, Turn};
use crate::routing::{Destinations, Router};
use crate::topic::Catalog;
use by_name::ByName;
use leases::Waiters;
use publish::Waiting;
use topic_subscriptions::TopicSubscriptions;

/// Names an exchange for as long as the broker's data lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ExchangeId(pub(crate) u64);

/// Where a binding leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Target {
    Queue(QueueId),
    Exchange(ExchangeId),
    Topic(Uuid),
}

/// All exchanges and queues of all virtual hosts.
pub(super) struct Host {
    exchanges: IdMap<ExchangeId, Exchange>,
    next_exchange: u64,
    queues: IdMap<QueueId, QueueState>,
    names: IdMap<VirtualHostId, Names>,
    /// Queues that end with a connection.
    exclusive: IdMap<ConnectionId, Vec<QueueId>>,
    /// What durable queues promise.
    durability: Durability,
    /// Reads messages that are routed again.
    recall: Recall,
    /// Where what is needed much later waits.
    scratch: Arc<Scratch>,

    holders: IdMap<HolderId, Holder>,
    pools: CreditPools,
    /// The queues whose consumers share a pool.
    pool_queues: IdMap<PoolId, Vec<QueueId>>,

    /// What is to be done because of what queues did.
    work: VecDeque<(QueueId, Effect)>,
    /// Queues with something to journal.
    touched: Vec<QueueId>,
    /// When queues have something to do by themselves, on the clock of their ages.
    deadlines: BTreeSet<(i64, QueueId)>,
    /// Who waits for messages without a subscription.
    waiters: IdMap<QueueId, Waiters>,
    next_waiter: u64,
    /// Publishers that wait for room in the journal.
    waiting: VecDeque<Waiting>,
    topic_subscriptions: TopicSubscriptions,
    /// Counts the messages without a key that went to topics: they go to the partitions in turn.
    keyless: u64,
    /// The medium is full.
    pub(super) is_full: bool,
    /// Something was settled that a power cut may undo.
    settled_unsynced: bool,
    /// Room for routing.
    found: Destinations<Target>,
    here: Destinations<Target>,
    now: Now,
}

/// What is called what in a virtual host.
struct Names {
    /// The ids of the exchanges that are always there begin here.
    predeclared: ExchangeId,
    exchanges: ByName<ExchangeId>,
    queues: ByName<QueueId>,
    /// What was published to the default exchange.
    passed: Passed,
}

struct Exchange {
    virtual_host: VirtualHostId,
    definition: ExchangeDefinition,
    router: Router<Target>,
    /// Where messages go that it has no binding for, by what it was declared with or by a policy.
    alternate: Option<Bytes>,
    /// The queue of what waits in it.
    delayed: Option<QueueId>,
    /// It lost a binding.
    was_unbound: bool,
    passed: Passed,
}

struct QueueState {
    virtual_host: VirtualHostId,
    definition: QueueDefinition,
    /// Where the dead go, by what it was declared with or by a policy.
    dead_letter: Option<DeadLetterTarget>,
    queue: Queue,
    /// None while the journal is replayed.
    reader: Option<LogReader>,
    durability: Durability,
    out: Effects,
    /// It is among those that are touched.
    touched: bool,
    deadline: Option<i64>,
    /// The log's front was given back up to here, and may be again from this time on.
    trimmed: u64,
    trim_due: Duration,
    /// Or when the journal has grown to so much.
    trim_due_bytes: u64,
}

/// Who takes messages of a queue.
struct Holder {
    queue: QueueId,
    /// None for who takes one message without a subscription.
    notices: Option<NoticeSender>,
}

/// What a command works with.
pub(super) struct Cx<'a> {
    pub(super) engine: &'a mut Engine,
    pub(super) replies: &'a mut Replies<Reply>,
    pub(super) next_log: &'a mut LogId,
    pub(super) directory: &'a Directory,
    pub(super) catalog: &'a Catalog,
}

impl BrokerMachine {
    pub(super) fn host(
        &mut self,
        virtual_host: VirtualHostId,
        command: HostCommand,
        answer: oneshot::Sender<HostResult>,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        let (host, mut cx) = self.host_with(engine, now, replies);
        host.settled_unsynced &= cx.engine.has_unsynced();
        let answers_settlements = command.answers_settlements();
        let (mut durability, result) = host.handle(virtual_host, command, &mut cx);
        host.finish(&mut cx);
        // Whoever is answered may count on it that what was settled before stays so.
        if answers_settlements && host.settled_unsynced {
            durability = durability.max(host.durability);
        }
        let answer = Answer::Host(answer, result);
        cx.replies.after(durability, answer);
    }

    pub(super) fn tick_host(
        &mut self,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        let (host, mut cx) = self.host_with(engine, now, replies);
        host.continue_publishing(&mut cx);
        while let Some((_, id)) = host
            .deadlines
            .first()
            .filter(|(due, _)| *due <= now.aging_ms)
        {
            let id = *id;
            host.forget_deadline(id);
            host.turn(id, |queue, turn| queue.tick(turn));
        }
        host.finish(&mut cx);
    }

    pub(super) fn host_with<'a>(
        &'a mut self,
        engine: &'a mut Engine,
        now: Now,
        replies: &'a mut Replies<Reply>,
    ) -> (&'a mut Host, Cx<'a>) {
        self.host.now = now;
        let cx = Cx {
            engine,
            replies,
            next_log: &mut self.next_log,
            directory: &self.directory,
            catalog: &self.catalog,
        };
        (&mut self.host, cx)
    }
}

impl Host {
    pub(super) fn new(durability: Durability, recall: Recall, scratch: Arc<Scratch>) -> Self {
        let mut host = Self {
            exchanges: IdMap::default(),
            next_exchange: 1,
            queues: IdMap::default(),
            names: IdMap::default(),
            exclusive: IdMap::default(),
            durability,
            recall,
            scratch,
            holders: IdMap::default(),
            pools: CreditPools::default(),
            pool_queues: IdMap::default(),
            work: VecDeque::new(),
            touched: Vec::new(),
            deadlines: BTreeSet::new(),
            waiters: IdMap::default(),
            next_waiter: 0,
            waiting: VecDeque::new(),
            topic_subscriptions: TopicSubscriptions::default(),
            keyless: 0,
            is_full: false,
            settled_unsynced: false,
            found: Destinations::new(),
            here: Destinations::new(),
            now: Now::new(Duration::ZERO, 0),
        };
        host.found(VirtualHostId::DEFAULT, ExchangeId(1));
        host
    }

    /// A page on disk that cannot be read takes messages with it, which a restart has of the journal.
    pub(super) fn failure(&self) -> Option<StorageError> {
        self.scratch.take_loss()
    }

    /// Does what is asked. Returns the answer, and when it may leave.
    fn handle(
        &mut self,
        vhost: VirtualHostId,
        command: HostCommand,
        cx: &mut Cx<'_>,
    ) -> (Durability, HostResult) {
        let at_once = |result| (Durability::Memory, result);
        match command {
            HostCommand::DeclareExchange(definition) => {
                self.declare_exchange(vhost, definition, cx)
            }
            HostCommand::CheckExchange { name } => {
                at_once(self.exchange(vhost, &name).map(|_| HostReply::Done))
            }
            HostCommand::DeleteExchange { name, if_unused } => {
                self.delete_exchange(vhost, &name, if_unused, cx)
            }
            HostCommand::Bind(bind) => self.bind(vhost, bind, cx),
            HostCommand::Unbind(bind) => self.unbind(vhost, bind, cx),
            HostCommand::DeclareQueue {
                definition,
                connection,
            } => self.declare_queue(vhost, definition, connection, cx),
            HostCommand::CheckQueue { name, connection } => {
                at_once(self.check_queue(vhost, &name, connection, cx))
            }
            HostCommand::DeleteQueue {
                name,
                if_unused,
                if_empty,
                connection,
            } => self.delete_queue(vhost, &name, if_unused, if_empty, connection, cx),
            HostCommand::AlterQueue(definition) => self.alter_queue(vhost, definition, cx),
            HostCommand::PurgeQueue {
                name,
                everything,
                connection,
            } => self.purge_queue(vhost, &name, everything, connection),
            HostCommand::Subscribe(subscribe) => at_once(self.subscribe(vhost, subscribe)),
            HostCommand::Cancel { holder } => at_once(self.cancel(holder)),
            HostCommand::Get(get) => self.get(vhost, get),
            // As durable as what was settled, see `BrokerMachine::host`.
            HostCommand::Settle { settlements, .. } => at_once(self.settle(settlements)),
            HostCommand::SetCredit { holder, credit } => at_once(self.set_credit(holder, credit)),
            HostCommand::SetPool { pool, limit } => at_once(self.set_pool(pool, limit)),
            HostCommand::Release { holders, pools } => at_once(self.release(&holders, &pools)),
            HostCommand::Disconnected { connection } => self.disconnected(connection, cx),
            HostCommand::Inspect(question) => at_once(self.inspect(vhost, question, cx.catalog)),
            HostCommand::Peek(peek) => at_once(self.peek(vhost, &peek)),
            HostCommand::Redrive(redrive) => self.redrive(vhost, redrive, cx),
            HostCommand::Receive { receive, waiter } => self.receive(vhost, receive, waiter),
            HostCommand::StopWaiting { queue, waiter } => {
                at_once(Ok(self.stop_waiting(vhost, &queue, waiter)))
            }
            HostCommand::Leases { queue, leases } => self.settle_leases(vhost, &queue, leases),
            HostCommand::SubscribeTopic(subscribe) => self.subscribe_topic(vhost, &subscribe, cx),
            HostCommand::UnsubscribeTopic {
                queue,
                topic,
                connection,
            } => self.unsubscribe_topic(vhost, &queue, &topic, connection, cx),
            // Whoever asks waits for nobody: what follows is in the journal behind it.
            HostCommand::Forward(forward) => at_once(self.forward(forward, cx)),
        }
    }

    /// Lets something happen to a queue. None if there is no such queue.
    fn turn<T>(
        &mut self,
        id: QueueId,
        act: impl FnOnce(&mut Queue, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        let state = self.queues.get_mut(&id)?;
        let mut turn = Turn {
            now_ms: self.now.aging_ms,
            pools: &mut self.pools,
            out: &mut state.out,
        };
        let done = act(&mut state.queue, &mut turn);
        self.work
            .extend(state.out.effects.drain(..).map(|effect| (id, effect)));
        if !state.touched {
            state.touched = true;
            self.touched.push(id);
        }
        Some(done)
    }

    /// The end of every command.
    pub(super) fn finish(&mut self, cx: &mut Cx<'_>) {
        self.settle_effects(cx);
        if !self.waiters.is_empty() {
            self.serve_waiters(cx);
        }
        self.tell_room();
        self.store_changes(cx);
        self.show_followed_topics(cx.catalog);
    }

    /// Does what queues ask for, as far as the journal has room.
    fn settle_effects(&mut self, cx: &mut Cx<'_>) {
        while let Some((id, effect)) = self.work.pop_front() {
            match effect {
                Effect::Deliver(delivery) => {
                    let Some(notices) = self.notices(delivery.holder) else {
                        continue;
                    };
                    let answer = Answer::Notice(notices, Notice::Delivered(delivery));
                    let end = delivery.offset + delivery.count;
                    cx.replies.after(self.readable_after(id, end), answer);
                }
                Effect::DeadLettered {
                    offset,
                    count,
                    reason,
                    mark,
                } => {
                    let buried = self.bury(id, offset, count, (reason, mark), cx);
                    if buried > 0 {
                        let moved = offset..offset + buried;
                        self.turn(id, |queue, turn| queue.buried(moved, turn));
                    }
                    if buried < count {
                        let rest = Effect::DeadLettered {
                            offset: offset + buried,
                            count: count - buried,
                            reason,
                            mark,
                        };
                        self.work.push_front((id, rest));
                        return;
                    }
                }
                Effect::Cancelled { consumer } => {
                    if let Some(notices) = self.notices(consumer) {
                        let answer = Answer::Notice(notices, Notice::Cancelled(consumer));
                        cx.replies.at_once(answer);
                    }
                }
                Effect::PoolFreed { pool } => self.tell_pool(pool),
                Effect::Gone { .. } => {
                    self.drop_queue(id, cx);
                }
                Effect::Dropped { .. } | Effect::Activated { .. } => {}
            }
        }
    }

    fn notices(&self, holder: HolderId) -> Option<NoticeSender> {
        self.holders.get(&holder)?.notices.clone()
    }

    /// When readers can read what is before `end`.
    fn readable_after(&self, id: QueueId, end: u64) -> Durability {
        match self.queues.get(&id) {
            Some(QueueState {
                reader: Some(reader),
                durability,
                ..
            }) if reader.end_offset() < end => (*durability).max(Durability::Os),
            _ => Durability::Memory,
        }
    }

    /// Journals what queues changed, gives back what they need no more, and notes when they want to
    /// be looked at.
    fn store_changes(&mut self, cx: &mut Cx<'_>) {
        for id in std::mem::take(&mut self.touched) {
            let now = self.now;
            let Some(state) = self.queues.get_mut(&id) else {
                continue;
            };
            state.touched = false;
            if !state.out.events.is_empty() {
                self.settled_unsynced |= state.definition.durable
                    && state.out.events.iter().any(QueueEvent::is_settlement);
                let mut events = Encoder::new();
                QueueEvent::encode_batch(&state.out.events, &mut events);
                state.out.events.clear();
                let changed = HostEvent::QueueChanged {
                    queue: id,
                    events: events.finish(),
                };
                cx.engine.note(&BrokerEvent::Host(changed).encode());
            }
            if !self.is_full {
                state.queue.page_out(&self.scratch);
            }
            let trim = state.trim(now, cx.engine, id);
            let deadline = state.queue.next_deadline().into_iter().chain(trim).min();
            if deadline != state.deadline {
                if let Some(old) = state.deadline.take() {
                    self.deadlines.remove(&(old, id));
                }
                state.deadline = deadline;
                self.deadlines.extend(deadline.map(|due| (due, id)));
            }
        }
    }

    fn forget_deadline(&mut self, id: QueueId) {
        if let Some(state) = self.queues.get_mut(&id)
            && let Some(due) = state.deadline.take()
        {
            self.deadlines.remove(&(due, id));
        }
    }

    /// When [`BrokerMachine::tick_host`] is next wanted.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        // There is nothing to look for before the shard hears of space.
        let may_publish = !self.waiting.is_empty() && !self.is_full;
        if may_publish || !self.work.is_empty() {
            return Some(self.now.monotonic + WAITING_PUBLISH_INTERVAL);
        }
        let (due, _) = self.deadlines.first()?;
        let wait = due.saturating_sub(self.now.aging_ms).max(0);
        Some(self.now.monotonic + Duration::from_millis(wait.unsigned_abs()))
    }
}

impl QueueState {
    /// Gives back the front of the log, not too often. Returns when to look again.
    fn trim(&mut self, now: Now, engine: &mut Engine, log: LogId) -> Option<i64> {
        let readable = self.reader.as_ref().map_or(0, LogReader::end_offset);
        let wanted = self.queue.log_start().min(readable);
        let journaled = engine.journaled_bytes();
        let is_due = now.monotonic >= self.trim_due || journaled >= self.trim_due_bytes;
        if wanted > self.trimmed && is_due {
            engine.advance_start(log, wanted);
            self.trimmed = wanted;
            self.trim_due = now.monotonic + QUEUE_TRIM_INTERVAL;
            self.trim_due_bytes = journaled + QUEUE_TRIM_BYTES;
        }
        (self.queue.log_start() > self.trimmed).then(|| {
            let wait = self.trim_due.saturating_sub(now.monotonic);
            let wait = wait.max(WAITING_PUBLISH_INTERVAL).as_millis();
            now.aging_ms
                .saturating_add(i64::try_from(wait).unwrap_or(i64::MAX))
        })
    }
}
