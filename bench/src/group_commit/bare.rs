//! The limit: a loop that writes what has gathered and makes it durable, and does nothing else.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;

use super::{MESSAGE_BYTES, Measured, Target, Waiter, produce};

/// The size of a journal file, filled with zeros ahead of use and written again and again.
const FILE_BYTES: u64 = 64 << 20;
/// The most that one commit writes: 1,024 producers send less at once.
const COMMIT_BYTES: usize = 4 << 20;
/// What direct writes are aligned to, in memory and on the disk.
const PAGE: usize = 4096;

/// Has the producers send to a bare loop over a file in `folder`.
pub fn measure(folder: &Path, producers: usize, time: Duration, direct: bool) -> Measured {
    let path = folder.join("group_commit.bin");
    zero_fill(&path);
    let mut options = OpenOptions::new();
    options.write(true);
    if direct {
        options.custom_flags((OFlags::DIRECT | OFlags::DSYNC).bits().cast_signed());
    }
    let file = options.open(&path).expect("the file was just made");
    let queue = Arc::new(Queue::default());
    let committer = {
        let queue = Arc::clone(&queue);
        thread::spawn(move || commit_all(&file, &queue, direct))
    };
    let target: Arc<dyn Target> = queue.clone();
    let (latencies, took) = produce(&target, producers, time);
    queue.stop();
    let (commits, bytes) = committer.join().expect("the committer does not panic");
    std::fs::remove_file(&path).expect("the file is there");
    Measured {
        latencies,
        time: took,
        commits,
        bytes,
    }
}

fn zero_fill(path: &Path) {
    let mut file = File::create(path).expect("the folder takes files");
    let zeros = vec![0; 1 << 20];
    for _ in 0..FILE_BYTES >> 20 {
        file.write_all(&zeros).expect("the disk has space");
    }
    file.sync_all().expect("the disk syncs");
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<(Vec<Arc<Waiter>>, bool)>,
    arrived: Condvar,
}

impl Queue {
    fn stop(&self) {
        self.waiting.lock().expect("nobody panics").1 = true;
        self.arrived.notify_one();
    }
}

impl Target for Queue {
    fn send(&self, waiter: Arc<Waiter>) {
        self.waiting.lock().expect("nobody panics").0.push(waiter);
        self.arrived.notify_one();
    }
}

/// Writes whatever queued while the write before was under way, once for all of it. Answers how often
/// it did, and how much.
fn commit_all(file: &File, queue: &Queue, direct: bool) -> (u64, u64) {
    let memory = vec![7; COMMIT_BYTES + PAGE];
    let skip = memory.as_ptr().align_offset(PAGE);
    let buffer = &memory[skip..skip + COMMIT_BYTES];
    let (mut position, mut commits, mut written) = (0, 0, 0);
    loop {
        let batch = {
            let mut waiting = queue.waiting.lock().expect("nobody panics");
            while waiting.0.is_empty() && !waiting.1 {
                waiting = queue.arrived.wait(waiting).expect("nobody panics");
            }
            if waiting.0.is_empty() {
                return (commits, written);
            }
            std::mem::take(&mut waiting.0)
        };
        let bytes = batch.len() * MESSAGE_BYTES;
        let length = if direct {
            bytes.next_multiple_of(PAGE)
        } else {
            bytes
        };
        if position + length as u64 > FILE_BYTES {
            position = 0;
        }
        let outcome = file.write_all_at(&buffer[..length], position);
        outcome.expect("the disk takes writes");
        if !direct {
            file.sync_data().expect("the disk syncs");
        }
        position += length as u64;
        commits += 1;
        written += length as u64;
        batch.iter().for_each(|waiter| waiter.acknowledge());
    }
}
