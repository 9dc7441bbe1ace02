//! Everything that the fuzzer has learnt, on any compiler and within seconds: its seeds, the inputs
//! that together reach what was ever reached, and those that once broke something.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "shown if a test fails")]

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use forebay_fuzz_targets::{TARGETS, Target};
use zip::ZipArchive;

/// What all corpora together may take in the repository.
const CORPORA_BYTES_MAX: u64 = 1 << 20;

/// Something to feed a target with.
struct Input {
    name: String,
    bytes: Vec<u8>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Inputs that broke something once, each under the name of what it was.
fn regressions(target: &Target) -> Vec<Input> {
    let files = fs::read_dir(folder("regressions").join(target.name));
    let files = files.into_iter().flatten().map(|file| file.unwrap().path());
    let mut inputs: Vec<_> = files
        .map(|path| Input {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            bytes: fs::read(&path).unwrap(),
        })
        .collect();
    inputs.sort_by(|a, b| a.name.cmp(&b.name));
    inputs
}

fn corpus(target: &Target) -> Vec<Input> {
    let path = folder("corpus").join(format!("{}.zip", target.name));
    let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let count = archive.len();
    let mut inputs = Vec::new();
    for index in 0..count {
        let mut entry = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        inputs.push(Input {
            name: entry.name().unwrap().into_owned(),
            bytes,
        });
    }
    inputs
}

/// Feeds the target of this name with everything there is for it.
fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seeds = (target.seeds)().into_iter().enumerate();
    let seeds = seeds.map(|(number, bytes)| Input {
        name: format!("seed {number}"),
        bytes,
    });
    let corpus = corpus(target);
    assert!(corpus.len() > 20, "the corpus of {name} is in its place");
    for input in seeds.chain(corpus).chain(regressions(target)) {
        println!("{name}: {}", input.name);
        (target.run)(&input.bytes);
    }
}

macro_rules! replayed {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target));
        })*

        #[test]
        fn every_target_is_replayed_and_has_a_binary() {
            let replayed = [$(stringify!($target)),*];
            let targets: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(targets, replayed);
            for name in replayed {
                let binary = folder("fuzz_targets").join(format!("{name}.rs"));
                let calls = fs::read_to_string(binary).unwrap();
                assert!(calls.contains(&format!("run({name:?}, input)")), "{name}");
            }
        }
    };
}

replayed! {
    amqp091_frames
    aws_session
    broker_state
    damaged_disk
    forged_disk
    kafka_messages
    kafka_session
    record_batch
}

#[test]
fn corpora_stay_small() {
    let sizes = fs::read_dir(folder("corpus")).unwrap();
    let sizes = sizes.map(|file| file.unwrap().metadata().unwrap().len());
    let bytes: u64 = sizes.sum();
    assert!(bytes <= CORPORA_BYTES_MAX, "{bytes} bytes");
}
