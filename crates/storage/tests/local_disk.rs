//! The folder on a real file system.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use bytes::BytesMut;
use forebay_storage::media::{BlobKey, LocalDisk, Medium, Purpose};
use forebay_storage::{BlobId, Durability, Engine, FileId, Options, Read, StorageError, check};
use support::{LOG, Recorder, all_values, at, noise, small, values};

fn open(root: &Path) -> (Arc<dyn Medium>, Engine, Recorder) {
    let medium: Arc<dyn Medium> = Arc::new(LocalDisk::open(root).unwrap());
    let mut machine = Recorder::default();
    let (engine, _) = Engine::open(Arc::clone(&medium), small(), &mut machine, at(0)).unwrap();
    (medium, engine, machine)
}

/// Every file below `root` with its content, and every folder.
fn content(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if path.is_dir() {
            found.push((name, Vec::new()));
            found.extend(content(&path));
        } else {
            found.push((name, fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn what_the_page_cache_has_is_read_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut engine, _) = open(folder.path());
    engine.create_log(LOG, Durability::Fsync, at(0));
    for n in 0..60 {
        let batch = values(&[&noise(n, 30_000)]);
        engine
            .append(LOG, BytesMut::from(&batch[..]), at(0))
            .unwrap();
        engine.write(at(0)).unwrap();
        engine.sync().unwrap();
    }
    drop(engine);
    // The file system may not be able to tell what is resident; then all of it is read by those who wait.
    let (_, engine, _) = open(folder.path());
    let reader = engine.reader(LOG).unwrap();
    let mut at = 0;
    while at < reader.end_offset() {
        let cold = || {
            let read = reader.read(at, 100_000, true).unwrap();
            assert!(
                matches!(read, Read::Cold(_)),
                "nothing is in memory after a restart"
            );
            read
        };
        let waited = cold().run().unwrap();
        if let Read::Ready(read) = cold().resident().unwrap() {
            assert_eq!(read.parts.concat(), waited.parts.concat());
        }
        assert!(waited.next > at);
        at = waited.next;
    }
}

#[test]
fn data_outlives_the_process_through_rolls_sorts_and_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("a/b/data");
    let mut expected = Vec::new();
    for round in 0..3u64 {
        let (medium, mut engine, mut machine) = open(&root);
        assert_eq!(machine.events.len() as u64, 40 * round);
        if round == 0 {
            engine.create_log(LOG, Durability::Fsync, at(0));
        }
        assert_eq!(all_values(&engine.reader(LOG).unwrap()), expected);
        for n in 0..40 {
            let now = at(round * 100_000 + n * 100);
            let value = noise(round * 1000 + n, 80_000);
            let batch = values(&[&value]);
            engine.append(LOG, BytesMut::from(&batch[..]), now).unwrap();
            expected.push(value);
            engine.event(b"event");
            machine.events.push(b"event".to_vec());
            engine.write(now).unwrap();
            engine.sync().unwrap();
            for job in engine
                .maintain(now, |encoder| machine.snapshot(encoder))
                .unwrap()
            {
                let done = job.run(medium.as_ref());
                engine.finish_job(done, now);
            }
        }
        // Dropped without a word, as a killed process is.
    }
    let (medium, engine, machine) = open(&root);
    assert_eq!(machine.events.len(), 120);
    assert_eq!(all_values(&engine.reader(LOG).unwrap()), expected);
    assert!(fs::read_dir(root.join("segments")).unwrap().count() > 0);
    drop(engine);
    drop(medium);
    let medium: Arc<dyn Medium> = Arc::new(LocalDisk::open_existing(&root).unwrap());
    let report = check(&medium, |_, _| {}).unwrap();
    assert_eq!(report.damages, []);
    assert_eq!(report.logs, Some(1));
}

#[test]
fn a_folder_is_for_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let first = LocalDisk::open(folder.path()).unwrap();
    for refused in [
        LocalDisk::open(folder.path()),
        LocalDisk::open_existing(folder.path()),
    ] {
        assert!(matches!(refused, Err(StorageError::Locked { .. })));
    }
    drop(first);
    LocalDisk::open(folder.path()).unwrap();
}

#[test]
fn an_unknown_format_is_refused_and_so_is_data_without_a_stamp() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let stamp = folder.path().join("FORMAT");
    for text in [&b"2\n"[..], b"", b"\xff\xfe", b"1x"] {
        fs::write(&stamp, text).unwrap();
        for refused in [
            LocalDisk::open(folder.path()),
            LocalDisk::open_existing(folder.path()),
        ] {
            assert!(
                matches!(refused, Err(StorageError::Format { .. })),
                "{text:?}"
            );
        }
    }
    fs::remove_file(&stamp).unwrap();
    let refused = LocalDisk::open(folder.path());
    assert!(matches!(refused, Err(StorageError::Format { .. })));
    for kind in ["journal", "segments", "snapshots"] {
        fs::remove_dir_all(folder.path().join(kind)).unwrap();
    }
    // Nothing in it: it is as good as new.
    drop(open(folder.path()));
}

