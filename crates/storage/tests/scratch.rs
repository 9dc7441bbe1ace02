//! Pages on disk that need not outlive the process.

mod support;

use std::sync::Arc;

use forebay_storage::codec::Decoder;
use forebay_storage::media::Fault;
use forebay_storage::{Durability, LocalDisk, Scratch, ScratchPage, SimulatedDisk, StorageError};
use proptest::prelude::*;

use support::{LOG, World};

fn scratch_of(disk: &SimulatedDisk) -> Arc<Scratch> {
    Scratch::new(Arc::new(disk.clone()))
}

fn content(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (number * 31 + at) as u8).collect()
}

proptest! {
    #[test]
    fn pages_are_what_was_written_whatever_came_and_went(
        steps in prop::collection::vec((1..=Scratch::PAGE_BYTES_MAX, any::<prop::sample::Index>(), any::<bool>()), 1..200),
    ) {
        let scratch = scratch_of(&SimulatedDisk::new());
        let mut pages: Vec<(Vec<u8>, Arc<ScratchPage>)> = Vec::new();
        for (number, (length, index, goes)) in steps.into_iter().enumerate() {
            let bytes = content(number, length);
            let page = scratch.put(&bytes).unwrap();
            pages.push((bytes, page));
            if goes {
                pages.swap_remove(index.index(pages.len()));
            }
            for (bytes, page) in &pages {
                prop_assert!(page.read().is_some_and(|read| read == *bytes));
            }
        }
        prop_assert!(scratch.take_loss().is_none());
    }
}

#[test]
fn a_page_that_went_makes_room_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(LocalDisk::open(folder.path()).unwrap());
    let scratch = Scratch::new(disk);
    let stays = scratch.put(&content(0, 700)).unwrap();
    for number in 0..10_000 {
        let bytes = content(number, 4_000);
        assert_eq!(scratch.put(&bytes).unwrap().read(), Some(bytes));
    }
    assert!(format!("{:?}", scratch.put(&content(1, 4_000)).unwrap()).ends_with("at 1024)"));
    assert_eq!(stays.read(), Some(content(0, 700)));
    assert!(!folder.path().join("SCRATCH").exists(), "it has no name");
}

#[test]
fn what_is_too_large_or_refused_stays_in_memory() {
    let disk = SimulatedDisk::new();
    let scratch = scratch_of(&disk);
    assert!(scratch.put(&[]).is_none());
    assert!(scratch.put(&vec![1; Scratch::PAGE_BYTES_MAX + 1]).is_none());
    disk.inject(Fault::ScratchWrite);
    assert!(scratch.put(&[1; 100]).is_none());
    assert!(scratch.put(&[1; 100]).is_some());
    assert!(scratch.take_loss().is_none());
}

#[test]
fn a_page_that_cannot_be_read_is_a_loss() {
    let disk = SimulatedDisk::new();
    let scratch = scratch_of(&disk);
    let page = scratch.put(&[1; 100]).unwrap();
    disk.inject(Fault::ScratchRead);
    assert!(page.read().is_none());
    assert!(matches!(scratch.take_loss(), Some(StorageError::Io { .. })));
}

#[test]
fn a_snapshot_has_what_waits_in_pages() {
    let mut world = World::new();
    world.create(LOG, Durability::Fsync);
    world.commit();
    let scratch = scratch_of(&world.disk);
    let events: Vec<_> = (1..40)
        .map(|number| content(number, number * 100))
        .collect();
    let pages: Vec<_> = events
        .iter()
        .map(|event| scratch.put(event).unwrap())
        .collect();
    let job = world.engine.snapshot_job(|encoder| {
        encoder.list(&pages, |encoder, page| {
            encoder.page(page);
        });
    });
    // They stay for as long as they are to be written.
    drop(pages);
    let done = job.unwrap().run(&world.disk);
    world.finish(done);
    assert_eq!(world.killed().machine.events, events);
}

#[test]
fn a_snapshot_that_misses_a_page_is_none() {
    let mut world = World::new();
    world.event(b"an event");
    world.commit();
    let scratch = scratch_of(&world.disk);
    let page = scratch.put(b"a page").unwrap();
    let job = world.engine.snapshot_job(|encoder| {
        encoder.page(&page);
    });
    world.disk.inject(Fault::ScratchRead);
    let done = job.unwrap().run(&world.disk);
    world.finish(done);
    assert!(scratch.take_loss().is_some());
    assert_eq!(world.killed().machine.events, [b"an event"]);
}

#[test]
fn what_is_nested_has_its_length_before_it() {
    let scratch = scratch_of(&SimulatedDisk::new());
    let page = scratch.put(b"page").unwrap();
    let mut encoder = forebay_storage::codec::Encoder::new();
    encoder.u8(1).nested(|encoder| {
        encoder.str("before").page(&page).str("behind");
    });
    encoder.u8(2);
    let mut bytes = Vec::new();
    let encoded = encoder.finish_with_pages();
    let gathered = encoded.for_each_piece(|piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    });
    gathered.unwrap();
    let mut decoder = Decoder::new(&bytes);
    assert_eq!(decoder.u8(), Ok(1));
    let mut nested = Decoder::new(decoder.bytes().unwrap());
    assert_eq!(nested.bytes(), Ok(&b"before"[..]));
    assert_eq!(nested.bytes(), Ok(&b"page"[..]));
    assert_eq!(nested.bytes(), Ok(&b"behind"[..]));
    nested.finish().unwrap();
    assert_eq!(decoder.u8(), Ok(2));
    decoder.finish().unwrap();
}
