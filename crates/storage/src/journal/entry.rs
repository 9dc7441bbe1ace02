//! The layout of a journal file. All integers are little-endian.
//!
//! ```text
//! file    = header | the same header again | entry* | trailer?     the rest is zeros or the remains of an older file
//! header  = magic u64 | version u32 | crc u32 (of version and what follows) | file u64 | epoch u64 | first lsn u64
//!         | capacity u64 | crc u32 of the entry before the first | zeros up to 2048
//! entry   = magic u32 | crc u32 (of what follows) | length u32 | records u32
//!         | file u64 | lsn u64 | epoch u64 | synced lsn u64 | wall-clock ms i64
//!         | crc u32 of the entry before | reserved u32 | record*
//! record  = kind u8 | reserved u8 x3 | payload length u32 | log u64 | offset u64 | crc u32 | reserved u32 | payload
//! trailer = an entry without records, under a magic of its own: the journal goes on in the file whose
//!           number stands where an entry has its wall clock; it takes no lsn
//! ```
//!
//! An entry starts at a multiple of 8 and is followed by zeros up to the next. Each carries the
//! checksum of the one before it: what an older incarnation left behind the end, or what a producer
//! made look like an entry, does not continue the chain. *Synced lsn* is the newest entry that was
//! known to be durable when this one was written: damage at or below it is corruption, damage above
//! it is a torn tail. An entry without records says only that. The record's own checksum covers its
//! header and the bytes of a batch that lie outside the batch's checksum, so that one batch can be
//! read and verified without the rest of its entry. The header is there twice, so that one damaged
//! sector does not make a file look unused; a trailer is written when the next file's header is
//! durable, so that a missing last file is noticed.

use super::record::{self, RecordKind};
use crate::checksum::crc32c;
use crate::ids::{Epoch, FileId, LogId, Lsn};
use crate::limits::NUMBER_MAX;

pub(crate) const FILE_HEADER_BYTES: u64 = 4096;
pub(crate) const ENTRY_HEADER_BYTES: usize = 64;
pub(crate) const ENTRY_ALIGNMENT: u64 = 8;

const FILE_MAGIC: u64 = u64::from_le_bytes(*b"FBJRNL\r\n");
const FILE_VERSION: u32 = 1;
const HEADER_COPY_BYTES: usize = FILE_HEADER_BYTES as usize / 2;
/// Room at the end of a file that only marks and the trailer may use: a full file on a full disk must
/// still open, a few times over, and then be left for the next.
pub(crate) const FILE_TAIL_BYTES: u64 =
    16 * (ENTRY_HEADER_BYTES as u64).next_multiple_of(ENTRY_ALIGNMENT);
pub(crate) const ENTRY_MAGIC: u32 = u32::from_le_bytes(*b"FBen");
const TRAILER_MAGIC: u32 = u32::from_le_bytes(*b"FBtr");

/// The head of a journal file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileHeader {
    pub(crate) file: FileId,
    pub(crate) capacity: u64,
    /// What the first entry continues.
    pub(crate) after: Link,
}

/// The place between two entries: what the next one must continue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    /// The number of the next entry.
    pub(crate) lsn: Lsn,
    /// The least epoch of the next entry.
    pub(crate) epoch: Epoch,
    /// The checksum of the entry before.
    pub(crate) crc: u32,
}

