//! What a seed does: each leaves some things out, so that the others come in combinations and numbers
//! that a mixture of everything never reaches (swarm testing).

use crate::disk::Speed;
use crate::ledger::Kind;
use crate::queues;
use crate::random::Random;

/// From this seed on, nobody ever asks for a sync: to look closer at what a power cut leaves of that.
const UNSYNCED_SEEDS: u64 = 1 << 32;

/// From this seed on, everybody uses queues alone.
const QUEUE_SEEDS: u64 = 1 << 33;

/// The choices of a seed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often the broker is started.
    pub lives: u32,
    /// Turns after which a life ends at the latest, if it does not end in order.
    pub steps_most: u64,
    /// One life in so many ends in order.
    pub orderly_one_in: u64,
    /// Producers that number their batches, and those that do not.
    pub idempotent: u32,
    /// See `idempotent`.
    pub plain: u32,
    /// Readers of single partitions.
    pub consumers: u32,
    /// Members of a consumer group.
    pub members: u32,
    /// How often each actor acts in a life.
    pub acts: u32,
    /// Topics are created and deleted, grow, and are cut from the front.
    pub administration: bool,
    /// Writes, syncs and blobs fail.
    pub faults: bool,
    /// The disk fills and empties.
    pub full: bool,
    /// Bits of cold files flip between two lives.
    pub flips: bool,
    /// Everybody uses topics of this kind only. Of durability `os` alone, for example, several entries
    /// of the journal are on their way to the disk at a time.
    pub focus: Option<Kind>,
    /// Records of a batch, at most.
    pub records_most: u64,
    /// The largest value.
    pub value_bytes: u64,
    /// The longest pause of an actor, in microseconds.
    pub rest_micros: u64,
    /// How the disk behaves.
    pub speed: Speed,
    /// Who uses queues.
    pub queues: QueuePlan,
}

/// Who uses which queues.
#[derive(Clone, Debug, Default)]
pub struct QueuePlan {
    /// Those who publish.
    pub publishers: u32,
    /// Those who consume.
    pub subscribers: u32,
    /// How often each of them acts in a life.
    pub acts: u32,
    /// The queues, beside the grave.
    pub kinds: Vec<queues::Kind>,
    /// How long messages live where they expire.
    pub ttl_ms: u64,
    /// A queue is subscribed to topics.
    pub follows: bool,
}

impl Plan {
    /// The choices of a seed.
    pub fn new(seed: u64, random: &mut Random) -> Self {
        let plan = Self::any(random);
        // Of a generator of its own: seeds that leave queues out do what they did before there were any.
        let mut queues = Random::new(!seed);
        if seed >= QUEUE_SEEDS {
            return plan.queues_alone(&mut queues);
        }
        if queues.one_in(4) && seed < UNSYNCED_SEEDS {
            return plan.with_queues(&mut queues);
        }
        if seed >= UNSYNCED_SEEDS || (plan.focus == Some(Kind::Os) && random.one_in(2)) {
            plan.unsynced()
        } else {
            plan
        }
    }

    /// Nobody asks for a sync, and entries of the journal are small: of many that a power cut finds on
    /// their way, any may be left behind. Their lengths are the same, so that what the next life writes
    /// often ends where one of them begins.
    fn unsynced(self) -> Self {
        Self {
            lives: 12,
            focus: Some(Kind::Os),
            steps_most: 400,
            orderly_one_in: 50,
            idempotent: 0,
            plain: 2,
            consumers: 0,
            members: 0,
            acts: 40,
            administration: false,
            faults: false,
            full: false,
            records_most: 1,
            value_bytes: 0,
            rest_micros: 300,
            speed: Speed::Usual,
            ..self
        }
    }

    /// Queues beside topics. Bits do not flip then: who moves the dead does not wait for who repairs.
    fn with_queues(self, random: &mut Random) -> Self {
        let some = queues::Kind::LIVING.into_iter();
        let density = random.between(1, 3);
        let mut kinds: Vec<_> = some.filter(|_| random.one_in(density)).collect();
        if kinds.is_empty() {
            kinds.push(queues::Kind::Plain);
        }
        Self {
            flips: false,
            queues: QueuePlan {
                publishers: random.between(1, 3) as u32,
                subscribers: random.between(1, 4) as u32,
                acts: self.acts,
                kinds,
                ttl_ms: *random.pick(&[50, 2000, 20_000]).unwrap_or(&50),
                follows: random.one_in(2),
            },
            ..self
        }
    }

    fn queues_alone(self, random: &mut Random) -> Self {
        Self {
            idempotent: 0,
            plain: 0,
            consumers: 0,
            members: 0,
            administration: false,
            ..self.with_queues(random)
        }
    }

    fn any(random: &mut Random) -> Self {
        let idempotent = random.between(0, 3) as u32;
        Self {
            lives: random.between(3, 7) as u32,
            steps_most: *random.pick(&[200, 800, 4000]).unwrap_or(&1500),
            orderly_one_in: random.between(2, 8),
            idempotent,
            plain: random.between(u64::from(idempotent == 0), 2) as u32,
            consumers: random.between(0, 3) as u32,
            members: *random.pick(&[0, 0, 2, 3]).unwrap_or(&0),
            acts: random.between(5, 40) as u32,
            administration: random.one_in(2),
            faults: random.one_in(4),
            full: random.one_in(6),
            flips: random.one_in(4),
            focus: *random
                .pick(&[
                    None,
                    None,
                    None,
                    Some(Kind::Os),
                    Some(Kind::Kept),
                    Some(Kind::Compacted),
                ])
                .unwrap_or(&None),
            records_most: 4,
            value_bytes: *random.pick(&[40, 4000, 60_000, 200_000]).unwrap_or(&40),
            rest_micros: *random
                .pick(&[100, 5000, 100_000, 2_000_000])
                .unwrap_or(&100),
            speed: *random
                .pick(&[Speed::Usual, Speed::Usual, Speed::Stalling])
                .unwrap_or(&Speed::Usual),
            queues: QueuePlan::default(),
        }
    }

    /// How many producers there are.
    pub fn producers(&self) -> u32 {
        self.idempotent + self.plain
    }

    /// One life that is recorded and cut at each of its changes, and the lives that show what is left.
    pub fn recorded() -> Self {
        Self {
            lives: 3,
            steps_most: 0,
            orderly_one_in: 1,
            idempotent: 2,
            plain: 1,
            consumers: 2,
            members: 2,
            acts: 25,
            administration: true,
            faults: false,
            full: false,
            flips: false,
            focus: None,
            records_most: 4,
            value_bytes: 60_000,
            rest_micros: 50_000,
            speed: Speed::Usual,
            queues: QueuePlan {
                publishers: 1,
                subscribers: 1,
                acts: 6,
                kinds: vec![
                    queues::Kind::Plain,
                    queues::Kind::DropsHead,
                    queues::Kind::Mortal,
                    queues::Kind::Passing,
                ],
                ttl_ms: 50,
                follows: true,
            },
        }
    }
}
