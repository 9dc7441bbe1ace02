//! A run of one log's batches inside an immutable segment.
//!
//! ```text
//! segment = magic u64 | version u32 | reserved u32 | section*
//! section = batches | index | foot (64 bytes)
//! index   = (base u64 | position in the batches u64 | bytes u32 | crc u32 | max timestamp i64)*
//! foot    = magic u32 | crc u32 (of what follows) | log u64 | base u64 | next u64 | bytes u64
//!         | chunks u32 | index crc u32 | max timestamp i64 | reserved u64
//! ```
//!
//! All integers are little-endian. Each index entry covers a chunk of whole batches, about 64 KiB,
//! and carries its CRC-32C: a read verifies every byte it hands out. The foot comes last so that a
//! section of any size is written as a stream.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::checksum::crc32c;
use crate::error::{Result, StorageError};
use crate::ids::{BlobId, IdMap, LogId};
use crate::limits::{NUMBER_MAX, SECTION_INDEX_CACHE_BYTES, SEGMENT_CHUNK_BYTES};
use crate::media::{BlobKey, BlobWriter, Medium, Patience};

pub(crate) const SEGMENT_HEADER_BYTES: u64 = 16;
pub(crate) const FOOT_BYTES: u64 = 64;
const INDEX_ENTRY_BYTES: usize = 32;
const SEGMENT_MAGIC: u64 = u64::from_le_bytes(*b"FBSEGM\r\n");
const SEGMENT_VERSION: u32 = 1;
const FOOT_MAGIC: u32 = u32::from_le_bytes(*b"FBse");

/// Where a run of a log's batches is. Kept in memory for every section of every log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// The segment it is in.
    pub blob: BlobId,
    /// Where its batches begin in the segment.
    pub position: u64,
    /// The first offset it stands for. Compaction may have removed the record itself.
    pub base: u64,
    /// The offset after the last it stands for.
    pub next: u64,
    /// Bytes of batches.
    pub bytes: u64,
    /// Entries of its index.
    pub chunks: u32,
    /// The newest timestamp among its records, in milliseconds; -1 when it has none.
    pub max_timestamp: i64,
}

impl Section {
    /// Batches, index and foot.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.bytes + self.index_bytes() as u64 + FOOT_BYTES
    }

    /// Whether this takes the place of `other`.
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        other.base >= self.base && other.next <= self.next
    }

    fn index_bytes(&self) -> usize {
        self.chunks as usize * INDEX_ENTRY_BYTES
    }

    fn key(&self) -> BlobKey {
        BlobKey::segment(self.blob)
    }
}

/// One chunk of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) base: u64,
    /// Position among the section's batches.
    pub(crate) position: u64,
    pub(crate) bytes: u32,
    pub(crate) crc: u32,
    pub(crate) max_timestamp: i64,
}

/// Writes a segment, section after section.
pub(crate) struct SegmentWriter {
    id: BlobId,
    out: Box<dyn BlobWriter>,
    position: u64,
    section: Option<OpenSection>,
    finished: Vec<(LogId, Section)>,
}

struct OpenSection {
    log: LogId,
    position: u64,
    base: u64,
    bytes: u64,
    index: Vec<IndexEntry>,
    /// The chunk that is being gathered.
    chunk: Vec<u8>,
    chunk_base: u64,
    chunk_max_timestamp: i64,
}

impl SegmentWriter {
    pub(crate) fn create(medium: &dyn Medium, id: BlobId) -> Result<Self> {
        let mut out = medium.create_blob(BlobKey::segment(id))?;
        let mut header = Vec::with_capacity(SEGMENT_HEADER_BYTES as usize);
        header.extend_from_slice(&SEGMENT_MAGIC.to_le_bytes());
        header.extend_from_slice(&SEGMENT_VERSION.to_le_bytes());
        header.extend_from_slice(&0u32.to_le_bytes());
        out.write(&header)?;
        let position = SEGMENT_HEADER_BYTES;
        Ok(Self {
            id,
            out,
            position,
            section: None,
            finished: Vec::new(),
        })
    }

    /// Begins a section that stands for the offsets from `base` on.
    pub(crate) fn begin(&mut self, log: LogId, base: u64) {
        debug_assert!(self.section.is_none(), "sections do not nest");
        self.section = Some(OpenSection {
            log,
            position: self.position,
            base,
            bytes: 0,
            index: Vec::new(),
            chunk: Vec::new(),
            chunk_base: base,
            chunk_max_timestamp: -1,
        });
    }

    /// Adds one batch whose first offset is `base`.
    pub(crate) fn push(&mut self, base: u64, max_timestamp: i64, batch: &[u8]) -> Result<()> {
        let open = self
            .section
            .as_mut()
            .expect("a batch is pushed between begin and end");
        if open.chunk.is_empty() {
            open.chunk_base = base;
        }
        open.chunk.extend_from_slice(batch);
        open.chunk_max_timestamp = open.chunk_max_timestamp.max(max_timestamp);
        if open.chunk.len() >= SEGMENT_CHUNK_BYTES {
            self.close_chunk()
        } else {
            Ok(())
        }
    }

