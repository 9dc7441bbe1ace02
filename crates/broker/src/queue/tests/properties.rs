//! Thousands of random histories against a simple model, and what the journal makes of each.

use proptest::prelude::*;

use super::harness::*;
use super::model::*;
use crate::queue::settings::Cause;
use crate::queue::*;

const CONSUMERS: u64 = 4;
/// Those who get messages without a subscription.
const GETTERS: std::ops::Range<u64> = 10..12;

#[derive(Clone, Debug)]
enum Step {
    Enqueue {
        count: u64,
        bytes_each: u32,
        attributes: Attributes,
    },
    Subscribe {
        consumer: u64,
        settings: Subscription,
    },
    Cancel(u64),
    Release(u64),
    SetCredit(u64, Credit),
    SetPaused(u64, bool),
    SetPool(Option<u32>),
    Get {
        holder: u64,
        messages_max: u64,
        no_ack: bool,
    },
    /// Of what the holder has, from a position on.
    Settle {
        holder: u64,
        position: usize,
        length: usize,
        outcome: Outcome,
    },
    /// A token of a lock that is no more, or never was.
    Stale(u64, u64),
    Purge,
    TakeOut(u64),
    Discard(u64),
    PurgeEverything,
    Bound(Bounds),
    SingleActive(bool),
    Pass(i64),
    Restart,
    Restore,
}

struct World {
    bench: Bench,
    model: Model,
    settings: QueueSettings,
    /// A snapshot, and how much of the journal is in it.
    kept: Option<(Vec<u8>, usize)>,
    next_consumer: u64,
    /// The id under which each consumer is subscribed.
    ids: [u64; CONSUMERS as usize],
}

impl World {
    fn new(settings: QueueSettings) -> Self {
        Self {
            bench: Bench::new(settings.clone()),
            model: Model::new(settings.clone()),
            settings,
            kept: None,
            next_consumer: 100,
            ids: [0; CONSUMERS as usize],
        }
    }

    fn holder(&self, who: u64) -> HolderId {
        let consumer = self.ids.get(who as usize).copied();
        HolderId(consumer.unwrap_or(GETTERS.start + who % 2))
    }

    fn is_subscribed(&self, id: HolderId) -> bool {
        let consumer = self.model.consumers.get(&id);
        consumer.is_some_and(|consumer| consumer.subscribed)
    }