#[test]
fn a_beginning_that_was_interrupted_begins_again_and_a_journal_that_is_gone_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let stamp = folder.path().join("FORMAT");
    let journal = folder.path().join("journal/00000000000000000001.journal");
    // Killed before the journal was there, and while it was being made.
    for left in [None, Some(&b""[..]), Some(&[0; 8192])] {
        drop(LocalDisk::open(folder.path()).unwrap());
        assert!(!stamp.exists());
        assert!(LocalDisk::open_existing(folder.path()).is_err());
        if let Some(left) = left {
            fs::write(&journal, left).unwrap();
        }
    }
    drop(open(folder.path()));
    assert!(stamp.exists());
    for file in fs::read_dir(folder.path().join("journal")).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let medium: Arc<dyn Medium> = Arc::new(LocalDisk::open(folder.path()).unwrap());
    let opened = Engine::open(medium, small(), &mut Recorder::default(), at(0));
    let error = opened
        .err()
        .expect("an empty broker was made of a lost one");
    assert!(matches!(error, StorageError::Corrupt { .. }), "{error}");
}

#[test]
fn only_files_with_20_digits_and_the_extension_are_ours() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let journal = folder.path().join("journal");
    let theirs = [
        "5.journal",
        "+0000000000000000005.journal",
        "00000000000000000005.journal.bak",
        "18446744073709551615.journal",
        "99999999999999999999.journal",
    ];
    for name in theirs {
        fs::write(journal.join(name), b"x").unwrap();
    }
    fs::create_dir(journal.join("00000000000000000007.journal")).unwrap();
    drop(open(folder.path()));
    for name in theirs {
        assert_eq!(fs::read(journal.join(name)).unwrap(), b"x", "{name}");
    }
}

#[test]
fn what_cannot_be_finished_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let medium = LocalDisk::open(folder.path()).unwrap();
    let key = BlobKey::segment(BlobId(9));
    // Nothing can be renamed to where a folder is.
    let taken = folder.path().join(key.to_string());
    fs::create_dir(&taken).unwrap();
    let mut blob = medium.create_blob(key).unwrap();
    blob.write(b"lost").unwrap();
    assert!(blob.finish().is_err());
    let id = FileId(9);
    fs::create_dir(folder.path().join("journal/00000000000000000009.journal")).unwrap();
    assert!(
        medium
            .prepare_journal_file(id, 4096, None, Purpose::OftenSynced)
            .is_err()
    );
    let left = content(folder.path());
    let unfinished = left
        .iter()
        .filter(|(name, _)| name.contains("9.unfinished"));
    assert_eq!(unfinished.count(), 0, "{left:?}");
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = LocalDisk::open(&file.join("data"))
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("file"), "{error}");
    // Root may write anywhere.
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(closed.join("probe"), b"").is_err() {
        let error = LocalDisk::open(&closed.join("data"))
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("closed"), "{error}");
    }
}

#[test]
fn what_was_never_finished_is_removed_and_what_is_not_ours_is_left() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let unfinished = ["segments", "snapshots", "journal"].map(|kind| {
        folder
            .path()
            .join(kind)
            .join("00000000000000000009.unfinished")
    });
    let theirs = folder.path().join("segments/notes.txt");
    for path in unfinished.iter().chain([&theirs]) {
        fs::write(path, b"x").unwrap();
    }
    drop(open(folder.path()));
    assert!(unfinished.iter().all(|path| !path.exists()));
    assert!(theirs.exists());
}

#[test]
fn looking_at_a_folder_changes_nothing_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    assert!(LocalDisk::open_existing(&missing).is_err());
    assert!(!missing.exists());
    {
        let (_medium, mut engine, _) = open(folder.path());
        engine.create_log(LOG, Durability::Fsync, at(0));
        engine.write(at(0)).unwrap();
        engine.sync().unwrap();
    }
    fs::write(
        folder
            .path()
            .join("segments/00000000000000000007.unfinished"),
        b"x",
    )
    .unwrap();
    fs::remove_dir(folder.path().join("snapshots")).unwrap();
    fs::remove_file(folder.path().join("LOCK")).unwrap();
    let before = content(folder.path());
    let medium: Arc<dyn Medium> = Arc::new(LocalDisk::open_existing(folder.path()).unwrap());
    let report = check(&medium, |_, _| {}).unwrap();
    assert_eq!(report.damages, []);
    assert_eq!(report.logs, Some(1));
    assert!(
        medium
            .prepare_journal_file(FileId(9), 4096, None, Purpose::OftenSynced)
            .is_err()
    );
    let opened = Engine::open(medium, Options::default(), &mut Recorder::default(), at(0));
    assert!(opened.is_err());
    assert_eq!(content(folder.path()), before);
}

#[test]
fn a_journal_file_has_all_its_bytes_from_the_disk_whatever_it_is_for() {
    let folder = tempfile::tempdir().unwrap();
    let medium = LocalDisk::open(folder.path()).unwrap();
    for (id, purpose) in [(7, Purpose::OftenSynced), (8, Purpose::SeldomSynced)] {
        let capacity = 3 << 20;
        let file = medium
            .prepare_journal_file(FileId(id), capacity, None, purpose)
            .unwrap();
        assert_eq!(file.capacity(), capacity);
        let name = format!("journal/{id:020}.journal");
        let blocks = fs::metadata(folder.path().join(name)).unwrap().blocks();
        assert!(blocks * 512 >= capacity, "{purpose:?}: {blocks} blocks");
        file.write_at(1 << 20, b"middle").unwrap();
        file.sync().unwrap();
        let bytes = file.read(0, capacity as usize).unwrap();
        assert_eq!(&bytes[1 << 20..][..6], b"middle");
        assert_eq!(bytes.iter().filter(|byte| **byte != 0).count(), 6);
    }
}
