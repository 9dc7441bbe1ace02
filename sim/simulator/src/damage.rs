//! A bit that flips in a file that nobody writes any more.

use forebay_storage::media::{BlobKey, BlobKind, Medium, journal_name};
use forebay_storage::{FileId, SimulatedDisk};

use crate::random::Random;

/// A flipped bit.
#[derive(Clone, Copy, Debug)]
pub struct Damage {
    place: Place,
    position: usize,
    bit: u8,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Blob(BlobKey),
    Journal(FileId),
}

impl Damage {
    /// Flips a bit somewhere in a cold file, if there is one. `newest` is the newest journal file that
    /// was ever written; it or the one before it is where the journal goes on.
    pub fn inflict(disk: &SimulatedDisk, newest: FileId, random: &mut Random) -> Option<Self> {
        let mut places = Vec::new();
        for kind in [BlobKind::Segment, BlobKind::Snapshot] {
            let blobs = disk.blobs(kind).expect("a disk of its own");
            let blobs = blobs.into_iter();
            places.extend(blobs.map(|(id, bytes)| (Place::Blob(BlobKey { kind, id }), bytes)));
        }
        let mut files = disk.journal_files().expect("a disk of its own");
        files.retain(|(id, _)| *id <= newest);
        files.truncate(files.len().saturating_sub(2));
        let files = files.into_iter();
        places.extend(files.map(|(id, bytes)| (Place::Journal(id), bytes)));
        let (place, bytes) = *random.pick(&places)?;
        let damage = Self {
            place,
            position: random.below(bytes.max(1)) as usize,
            bit: random.below(8) as u8,
        };
        damage.flip(disk);
        Some(damage)
    }

    /// Flips the bit back, if the file is still there.
    pub fn repair(&self, disk: &SimulatedDisk) {
        self.flip(disk);
    }

    /// The file, as errors name it.
    pub fn file(&self) -> String {
        match self.place {
            Place::Blob(key) => key.to_string(),
            Place::Journal(id) => journal_name(id),
        }
    }

    fn flip(&self, disk: &SimulatedDisk) {
        match self.place {
            Place::Blob(key) => disk.flip_blob_bit(key, self.position, self.bit),
            Place::Journal(id) => disk.flip_journal_bit(id, self.position, self.bit),
        }
    }
}
