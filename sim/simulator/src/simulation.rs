//! A run: one seed, one disk, several lives of the broker.

use std::sync::Arc;
use std::time::Duration;

use forebay_broker::storage::{Clock, Now, StorageError};
use forebay_broker::{Broker, BrokerOptions, BrokerShard, Environment, Randomness};
use forebay_storage::shard::Turn;
use forebay_storage::{FileId, Options, SimulatedDisk};
use parking_lot::Mutex;

use crate::actors::{self, Producer};
use crate::clients::Clients;
use crate::context::Context;
use crate::damage::Damage;
use crate::disk::{ChangePoint, ScheduledDisk};
use crate::ledger::{Death, Ledger};
use crate::plan::{Plan, QueuePlan};
use crate::queues::Kind;
use crate::random::Random;
use crate::report::{End, Report};
use crate::schedule::{Schedule, current};
use crate::trace::Trace;

/// What a run is asked to do beside its seed.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The seed.
    pub seed: u64,
    /// Print every event.
    pub printing: bool,
    /// Run the recorded workload, and cut its first life.
    pub cut: Option<Cut>,
    /// From its first life on, the disk's syncs do nothing.
    pub lying_disk: bool,
}

/// Where and how the first life ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Where; None lets it end in order.
    pub at: Option<ChangePoint>,
    /// How.
    pub death: Death,
    /// What a power cut leaves.
    pub keep: Keep,
}

/// What a power cut leaves of writes that were not synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Any sectors.
    #[default]
    Some,
    /// All of them.
    All,
    /// None of them.
    Nothing,
}

struct Simulation {
    request: Request,
    plan: Plan,
    random: Random,
    disk: SimulatedDisk,
    newest: FileId,
    ledger: Arc<Mutex<Ledger>>,
    producers: Vec<Arc<Mutex<Producer>>>,
    wall_ms: i64,
    report: Report,
    trace: Trace,
}

/// Runs a seed. The error is what was wrong.
pub fn run(request: &Request) -> Result<Report, String> {
    crate::failure::note_panics();
    let mut random = Random::new(request.seed);
    let plan = match request.cut {
        Some(_) => Plan::recorded(),
        None => Plan::new(request.seed, &mut random),
    };
    let numbers = 0..plan.producers();
    let producers =
        numbers.map(|number| Arc::new(Mutex::new(Producer::new(number, number < plan.idempotent))));
    let mut simulation = Simulation {
        producers: producers.collect(),
        trace: Trace::printing(request.printing),
        request: request.clone(),
        plan,
        random,
        disk: SimulatedDisk::new(),
        newest: FileId(0),
        ledger: Arc::default(),
        wall_ms: 1_700_000_000_000,
        report: Report::default(),
    };
    if simulation.plan.queues.publishers > 0 {
        let QueuePlan { kinds, ttl_ms, .. } = &simulation.plan.queues;
        let mut ledger = simulation.ledger.lock();
        ledger.queues.expect(kinds, *ttl_ms);
        ledger.queues.expect(&[Kind::Grave], *ttl_ms);
    }
    let mut death = Death::Kill;
    for life in 0..simulation.plan.lives {
        let last = life + 1 == simulation.plan.lives;
        death = simulation.live(life, last, death)?;
    }
    // What the last life left is looked at as well.
    simulation.live(u32::MAX, true, death)?;
    let verdict = simulation.ledger.lock().judge(simulation.plan.producers());
    if let Some(verdict) = verdict {
        return Err(format!("the checkers found\n{verdict}"));
    }
    simulation.report.counts = simulation.ledger.lock().counts;
    simulation.report.trace = simulation.trace.value();
    Ok(simulation.report)
}

