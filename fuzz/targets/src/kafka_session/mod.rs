//! A whole broker behind its Kafka gateway, and a client that says anything: what it writes is the
//! input. It is all one thread and made-up time, so an input does the same each time, and waiting
//! costs nothing.
//!
//! ```text
//! how u8 | ...    even  bytes of the connection as they are
//!                 odd   requests: length u16 | frame, each of which gets the right length in front
//! ```
//!
//! Whatever is sent: nothing panics, nobody waits for ever, memory stays in proportion to what was
//! sent and what is stored, answers keep the order of the requests and can be read, and afterwards the
//! data folder is in good order.

mod answers;
mod seeds;

use std::sync::LazyLock;

use forebay_storage::SimulatedDisk;

use crate::disk::hold::verify;
use crate::memory::{Bound, bounded};
use crate::world::{self, World};

pub(crate) use seeds::{grown_disk, questions, seeds};

/// What a connection may take.
const SESSION: Bound = Bound {
    // The broker itself, and the largest answers that a request of a few bytes may have.
    base: 64 << 20,
    per_byte: 64,
};

/// A broker's disk with some topics, which every session begins with.
static DISK: LazyLock<SimulatedDisk> = LazyLock::new(seeds::disk);

/// Runs the target.
pub(crate) fn run(input: &[u8]) {
    let Some((how, rest)) = input.split_first() else {
        return;
    };
    let sent = match how % 2 {
        0 => rest.to_vec(),
        _ => framed(rest),
    };
    let disk = DISK.after_kill();
    bounded("a session", sent.len(), SESSION, || {
        let answered = world::run(async {
            let mut world = World::open(disk.clone());
            let answered = world.connection(sent.clone()).await;
            world.stop().await;
            answered
        });
        answers::hold(&sent, &answered);
    });
    let damages = verify(&disk).damages;
    assert_eq!(damages, [], "a clean stop leaves a clean folder");
}

/// Requests with their lengths in front of them.
fn framed(mut input: &[u8]) -> Vec<u8> {
    let mut sent = Vec::new();
    while let Some((length, rest)) = input.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (frame, rest) = rest.split_at(length);
        sent.extend((length as u32).to_be_bytes());
        sent.extend_from_slice(frame);
        input = rest;
    }
    sent
}