    /// Ends the section; it stands for the offsets below `next`.
    pub(crate) fn end(&mut self, next: u64) -> Result<Section> {
        self.close_chunk()?;
        let open = self.section.take().expect("a section that ends was begun");
        let section = Section {
            blob: self.id,
            position: open.position,
            base: open.base,
            next,
            bytes: open.bytes,
            chunks: u32::try_from(open.index.len()).expect("fewer than 2^32 chunks in a section"),
            max_timestamp: open
                .index
                .iter()
                .map(|e| e.max_timestamp)
                .max()
                .unwrap_or(-1),
        };
        let index = encode_index(&open.index);
        self.out.write(&index)?;
        self.out
            .write(&encode_foot(open.log, &section, crc32c(&[&index])))?;
        self.position = section.position + section.total_bytes();
        self.finished.push((open.log, section));
        Ok(section)
    }

    /// Makes the segment durable and names its sections.
    pub(crate) fn finish(self) -> Result<Vec<(LogId, Section)>> {
        self.out.finish()?;
        Ok(self.finished)
    }

    fn close_chunk(&mut self) -> Result<()> {
        let open = self.section.as_mut().expect("a chunk belongs to a section");
        if open.chunk.is_empty() {
            return Ok(());
        }
        self.out.write(&open.chunk)?;
        open.index.push(IndexEntry {
            base: open.chunk_base,
            position: open.bytes,
            bytes: u32::try_from(open.chunk.len()).expect("a chunk is one batch over its target"),
            crc: crc32c(&[&open.chunk]),
            max_timestamp: open.chunk_max_timestamp,
        });
        open.bytes += open.chunk.len() as u64;
        self.position += open.chunk.len() as u64;
        open.chunk.clear();
        open.chunk_max_timestamp = -1;
        Ok(())
    }
}

/// Reads sections, keeping the indexes of recently read ones.
pub(crate) struct SectionReader {
    medium: Arc<dyn Medium>,
    cache: Mutex<IndexCache>,
}

#[derive(Default)]
struct IndexCache {
    bytes: usize,
    clock: u64,
    held: IdMap<Place, (u64, Arc<[IndexEntry]>)>,
}

/// Segment and position of a section.
type Place = (BlobId, u64);

impl SectionReader {
    pub(crate) fn new(medium: Arc<dyn Medium>) -> Self {
        Self {
            medium,
            cache: Mutex::default(),
        }
    }

    /// The chunks of a section of `log`, in order.
    pub(crate) fn index(
        &self,
        log: LogId,
        section: &Section,
        patience: Patience,
    ) -> Result<Arc<[IndexEntry]>> {
        let key = (section.blob, section.position);
        if let Some(index) = self.cache.lock().get(key) {
            return Ok(index);
        }
        let index = self.load_index(log, section, patience)?;
        self.cache.lock().put(key, Arc::clone(&index));
        Ok(index)
    }

    /// Reads consecutive chunks with one access and verifies each.
    pub(crate) fn chunks(
        &self,
        section: &Section,
        chunks: &[IndexEntry],
        patience: Patience,
    ) -> Result<Bytes> {
        let (Some(first), Some(last)) = (chunks.first(), chunks.last()) else {
            return Ok(Bytes::new());
        };
        let length = (last.position + u64::from(last.bytes) - first.position) as usize;
        let at = section.position + first.position;
        let bytes = self.read(section.key(), at, length, patience)?;
        for chunk in chunks {
            let start = (chunk.position - first.position) as usize;
            if crc32c(&[&bytes[start..start + chunk.bytes as usize]]) != chunk.crc {
                let offset = section.position + chunk.position;
                let what = format!("checksum of offsets from {} does not match", chunk.base);
                return Err(StorageError::corrupt(
                    section.key().to_string(),
                    offset,
                    what,
                ));
            }
        }
        Ok(bytes)
    }

    fn read(&self, key: BlobKey, at: u64, length: usize, patience: Patience) -> Result<Bytes> {
        match patience {
            Patience::Waits => self.medium.read_blob(key, at, length),
            Patience::None => {
                let resident = self.medium.read_resident_blob(key, at, length);
                resident.ok_or_else(|| StorageError::not_resident(key.to_string()))
            }
        }
    }

    fn load_index(
        &self,
        log: LogId,
        section: &Section,
        patience: Patience,
    ) -> Result<Arc<[IndexEntry]>> {
        let at = section.position + section.bytes;
        let corrupt = |what: &str| StorageError::corrupt(section.key().to_string(), at, what);
        let length = section.index_bytes() + FOOT_BYTES as usize;
        let bytes = self.read(section.key(), at, length, patience)?;
        let (index, foot) = bytes.split_at(section.index_bytes());
        let end = section.position + section.total_bytes();
        let found = section_ending_at(section.blob, end, foot)
            .ok_or_else(|| corrupt("the section's foot is damaged"))?;
        // A segment that was put in another's place may well be laid out like it.
        if found != (log, *section) {
            return Err(corrupt("another section is in its place"));
        }
        if foot[44..48] != crc32c(&[index]).to_le_bytes() {
            return Err(corrupt("the section's index is damaged"));
        }
        let entries: Arc<[IndexEntry]> = index
            .chunks_exact(INDEX_ENTRY_BYTES)
            .map(decode_index_entry)
            .collect();
        if !covers(&entries, section) {
            return Err(corrupt("the section's index does not cover its batches"));
        }
        Ok(entries)
    }
}