impl Simulation {
    /// One life of the broker, and what is left of the disk after it.
    fn live(&mut self, life: u32, last: bool, before: Death) -> Result<Death, String> {
        let damage = (self.plan.flips && !last && self.random.one_in(2))
            .then(|| Damage::inflict(&self.disk, self.newest, &mut self.random))
            .flatten();
        self.report.flips += u64::from(damage.is_some());
        let first_cut = self.request.cut.filter(|_| life == 0);
        let orderly = last || self.request.cut.is_some();
        let down_at = (!orderly && !self.random.one_in(self.plan.orderly_one_in))
            .then(|| self.random.below(self.plan.steps_most) + 1);
        let schedule = Schedule::new(
            self.random.fork(),
            Duration::from_secs(self.random.below(1000)),
            down_at,
            std::mem::take(&mut self.trace),
        );
        let disk = ScheduledDisk::new(
            self.disk.clone(),
            Arc::clone(&schedule),
            self.random.fork(),
            self.plan.speed,
            first_cut.and_then(|cut| cut.at),
        );
        if self.request.lying_disk {
            disk.lie();
        }
        let end = Arc::new(Mutex::new(End::default()));
        let looked = Arc::new(Mutex::new(false));
        let stage_report = Arc::new(Mutex::new(Report::default()));
        let stage = Stage {
            plan: self.plan.clone(),
            disk: disk.clone(),
            schedule: Arc::clone(&schedule),
            ledger: Arc::clone(&self.ledger),
            producers: self.producers.clone(),
            random: self.random.fork(),
            started_ms: self.wall_ms,
            began: schedule.now(),
            before,
            damaged: damage.map(|damage| damage.file()),
            idle: life == u32::MAX,
            end: Arc::clone(&end),
            looked: Arc::clone(&looked),
            report: Arc::clone(&stage_report),
        };
        let began = schedule.now();
        schedule.spawn("shard", move || stage.serve());
        let outcome = schedule.run();
        self.trace = outcome.trace;
        self.report.turns += outcome.steps;
        self.wall_ms += (outcome.now - began).as_millis() as i64 + 1;
        let how = format!("life {life}");
        self.ledger
            .lock()
            .history
            .ended(&how, self.wall_ms as u64 * 1000);
        if life == 0 {
            self.report.changes = disk.changes();
        }
        let end = *end.lock();
        let in_order = end == End::Orderly;
        self.ledger.lock().queues.ended(in_order, self.wall_ms);
        if let Some(failure) = outcome.failure {
            let life = if life == u32::MAX {
                "the last look".to_owned()
            } else {
                format!("life {life}")
            };
            return Err(format!("{life}: {failure}"));
        }
        let (death, keep) = match first_cut {
            Some(cut) => (cut.death, cut.keep),
            None if self.random.one_in(2) => (Death::Kill, Keep::Some),
            None => (Death::PowerCut, Keep::Some),
        };
        self.report.ended(end, death);
        self.report += &*stage_report.lock();
        self.newest = self.newest.max(disk.newest_written());
        self.disk = self.image(disk.raw(), death, keep);
        self.disk.set_capacity(actors::ROOMY_BYTES);
        if let Some(damage) = damage {
            damage.repair(&self.disk);
        }
        // Until everything was looked at, what the death before took is still not known.
        let looked = *looked.lock();
        Ok(if looked { death } else { death.max(before) })
    }

    fn image(&mut self, disk: &SimulatedDisk, death: Death, keep: Keep) -> SimulatedDisk {
        if death == Death::Kill {
            return disk.after_kill();
        }
        let chance = self.random.below(5);
        let random = &mut self.random;
        disk.after_power_cut(|| match keep {
            Keep::Some => random.below(4) < chance,
            Keep::All => true,
            Keep::Nothing => false,
        })
    }
}

/// All that a life of the broker needs.
struct Stage {
    plan: Plan,
    disk: ScheduledDisk,
    schedule: Arc<Schedule>,
    ledger: Arc<Mutex<Ledger>>,
    producers: Vec<Arc<Mutex<Producer>>>,
    random: Random,
    started_ms: i64,
    began: Duration,
    before: Death,
    damaged: Option<String>,
    /// Only look, do nothing.
    idle: bool,
    end: Arc<Mutex<End>>,
    /// Everything was looked at.
    looked: Arc<Mutex<bool>>,
    report: Arc<Mutex<Report>>,
}