impl FileHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_COPY_BYTES];
        bytes[0..8].copy_from_slice(&FILE_MAGIC.to_le_bytes());
        bytes[8..12].copy_from_slice(&FILE_VERSION.to_le_bytes());
        let fields = [
            self.file.0,
            self.after.epoch.0,
            self.after.lsn.0,
            self.capacity,
        ];
        for (field, at) in fields.iter().zip((16..).step_by(8)) {
            bytes[at..at + 8].copy_from_slice(&field.to_le_bytes());
        }
        bytes[48..52].copy_from_slice(&self.after.crc.to_le_bytes());
        let crc = crc32c(&[&bytes[8..12], &bytes[16..]]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes.repeat(2)
    }

    /// The header in the first bytes of a file. None when neither copy is an intact header of a
    /// version this build knows.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..FILE_HEADER_BYTES as usize)?;
        bytes
            .chunks_exact(HEADER_COPY_BYTES)
            .find_map(Self::parse_copy)
    }

    /// The copies, for those who want to know about each: where it begins and whether it is intact.
    pub(crate) fn copies(bytes: &[u8]) -> impl Iterator<Item = (u64, Option<Self>)> + '_ {
        let copies = bytes.chunks_exact(HEADER_COPY_BYTES).take(2).enumerate();
        copies.map(|(index, copy)| ((index * HEADER_COPY_BYTES) as u64, Self::parse_copy(copy)))
    }

    fn parse_copy(bytes: &[u8]) -> Option<Self> {
        let intact = u64_at(bytes, 0) == FILE_MAGIC
            && u32_at(bytes, 8) == FILE_VERSION
            && u32_at(bytes, 12) == crc32c(&[&bytes[8..12], &bytes[16..]]);
        if !intact {
            return None;
        }
        Some(Self {
            file: FileId(number_at(bytes, 16)?),
            capacity: number_at(bytes, 40)?,
            after: Link {
                epoch: Epoch(number_at(bytes, 24)?),
                lsn: Lsn(number_at(bytes, 32)?),
                crc: u32_at(bytes, 48),
            },
        })
    }
}

/// The head of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryHeader {
    pub(crate) file: FileId,
    pub(crate) lsn: Lsn,
    pub(crate) epoch: Epoch,
    /// The newest entry known to be durable when this one was written.
    pub(crate) synced: Lsn,
    pub(crate) wall_ms: i64,
    /// The checksum of the entry before.
    pub(crate) previous: u32,
}

impl EntryHeader {
    fn encode(&self, head: &mut [u8], magic: u32, length: u32, records: u32) {
        head[0..4].copy_from_slice(&magic.to_le_bytes());
        head[8..12].copy_from_slice(&length.to_le_bytes());
        head[12..16].copy_from_slice(&records.to_le_bytes());
        let fields = [
            self.file.0,
            self.lsn.0,
            self.epoch.0,
            self.synced.0,
            self.wall_ms as u64,
            self.previous.into(),
        ];
        for (field, at) in fields.iter().zip((16..).step_by(8)) {
            head[at..at + 8].copy_from_slice(&field.to_le_bytes());
        }
    }
}

/// An entry without records, padded; with `next_file` the trailer that says where the journal goes on.
pub(crate) fn mark(header: &EntryHeader, next_file: Option<FileId>) -> Vec<u8> {
    let mut bytes = vec![0; aligned(ENTRY_HEADER_BYTES as u64) as usize];
    let (magic, wall_ms) = match next_file {
        Some(file) => (TRAILER_MAGIC, file.0 as i64),
        None => (ENTRY_MAGIC, header.wall_ms),
    };
    let header = EntryHeader { wall_ms, ..*header };
    header.encode(&mut bytes, magic, ENTRY_HEADER_BYTES as u32, 0);
    let crc = crc32c(&[&bytes[8..ENTRY_HEADER_BYTES]]);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// The checksum of a sealed entry.
pub(crate) fn entry_crc(bytes: &[u8]) -> u32 {
    u32_at(bytes, 4)
}

/// A parsed entry head with the length it claims, before its checksum is verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClaimedEntry {
    pub(crate) header: EntryHeader,
    /// Header and records, without the padding.
    pub(crate) length: usize,
    /// It is a trailer: the journal goes on in this file.
    pub(crate) next_file: Option<FileId>,
}