/// Whether the chunks of an index are the batches of `section`, in order and without a gap.
fn covers(index: &[IndexEntry], section: &Section) -> bool {
    let (mut position, mut base) = (0, 0);
    let in_order = index.iter().all(|chunk| {
        let follows = chunk.position == position && chunk.base >= base;
        (position, base) = (position + u64::from(chunk.bytes), chunk.base);
        follows
    });
    in_order && position == section.bytes
}

impl IndexCache {
    fn get(&mut self, key: Place) -> Option<Arc<[IndexEntry]>> {
        self.clock += 1;
        let clock = self.clock;
        let (used, index) = self.held.get_mut(&key)?;
        *used = clock;
        Some(Arc::clone(index))
    }

    fn put(&mut self, key: Place, index: Arc<[IndexEntry]>) {
        self.clock += 1;
        self.bytes += index.len() * INDEX_ENTRY_BYTES;
        // Two readers may have read the same index at the same time.
        if let Some((_, twin)) = self.held.insert(key, (self.clock, index)) {
            self.bytes -= twin.len() * INDEX_ENTRY_BYTES;
        }
        while self.bytes > SECTION_INDEX_CACHE_BYTES && self.held.len() > 1 {
            let oldest = self
                .held
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(key, _)| *key);
            let Some(oldest) = oldest else { break };
            if let Some((_, index)) = self.held.remove(&oldest) {
                self.bytes -= index.len() * INDEX_ENTRY_BYTES;
            }
        }
    }
}

/// Whether a segment begins as one does.
pub(crate) fn segment_header_is_intact(bytes: &[u8]) -> bool {
    bytes.len() as u64 == SEGMENT_HEADER_BYTES
        && bytes[0..8] == SEGMENT_MAGIC.to_le_bytes()
        && bytes[8..12] == SEGMENT_VERSION.to_le_bytes()
        && bytes[12..16] == [0; 4]
}

/// The section whose foot these bytes are; the foot ends at `end` of the segment. None when it is
/// damaged, or claims more than there is before it.
pub(crate) fn section_ending_at(blob: BlobId, end: u64, foot: &[u8]) -> Option<(LogId, Section)> {
    let intact = foot.len() as u64 == FOOT_BYTES
        && foot[0..4] == FOOT_MAGIC.to_le_bytes()
        && foot[4..8] == crc32c(&[&foot[8..]]).to_le_bytes();
    if !intact {
        return None;
    }
    let u64_at = |at: usize| u64::from_le_bytes(foot[at..at + 8].try_into().expect("eight bytes"));
    let chunks = u32::from_le_bytes(foot[40..44].try_into().expect("four bytes"));
    let mut section = Section {
        blob,
        position: 0,
        base: u64_at(16),
        next: u64_at(24),
        bytes: u64_at(32),
        chunks,
        max_timestamp: u64_at(48) as i64,
    };
    let numbers = [section.base, section.next, section.bytes];
    if numbers.iter().any(|number| *number > NUMBER_MAX) {
        return None;
    }
    section.position = end.checked_sub(section.total_bytes())?;
    (section.position >= SEGMENT_HEADER_BYTES).then_some((LogId(u64_at(8)), section))
}

fn encode_index(index: &[IndexEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(index.len() * INDEX_ENTRY_BYTES);
    for entry in index {
        bytes.extend_from_slice(&entry.base.to_le_bytes());
        bytes.extend_from_slice(&entry.position.to_le_bytes());
        bytes.extend_from_slice(&entry.bytes.to_le_bytes());
        bytes.extend_from_slice(&entry.crc.to_le_bytes());
        bytes.extend_from_slice(&entry.max_timestamp.to_le_bytes());
    }
    bytes
}

fn decode_index_entry(bytes: &[u8]) -> IndexEntry {
    let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    IndexEntry {
        base: u64_at(0),
        position: u64_at(8),
        bytes: u32_at(16),
        crc: u32_at(20),
        max_timestamp: u64_at(24) as i64,
    }
}

fn encode_foot(log: LogId, section: &Section, index_crc: u32) -> Vec<u8> {
    let mut foot = Vec::with_capacity(FOOT_BYTES as usize);
    foot.extend_from_slice(&FOOT_MAGIC.to_le_bytes());
    foot.extend_from_slice(&[0; 4]);
    for field in [log.0, section.base, section.next, section.bytes] {
        foot.extend_from_slice(&field.to_le_bytes());
    }
    foot.extend_from_slice(&section.chunks.to_le_bytes());
    foot.extend_from_slice(&index_crc.to_le_bytes());
    foot.extend_from_slice(&section.max_timestamp.to_le_bytes());
    foot.extend_from_slice(&[0; 8]);
    let crc = crc32c(&[&foot[8..]]);
    foot[4..8].copy_from_slice(&crc.to_le_bytes());
    foot
}