impl Stage {
    /// The shard's thread: opens the broker and serves until the end of the life.
    fn serve(mut self) {
        let environment = Environment {
            medium: Arc::new(self.disk.clone()),
            clock: Arc::new(SimulatedClock {
                schedule: Arc::clone(&self.schedule),
                wall_ms: self.started_ms,
                began: self.began,
            }),
            randomness: Arc::new(SimulatedRandomness(Mutex::new(self.random.fork()))),
        };
        match Broker::open(environment, storage_options(), BrokerOptions::default()) {
            Ok((broker, shard, recovered)) => {
                self.report.lock().started(&recovered);
                self.run(broker, shard);
            }
            Err(_) if self.schedule.is_down() => {}
            Err(error) => {
                let refused = matches!(&error, StorageError::Corrupt { file, .. }
                    if self.damaged.as_ref() == Some(file));
                assert!(refused, "it does not start: {error}");
                *self.end.lock() = End::Refused;
            }
        }
    }

    fn run(&mut self, broker: Broker, mut shard: BrokerShard) {
        let me = current();
        let cx = Context {
            schedule: Arc::clone(&self.schedule),
            shard: me,
            broker,
            disk: self.disk.clone(),
            ledger: Arc::clone(&self.ledger),
            started_ms: self.started_ms,
            began: self.began,
            plan: self.plan.clone(),
            damaged: self.damaged.clone(),
            random: self.random.fork(),
        };
        if self.plan.queues.follows {
            crate::forwarding::forward(&self.schedule, me, &cx.broker);
        }
        let clients = Clients {
            before: self.before,
            producers: self.producers.clone(),
            idle: self.idle,
            looked: Arc::clone(&self.looked),
        };
        self.schedule.spawn("clients", move || clients.start(cx));
        let schedule = Arc::clone(&self.schedule);
        let mut start = |job: forebay_storage::shard::BackgroundJob| {
            let schedule = Arc::clone(&self.schedule);
            *self.report.lock().jobs.entry(job.name()).or_default() += 1;
            self.schedule.spawn(job.name(), move || {
                job.run();
                schedule.wake(me);
            });
        };
        let mut waited = false;
        while schedule.pause().is_ok() {
            // Who sends something to a shard that waits begins with it, and leaves the rest.
            let passing = waited.then(|| shard.turn_in_passing()).flatten();
            let turn = passing.map_or_else(|| shard.turn(&mut start), |wait| Ok(Turn::Wait(wait)));
            waited = matches!(turn, Ok(Turn::Wait(_)));
            match turn {
                Ok(Turn::Again) => {}
                Ok(Turn::Wait(patience)) => {
                    let deadline = schedule.now().saturating_add(patience);
                    if schedule.wait(Some(deadline)).is_err() {
                        return;
                    }
                }
                Ok(Turn::Stopped) => {
                    *self.end.lock() = End::Orderly;
                    return;
                }
                Err(_) if schedule.is_down() => return,
                Err(error) => {
                    assert!(self.plan.faults, "the journal failed: {error}");
                    *self.end.lock() = End::Failed;
                    schedule.go_down();
                    return;
                }
            }
        }
    }
}

/// Small, so that files fill, sort and merge in a short run.
fn storage_options() -> Options {
    Options {
        journal_file_bytes: 1 << 20,
        tail_cache_bytes: 64 << 10,
        reserve_bytes: 0,
        retention_interval: Duration::from_secs(2),
        compaction_interval: Duration::from_secs(1),
        compaction_key_bytes: 1 << 20,
        // Some sorts take on all the files that wait, some a few.
        sort_index_bytes: 256 << 10,
        // They come as early as they can.
        sealed_files_left: 0,
    }
}

struct SimulatedClock {
    schedule: Arc<Schedule>,
    wall_ms: i64,
    began: Duration,
}

impl Clock for SimulatedClock {
    fn now(&self) -> Now {
        let monotonic = self.schedule.now();
        Now::new(
            monotonic,
            self.wall_ms + (monotonic - self.began).as_millis() as i64,
        )
    }
}

struct SimulatedRandomness(Mutex<Random>);

impl Randomness for SimulatedRandomness {
    fn bytes16(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.0.lock().fill(&mut bytes);
        bytes
    }
}
