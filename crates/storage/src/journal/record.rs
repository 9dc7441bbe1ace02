//! The records of an entry, and how they are walked. [`entry`](super::entry) has the layout.

use forebay_record::BatchHeader;

use super::entry::{ClaimedEntry, ENTRY_HEADER_BYTES, aligned, number_at, u32_at};
use crate::checksum::crc32c;
use crate::ids::LogId;

pub(crate) const RECORD_HEADER_BYTES: usize = 32;
/// What stands before a shared batch for each log that it was appended to: its id and the base offset there.
pub(crate) const PLACE_BYTES: usize = 16;
/// What a batch's own CRC-32C does not cover: base offset, length, leader epoch, magic and the CRC.
const BATCH_PREFIX_BYTES: usize = 21;

/// What a record is. The numbers are on disk: never change or reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum RecordKind {
    /// A batch appended to `log`; `offset` is its base offset, the payload its bytes.
    Append = 1,
    /// An event of the state machine above; the payload is opaque here.
    Event = 2,
    /// `log` came into being; payload: durability u8.
    LogCreated = 3,
    /// `log` and all its data are gone; no payload.
    LogDeleted = 4,
    /// Everything of `log` below `offset` is gone; no payload.
    LogStart = 5,
    /// Sections of segments replace what held their offsets before; payload: see `engine::install`.
    SectionsInstalled = 6,
    /// The durability of `log` changed; payload: durability u8.
    LogDurability = 7,
    /// A batch appended to several logs; `offset` is how many, the payload the places (log u64, base
    /// offset u64) and then the batch, whose own base offset is 0.
    AppendToMany = 8,
}

impl RecordKind {
    fn parse(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Append,
            2 => Self::Event,
            3 => Self::LogCreated,
            4 => Self::LogDeleted,
            5 => Self::LogStart,
            6 => Self::SectionsInstalled,
            7 => Self::LogDurability,
            8 => Self::AppendToMany,
            _ => return None,
        })
    }
}

/// One record of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) kind: RecordKind,
    pub(crate) log: LogId,
    pub(crate) offset: u64,
    pub(crate) payload: &'a [u8],
    /// Where the record begins in the bytes that are walked.
    pub(crate) at: usize,
}

/// The batch of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredBatch<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where the batch begins in the bytes that are walked.
    pub(crate) at: usize,
    /// Several logs have it: its base offset is not the one in its bytes.
    pub(crate) is_shared: bool,
}

impl<'a> Record<'a> {
    /// Where the record ends in the bytes that are walked.
    pub(crate) fn end(&self) -> usize {
        self.at + RECORD_HEADER_BYTES + self.payload.len()
    }

    /// The batch that it appends, if it does.
    pub(crate) fn batch(&self) -> Option<StoredBatch<'a>> {
        let places = match self.kind {
            RecordKind::Append => 0,
            RecordKind::AppendToMany => places_bytes(self.offset)?,
            _ => return None,
        };
        Some(StoredBatch {
            bytes: self.payload.get(places..)?,
            at: self.at + RECORD_HEADER_BYTES + places,
            is_shared: self.kind == RecordKind::AppendToMany,
        })
    }

    /// The logs that it appends its batch to, each with the base offset there.
    pub(crate) fn places(&self) -> impl Iterator<Item = (LogId, u64)> + use<'a> {
        let single = (self.kind == RecordKind::Append).then_some((self.log, self.offset));
        let many = match self.kind {
            RecordKind::AppendToMany => places_bytes(self.offset),
            _ => None,
        };
        let places = self.payload.get(..many.unwrap_or(0)).unwrap_or_default();
        // Numbers that were never handed out were refused when the record was parsed.
        let many = places.chunks_exact(PLACE_BYTES).filter_map(parse_place);
        single.into_iter().chain(many)
    }

    /// The base offset of its batch in `log`, if it appends to it.
    pub(crate) fn base_in(&self, log: LogId) -> Option<u64> {
        let mut places = self.places();
        places.find_map(|(of, base)| (of == log).then_some(base))
    }
}

impl StoredBatch<'_> {
    /// The batch's header, which was parsed of its bytes, as it is where its base offset is `base`. None if these are
    /// not the bytes of a batch that was stored there.
    pub(crate) fn placed(&self, header: BatchHeader, base: u64) -> Option<BatchHeader> {
        let base = i64::try_from(base).ok()?;
        let expected = if self.is_shared { 0 } else { base };
        (header.base_offset == expected).then_some(BatchHeader {
            base_offset: base,
            ..header
        })
    }
}