    fn run(&mut self, step: &Step) {
        let now_ms = self.bench.now_ms;
        let mut ticked = false;
        match step {
            Step::Enqueue {
                count,
                bytes_each,
                attributes,
            } => {
                let arrival = Arrival {
                    first: self.bench.queue.next_offset(),
                    count: *count,
                    bytes_each: *bytes_each,
                    attributes: Attributes {
                        not_before_ms: attributes.not_before_ms.map(|ms| ms + now_ms),
                        born_ms: attributes.born_ms.map(|ms| now_ms - ms),
                        ..*attributes
                    },
                };
                self.model.enqueue(&arrival, now_ms);
                self.bench.arrive(arrival);
                ticked = true;
            }
            Step::Subscribe { consumer, settings } => self.subscribe(*consumer, *settings),
            Step::Cancel(consumer) => {
                let id = self.holder(*consumer);
                let is_subscribed = self.is_subscribed(id);
                let result = self.bench.turn(|queue, turn| queue.cancel(id, turn));
                assert_eq!(result.is_ok(), is_subscribed);
                if let Some(consumer) = self.model.consumers.get_mut(&id) {
                    consumer.subscribed = false;
                }
            }
            Step::Release(holder) => {
                let id = self.holder(*holder);
                for (_, index) in self.model.locked_by(id) {
                    self.model.come_back(index, Cause::Released, now_ms, None);
                }
                self.model.consumers.remove(&id);
                self.bench.turn(|queue, turn| queue.release_all(id, turn));
            }
            Step::SetCredit(consumer, credit) => {
                let id = self.holder(*consumer);
                if self.is_subscribed(id) {
                    self.model.consumers.get_mut(&id).unwrap().settings.credit = *credit;
                    let set = self
                        .bench
                        .turn(|queue, turn| queue.set_credit(id, *credit, turn));
                    set.unwrap();
                }
            }
            Step::SetPaused(consumer, paused) => {
                let id = self.holder(*consumer);
                if self.is_subscribed(id) {
                    self.model.consumers.get_mut(&id).unwrap().paused = *paused;
                    let set = self
                        .bench
                        .turn(|queue, turn| queue.set_paused(id, *paused, turn));
                    set.unwrap();
                }
            }
            Step::SetPool(limit) => {
                self.model.pool = *limit;
                self.bench.pools.set(POOL, *limit);
                self.bench
                    .turn(|queue, turn| queue.pool_changed(POOL, turn));
            }
            Step::Get {
                holder,
                messages_max,
                no_ack,
            } => {
                let get = Get {
                    holder: HolderId(GETTERS.start + holder % 2),
                    messages_max: *messages_max,
                    lock_ms: None,
                    no_ack: *no_ack,
                    auto_ack: false,
                };
                self.bench.turn(|queue, turn| queue.get(get, turn));
            }
            Step::Settle {
                holder,
                position,
                length,
                outcome,
            } => self.settle(*holder, *position, *length, *outcome),
            Step::Stale(holder, number) => {
                let id = self.holder(*holder);
                let locked = self.model.locked_by(id);
                if !locked.iter().any(|(locked, _)| locked == number) {
                    let refused = self.bench.settle(id, *number..number + 1, Outcome::Ack);
                    assert!(refused.is_err());
                }
            }
            Step::Purge => {
                let purged = self.model.purge();
                let lost = self.bench.turn(|queue, turn| queue.purge(turn));
                assert_eq!(lost.ready, purged);
            }
            Step::TakeOut(position) => {
                let offset = position % (self.model.messages.len() as u64 + 1);
                let taken = self.model.take_out(offset as usize);
                // The tick that follows ends locks whose time is over this very millisecond.
                self.model.pass_to(self.bench.now_ms);
                let found = self.bench.turn(|queue, turn| {
                    let found = queue.take_out(offset, turn);
                    queue.tick(turn);
                    found
                });
                assert_eq!(found.is_some(), taken);
            }
            Step::Discard(position) => {
                let offset = position % (self.model.messages.len() as u64 + 1);
                let may = self.model.discard(offset as usize);
                let done = self.bench.turn(|queue, turn| queue.discard(offset, turn));
                assert_eq!(done, may);
            }
            Step::PurgeEverything => {
                self.model.purge_everything();
                self.bench.turn(|queue, turn| queue.purge_everything(turn));
            }
            Step::Bound(bounds) => {
                self.settings.bounds = *bounds;
                self.reconfigure();
            }
            Step::SingleActive(single_active) => {
                self.settings.single_active = *single_active;
                self.reconfigure();
            }
            Step::Pass(ms) => {
                self.pass(*ms);
                ticked = true;
            }
            Step::Restart => {
                self.restart();
                ticked = true;
            }
            Step::Restore => {
                let bytes = snapshot(&self.bench.queue);
                assert_eq!(snapshot(&restored(&bytes)), bytes);
                self.kept = Some((bytes, self.bench.journal.len()));
            }
        }
        self.observe(ticked);
    }

    fn subscribe(&mut self, consumer: u64, settings: Subscription) {
        if self.is_subscribed(self.holder(consumer)) {
            return;
        }
        let id = HolderId(self.next_consumer);
        let mut subscribed = self
            .model
            .consumers
            .values()
            .filter(|other| other.subscribed);
        let may = match subscribed.next() {
            Some(first) => !settings.exclusive && !first.settings.exclusive,
            None => true,
        };
        let result = self.bench.subscribe_with(id, settings);
        assert_eq!(result.is_ok(), may);
        if may {
            self.next_consumer += 1;
            self.ids[consumer as usize] = id.0;
            let consumer = Consumer {
                settings,
                paused: false,
                subscribed: true,
            };
            self.model.consumers.insert(id, consumer);
        }
    }

    fn settle(&mut self, holder: u64, position: usize, length: usize, outcome: Outcome) {
        let now_ms = self.bench.now_ms;
        let id = self.holder(holder);
        let locked = self.model.locked_by(id);
        let Some((first, _)) = locked.get(position % locked.len().max(1)).copied() else {
            return;
        };
        // As many as have consecutive numbers.
        let run: Vec<usize> = (first..first + length as u64)
            .map_while(|number| {
                let found = locked.binary_search_by_key(&number, |(number, _)| *number);
                found.ok().map(|place| locked[place].1)
            })
            .collect();
        let numbers = first..first + run.len() as u64;
        for index in run {
            match outcome {
                Outcome::Ack | Outcome::Sent => self.model.ack(index),
                Outcome::Reject => {
                    self.model.messages[index].state = State::Dying(DeathReason::Rejected);
                }
                Outcome::Nack { delay_ms } => {
                    self.model.come_back(index, Cause::Nacked, now_ms, delay_ms);
                }
                Outcome::Fail { delay_ms } => {
                    self.model.come_back(index, Cause::Failed, now_ms, delay_ms);
                }
                Outcome::Extend { lock_ms } => {
                    if let State::Locked { until_ms, .. } = &mut self.model.messages[index].state {
                        *until_ms = Some(now_ms + lock_ms as i64 + 1);
                    }
                }
            }
        }
        self.bench.settle(id, numbers, outcome).unwrap();
    }

