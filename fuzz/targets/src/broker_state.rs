//! What the broker journals about itself: its events and the state in its snapshots, under checksums
//! that are right, so that nothing else stands between these bytes and the state machine.
//!
//! ```text
//! has a snapshot u8 | state of the machine?, event*      each behind its length in u16
//! ```
//!
//! It is refused, or it is a state that a broker can work with, store and open again.

use std::sync::Arc;

use bytes::Bytes;
use forebay_broker::storage::SimulatedDisk;
use forebay_record::BatchHeader;
use forebay_storage::{Engine, LogId, Replay};

mod queues;

use crate::disk::hold::{at, options, size, verify};
use crate::disk::journal_of;
use crate::kafka_session::{grown_disk, questions};
use crate::memory::{Bound, bounded};
use crate::world::{self, World};

/// What opening may take.
const OPENED: Bound = Bound {
    base: 1 << 20,
    per_byte: 16,
};
/// The most events of one input.
const EVENTS_MAX: usize = 64;

/// Runs the target.
pub(crate) fn run(input: &[u8]) {
    let Some((has_snapshot, rest)) = input.split_first() else {
        return;
    };
    let mut payloads = split(rest).into_iter();
    let machine = (has_snapshot % 2 == 1).then(|| payloads.next().unwrap_or_default());
    let events: Vec<_> = payloads.collect();
    let disk = journal_of(machine, &events);
    let opened = bounded("opening", size(&disk), OPENED, || {
        world::run(async { World::try_open(disk.clone()).map(drop) })
    });
    if opened.is_err() {
        return;
    }
    let disk = disk.after_kill();
    world::run(async {
        let mut world = World::open(disk.clone());
        world.connection(questions()).await;
        world.stop().await;
    });
    assert_eq!(
        verify(&disk).damages,
        [],
        "a clean stop leaves a clean folder"
    );
    let again = world::run(async { World::try_open(disk).map(drop) });
    if let Err(error) = again {
        // A state that says that nearly all numbers are given out may have come to the last of them.
        assert!(error.to_string().contains("used up"), "{error}");
    }
}

fn split(mut input: &[u8]) -> Vec<&[u8]> {
    let mut payloads = Vec::new();
    while let Some((length, rest)) = input.split_first_chunk()
        && payloads.len() <= EVENTS_MAX
    {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (payload, rest) = rest.split_at(length);
        payloads.push(payload);
        input = rest;
    }
    payloads
}

/// What a real broker has journaled: all its events, its state, and each event alone.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = of_disks(&grown_disk(false), &grown_disk(true));
    seeds.extend(of_disks(&queued_disk(false), &queued_disk(true)));
    seeds
}

fn of_disks(unfinished: &SimulatedDisk, stopped: &SimulatedDisk) -> Vec<Vec<u8>> {
    let events = Remembered::of(unfinished).events;
    let whole = Remembered::of(stopped);
    let mut seeds = vec![
        input(None, &events),
        input(whole.state.as_ref(), &[]),
        input(whole.state.as_ref(), &events[1..]),
    ];
    seeds.extend(
        events
            .iter()
            .map(|event| input(None, std::slice::from_ref(event))),
    );
    seeds
}

/// The disk of a broker with exchanges and queues that were used: snapshotted if it was `stopped`.
fn queued_disk(stopped: bool) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    world::run(async {
        let mut world = World::open(disk.clone());
        let broker = world.broker.clone();
        world.drive(queues::used(&broker)).await;
        if stopped {
            world.stop().await;
        }
    });
    disk.after_kill()
}

fn input(state: Option<&Bytes>, events: &[Bytes]) -> Vec<u8> {
    let mut input = vec![u8::from(state.is_some())];
    for payload in state.into_iter().chain(events) {
        let length = u16::try_from(payload.len()).expect("a small broker's state is small");
        input.extend(length.to_be_bytes());
        input.extend_from_slice(payload);
    }
    input
}

/// What a disk hands to the state machine.
#[derive(Default)]
pub(crate) struct Remembered {
    pub(crate) state: Option<Bytes>,
    pub(crate) events: Vec<Bytes>,
}

impl Remembered {
    pub(crate) fn of(disk: &SimulatedDisk) -> Self {
        let mut remembered = Self::default();
        let opened = Engine::open(Arc::new(disk.clone()), options(), &mut remembered, at(0));
        opened.expect("the disk is in good order");
        remembered
    }
}

impl Replay for Remembered {
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        self.state = Some(Bytes::copy_from_slice(snapshot));
        Ok(())
    }

    fn appended(&mut self, _: LogId, _: &BatchHeader, _: &[u8], _: i64) -> Result<(), String> {
        Ok(())
    }

    fn event(&mut self, payload: &[u8], _: i64) -> Result<(), String> {
        self.events.push(Bytes::copy_from_slice(payload));
        Ok(())
    }
}