impl ClaimedEntry {
    /// None when the bytes are no entry head.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..ENTRY_HEADER_BYTES)?;
        let magic = u32_at(bytes, 0);
        if magic != ENTRY_MAGIC && magic != TRAILER_MAGIC {
            return None;
        }
        let length = u32_at(bytes, 8) as usize;
        if length < ENTRY_HEADER_BYTES {
            return None;
        }
        let header = EntryHeader {
            file: FileId(number_at(bytes, 16)?),
            lsn: Lsn(number_at(bytes, 24)?),
            epoch: Epoch(number_at(bytes, 32)?),
            synced: Lsn(number_at(bytes, 40)?),
            wall_ms: u64_at(bytes, 48) as i64,
            previous: u32_at(bytes, 56),
        };
        let next_file = match magic {
            TRAILER_MAGIC => Some(FileId(number_at(bytes, 48)?)),
            _ => None,
        };
        Some(Self {
            header,
            length,
            next_file,
        })
    }

    /// Whether `bytes`, the whole entry, match its checksum.
    pub(crate) fn verify(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.length && u32_at(bytes, 4) == crc32c(&[&bytes[8..]])
    }
}

/// The entry that gathers while the one before it is being written.
#[derive(Debug)]
pub(crate) struct EntryBuilder {
    bytes: Vec<u8>,
    records: u32,
}

impl EntryBuilder {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; ENTRY_HEADER_BYTES],
            records: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Header and records so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a record and returns where in the entry it begins.
    pub(crate) fn push(
        &mut self,
        kind: RecordKind,
        log: LogId,
        offset: u64,
        payload: &[u8],
    ) -> u32 {
        self.push_parts(kind, log, offset, [&[], payload])
    }

    /// Adds the record of a batch that several logs are given, each at an offset of its own.
    pub(crate) fn push_shared(&mut self, places: &[(LogId, u64)], batch: &[u8]) -> u32 {
        let kind = RecordKind::AppendToMany;
        let encoded = record::encode_places(places);
        self.push_parts(kind, LogId(0), places.len() as u64, [&encoded, batch])
    }

    #[inline]
    fn push_parts(
        &mut self,
        kind: RecordKind,
        log: LogId,
        offset: u64,
        payload: [&[u8]; 2],
    ) -> u32 {
        let at = self.bytes.len();
        self.bytes
            .extend_from_slice(&record::head(kind, log, offset, payload));
        for part in payload.into_iter().filter(|part| !part.is_empty()) {
            self.bytes.extend_from_slice(part);
        }
        self.records += 1;
        u32::try_from(at).expect("an entry is far below 4 GiB")
    }

    /// Completes the entry; the bytes are padded to the alignment.
    pub(crate) fn seal(&mut self, header: &EntryHeader) -> &[u8] {
        let length = u32::try_from(self.bytes.len()).expect("an entry is far below 4 GiB");
        header.encode(
            &mut self.bytes[..ENTRY_HEADER_BYTES],
            ENTRY_MAGIC,
            length,
            self.records,
        );
        let crc = crc32c(&[&self.bytes[8..]]);
        self.bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        self.bytes
            .resize(aligned(self.bytes.len() as u64) as usize, 0);
        &self.bytes
    }

    /// Starts the next entry in the same memory. Memory that one huge request needed is let go.
    pub(crate) fn clear(&mut self) {
        self.bytes.truncate(ENTRY_HEADER_BYTES);
        self.bytes.shrink_to(2 * crate::limits::COMMIT_BYTES);
        self.records = 0;
    }
}

/// Rounds a length up to where the next entry may begin.
pub(crate) fn aligned(length: u64) -> u64 {
    length.next_multiple_of(ENTRY_ALIGNMENT)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(
        bytes[at..at + 4]
            .try_into()
            .expect("four bytes were sliced"),
    )
}

/// None when it is none that was ever handed out.
pub(super) fn number_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64_at(bytes, at)).filter(|number| *number <= NUMBER_MAX)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(
        bytes[at..at + 8]
            .try_into()
            .expect("eight bytes were sliced"),
    )
}