    fn reconfigure(&mut self) {
        let settings = self.settings.clone();
        self.model.settings = settings.clone();
        self.bench
            .turn(|queue, turn| queue.reconfigure(settings, turn));
    }

    fn pass(&mut self, ms: i64) {
        let end_ms = self.bench.now_ms + ms;
        while let Some(due_ms) = self
            .bench
            .queue
            .next_deadline()
            .filter(|due| *due <= end_ms)
        {
            self.bench.now_ms = self.bench.now_ms.max(due_ms);
            self.model.pass_to(self.bench.now_ms);
            self.bench.turn(|queue, turn| queue.tick(turn));
            self.observe(true);
            let next_ms = self.bench.queue.next_deadline();
            assert!(next_ms.is_none_or(|next_ms| next_ms > self.bench.now_ms));
        }
        self.bench.now_ms = end_ms;
    }

    /// Replays the journal, or a snapshot and what came after it, then opens the queue.
    fn restart(&mut self) {
        let now_ms = self.bench.now_ms;
        self.compare_replay();
        for holder in self.model.holders() {
            for (_, index) in self.model.locked_by(holder) {
                if let State::Locked { until_ms: None, .. } = self.model.messages[index].state {
                    self.model.come_back(index, Cause::Released, now_ms, None);
                }
            }
        }
        self.model.pass_to(now_ms);
        self.model.consumers.clear();
        self.model.pool = None;
        let first = QueueSettings {
            bounds: Bounds::default(),
            single_active: false,
            ..self.settings.clone()
        };
        self.bench.restart(first);
    }

    fn compare_replay(&self) {
        let first = QueueSettings {
            bounds: Bounds::default(),
            single_active: false,
            ..self.settings.clone()
        };
        let live = snapshot(&self.bench.queue);
        assert_eq!(snapshot(&self.bench.replayed(first)), live);
        if let Some((bytes, length)) = &self.kept {
            let mut queue = restored(bytes);
            replay(&mut queue, &self.bench.journal[*length..]);
            assert_eq!(snapshot(&queue), live);
        }
    }

    fn observe(&mut self, ticked: bool) {
        let effects = self.bench.take_effects();
        let active = self.bench.queue.active_consumer();
        self.model.follow(&effects, self.bench.now_ms, active);
        self.model
            .judge(&self.bench.queue, self.bench.now_ms, ticked);
    }
}

fn attributes() -> impl Strategy<Value = Attributes> {
    let ttl = prop::option::weighted(0.2, prop::sample::select(vec![0, 10, 60]));
    let delay = prop::option::weighted(0.2, 0..60i64);
    let group = prop::option::weighted(0.7, 0..4u64);
    let age = prop::option::weighted(0.2, 0..160i64);
    let plain = Just(Attributes::default());
    let any = (0..6u8, ttl, delay, group, age).prop_map(
        |(priority, ttl_ms, not_before_ms, group, born_ms)| Attributes {
            priority,
            ttl_ms,
            not_before_ms,
            group,
            key: None,
            born_ms,
            deduplication: None,
        },
    );
    prop_oneof![plain, any]
}

fn credit() -> impl Strategy<Value = Credit> {
    prop_oneof![(0..5u32).prop_map(Credit::Window), Just(Credit::Unlimited)]
}