/// The places of a batch that several logs are given.
pub(super) fn encode_places(places: &[(LogId, u64)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(places.len() * PLACE_BYTES);
    for (log, base) in places {
        bytes.extend_from_slice(&log.0.to_le_bytes());
        bytes.extend_from_slice(&base.to_le_bytes());
    }
    bytes
}

fn parse_place(bytes: &[u8]) -> Option<(LogId, u64)> {
    Some((LogId(number_at(bytes, 0)?), number_at(bytes, 8)?))
}

/// What so many places take, if they are as many as there can be.
fn places_bytes(count: u64) -> Option<usize> {
    usize::try_from(count).ok()?.checked_mul(PLACE_BYTES)
}

/// The head of a record whose payload comes in two parts: places, if it has any, and the rest.
#[inline]
pub(super) fn head(
    kind: RecordKind,
    log: LogId,
    offset: u64,
    payload: [&[u8]; 2],
) -> [u8; RECORD_HEADER_BYTES] {
    let length = payload[0].len() + payload[1].len();
    let length = u32::try_from(length).expect("records are far below 4 GiB");
    let mut header = [0; RECORD_HEADER_BYTES];
    header[0] = kind as u8;
    header[4..8].copy_from_slice(&length.to_le_bytes());
    header[8..16].copy_from_slice(&log.0.to_le_bytes());
    header[16..24].copy_from_slice(&offset.to_le_bytes());
    let crc = record_crc(&header, payload[0], payload[1]);
    header[24..28].copy_from_slice(&crc.to_le_bytes());
    header
}

/// Walks records from any record or entry boundary on, stepping over entry heads and padding.
/// A record whose own checksum fails ends the walk with its position.
pub(crate) struct RecordWalk<'a> {
    bytes: &'a [u8],
    /// Position of the first byte in its file, which is what padding is aligned to.
    base: u64,
    at: usize,
}

impl<'a> RecordWalk<'a> {
    /// `bytes` were read at `base` of a journal file, where a record or an entry begins.
    pub(crate) fn new(bytes: &'a [u8], base: u64) -> Self {
        Self { bytes, base, at: 0 }
    }
}

impl<'a> Iterator for RecordWalk<'a> {
    type Item = Result<Record<'a>, usize>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.bytes.get(self.at..)?;
            match rest.first()? {
                0 => self.at = (aligned(self.base + self.at as u64 + 1) - self.base) as usize,
                _ if ClaimedEntry::parse(rest).is_some() => self.at += ENTRY_HEADER_BYTES,
                _ => break,
            }
        }
        let at = self.at;
        let Some(record) = parse_record(self.bytes, at) else {
            self.at = self.bytes.len();
            return Some(Err(at));
        };
        self.at = record.end();
        Some(Ok(record))
    }
}

fn parse_record(bytes: &[u8], at: usize) -> Option<Record<'_>> {
    let header = bytes.get(at..at + RECORD_HEADER_BYTES)?;
    let length = u32_at(header, 4) as usize;
    let body = at + RECORD_HEADER_BYTES;
    let payload = bytes.get(body..body.checked_add(length)?)?;
    let kind = RecordKind::parse(header[0])?;
    let offset = number_at(header, 16)?;
    let places = match kind {
        RecordKind::AppendToMany => places_bytes(offset)?,
        _ => 0,
    };
    let (places, rest) = payload.split_at_checked(places)?;
    let mut zeroed = [0; RECORD_HEADER_BYTES];
    zeroed.copy_from_slice(header);
    zeroed[24..28].fill(0);
    // Without places the payload is one part, as it was written.
    if u32_at(header, 24) != record_crc(&zeroed, places, rest) {
        return None;
    }
    let mut each = places.chunks_exact(PLACE_BYTES);
    if !each.all(|place| parse_place(place).is_some()) {
        return None;
    }
    Some(Record {
        kind,
        log: LogId(number_at(header, 8)?),
        offset,
        payload,
        at,
    })
}

/// Covers the head, the places, and of the batch what its own checksum does not.
#[inline]
fn record_crc(header: &[u8; RECORD_HEADER_BYTES], places: &[u8], rest: &[u8]) -> u32 {
    let prefix = &rest[..rest.len().min(BATCH_PREFIX_BYTES)];
    if places.is_empty() {
        crc32c(&[header, prefix])
    } else {
        crc32c(&[header, places, prefix])
    }
}