fn subscription() -> impl Strategy<Value = Subscription> {
    let flag = |weight| prop::bool::weighted(weight);
    (credit(), flag(0.5), flag(0.15), flag(0.1), 0..2i32).prop_map(
        |(credit, pooled, no_ack, exclusive, priority)| Subscription {
            credit,
            pool: pooled.then_some(POOL),
            no_ack,
            auto_ack: false,
            exclusive,
            priority,
        },
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let delay = || prop::option::weighted(0.3, 0..30u64);
    prop_oneof![
        3 => Just(Outcome::Ack),
        1 => Just(Outcome::Sent),
        2 => delay().prop_map(|delay_ms| Outcome::Nack { delay_ms }),
        2 => delay().prop_map(|delay_ms| Outcome::Fail { delay_ms }),
        1 => Just(Outcome::Reject),
        1 => (0..100u64).prop_map(|lock_ms| Outcome::Extend { lock_ms }),
    ]
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let messages = prop::option::of(0..12u64);
    let bytes = prop::option::of(0..100u64);
    let overflow = prop::sample::select(vec![
        Overflow::DropHead,
        Overflow::DropHead,
        Overflow::RejectPublish,
    ]);
    (messages, bytes, overflow).prop_map(|(messages, bytes, overflow)| Bounds {
        messages,
        bytes,
        overflow,
    })
}

fn settings() -> impl Strategy<Value = QueueSettings> {
    let orders = vec![
        Order::None,
        Order::None,
        Order::Fifo,
        Order::PerGroup,
        Order::FairGroups,
    ];
    let backoffs = vec![
        Backoff::None,
        Backoff::None,
        Backoff::Fixed { delay_ms: 20 },
        Backoff::Linear { base_ms: 10 },
    ];
    let counted = vec![Causes::FAILURES, Causes::ALL];
    let lock = prop::option::weighted(0.4, prop::sample::select(vec![1, 30, 80]));
    let ttl = prop::option::weighted(0.3, prop::sample::select(vec![0, 40, 150]));
    (
        lock,
        prop::option::of(0..3u32),
        prop::sample::select(counted),
        prop::sample::select(backoffs),
        any::<bool>(),
        prop::sample::select(orders),
        prop::sample::select(vec![0, 3]),
        ttl,
        any::<bool>(),
    )
        .prop_map(
            |(
                lock_ms,
                delivery_limit,
                counted,
                backoff,
                dead_letter,
                order,
                max_priority,
                ttl_ms,
                keeps_age,
            )| {
                QueueSettings {
                    lock_ms,
                    delivery_limit,
                    counted,
                    retry: RetryPolicy {
                        backoff,
                        jitter_percent: 30,
                        ..RetryPolicy::default()
                    },
                    dead_letter,
                    order,
                    max_priority,
                    ttl_ms,
                    keeps_age,
                    ..QueueSettings::default()
                }
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    let consumer = || 0..CONSUMERS;
    let holder = || 0..CONSUMERS + 2;
    prop_oneof![
        8 => (1..5u64, 0..20u32, attributes()).prop_map(|(count, bytes_each, attributes)| {
            Step::Enqueue { count, bytes_each, attributes }
        }),
        4 => (consumer(), subscription())
            .prop_map(|(consumer, settings)| Step::Subscribe { consumer, settings }),
        1 => consumer().prop_map(Step::Cancel),
        1 => holder().prop_map(Step::Release),
        1 => (consumer(), credit()).prop_map(|(consumer, credit)| Step::SetCredit(consumer, credit)),
        1 => (consumer(), any::<bool>()).prop_map(|(consumer, paused)| {
            Step::SetPaused(consumer, paused)
        }),
        1 => prop::option::of(0..6u32).prop_map(Step::SetPool),
        3 => (0..2u64, 1..6u64, prop::bool::weighted(0.2)).prop_map(|(holder, messages_max, no_ack)| {
            Step::Get { holder, messages_max, no_ack }
        }),
        10 => (holder(), any::<usize>(), 1..5usize, outcome()).prop_map(
            |(holder, position, length, outcome)| Step::Settle { holder, position, length, outcome }
        ),
        1 => (holder(), 0..30u64).prop_map(|(holder, number)| Step::Stale(holder, number)),
        1 => Just(Step::Purge),
        2 => any::<u64>().prop_map(Step::TakeOut),
        2 => any::<u64>().prop_map(Step::Discard),
        1 => Just(Step::PurgeEverything),
        1 => bounds().prop_map(Step::Bound),
        1 => any::<bool>().prop_map(Step::SingleActive),
        4 => (0..60i64).prop_map(Step::Pass),
        1 => Just(Step::Restart),
        1 => Just(Step::Restore),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_queue_does_what_a_list_of_messages_would(
        settings in settings(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new(settings);
        for step in &steps {
            world.run(step);
        }
        world.compare_replay();
    }
}
