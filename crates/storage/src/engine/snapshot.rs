//! The state of a shard at one position of its journal, so that a start replays only what came
//! after.
//!
//! ```text
//! snapshot = magic u64 | version u32 | crc u32 (of what follows) | body
//! body     = lsn u64, epoch u64 and checksum u32 of the last entry it covers
//!          | file u64 and position u64 of the entry after | next blob u64 | log* | bytes of the state machine
//! log      = id u64 | durability u8 | start u64 | next u64 | cleaned u64 | tombstones until i64 (-1: none)
//!          | section* | chunk*
//! section  = as in a `SectionsInstalled` record, blob to max timestamp
//! chunk    = base u64 | next u64 | file u64 | start u32 | end u32 | bytes u32 | max timestamp i64
//! ```

use std::collections::VecDeque;

use forebay_record::Crc32c;

use super::install::{NO_TOMBSTONES, put_section, take_section};
use super::{Engine, Log};
use crate::checksum::crc32c;
use crate::codec::{DecodeError, Decoder, Encoded, Encoder};
use crate::error::Result;
use crate::ids::{BlobId, Epoch, FileId, IdMap, LogId, Lsn};
use crate::journal::entry::Link;
use crate::log::{Chunk, Durability, LogShared, LogState};
use crate::media::{BlobKey, Medium};

const MAGIC: &[u8; 8] = b"FBSNAP\r\n";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 16;
/// A log takes as much in a snapshot, whatever it is.
const SAVED_LOG_BYTES_MIN: usize = 49;

/// A snapshot read back.
pub(crate) struct Snapshot<'a> {
    pub(crate) lsn: Lsn,
    /// What the next entry continues.
    pub(super) link: Link,
    pub(super) file: FileId,
    pub(super) position: u64,
    pub(super) next_blob: BlobId,
    pub(super) logs: IdMap<LogId, Log>,
    pub(super) machine: &'a [u8],
}

impl Engine {
    /// Encodes the state as of the last entry. Only between commits, when nothing gathers.
    pub(super) fn encode_snapshot(&self, machine: impl FnOnce(&mut Encoder)) -> Encoded {
        debug_assert!(!self.has_work(), "a snapshot is taken between commits");
        let mut encoder = Encoder::new();
        encoder
            .u64(self.link.lsn.0 - 1)
            .u64(self.link.epoch.0)
            .u32(self.link.crc)
            .u64(self.current.file.id().0)
            .u64(self.current.position)
            .u64(self.next_blob.0);
        encoder.list(&self.logs, |encoder, (id, log)| put_log(encoder, *id, log));
        encoder.nested(machine);
        encoder.finish_with_pages()
    }
}

/// Writes what [`Engine::encode_snapshot`] made. What is in pages is read twice: once for the checksum.
pub(super) fn write(medium: &dyn Medium, lsn: Lsn, body: &Encoded) -> Result<()> {
    let mut crc = Crc32c::new();
    body.for_each_piece(|piece| {
        crc.update(piece);
        Ok(())
    })?;
    // One that is there by this number already was written by an attempt that failed: it goes.
    let mut blob = medium.create_blob(BlobKey::snapshot(BlobId(lsn.0)))?;
    let head = [
        &MAGIC[..],
        &VERSION.to_le_bytes(),
        &crc.value().to_le_bytes(),
    ];
    blob.write(&head.concat())?;
    body.for_each_piece(|piece| blob.write(piece))?;
    blob.finish()
}

/// Reads the snapshot of this name back; the error says what is wrong with it.
pub(crate) fn decode(name: BlobId, bytes: &[u8]) -> Result<Snapshot<'_>, String> {
    let (head, body) = bytes
        .split_at_checked(HEAD_BYTES)
        .ok_or("it is shorter than its head")?;
    if head[..8] != *MAGIC {
        return Err("it does not begin as a snapshot does".to_owned());
    }
    if head[8..12] != VERSION.to_le_bytes() {
        return Err("its version is unknown".to_owned());
    }
    if head[12..16] != crc32c(&[body]).to_le_bytes() {
        return Err("its checksum does not match".to_owned());
    }
    let snapshot = decode_body(body).map_err(|error| error.to_string())?;
    // Under another name it would be taken for an old one, and be removed.
    if snapshot.lsn.0 != name.0 {
        return Err(format!("it is the snapshot of commit {}", snapshot.lsn));
    }
    Ok(snapshot)
}

fn decode_body(body: &[u8]) -> Result<Snapshot<'_>, DecodeError> {
    let mut decoder = Decoder::new(body);
    let lsn = Lsn(decoder.number()?);
    let snapshot = Snapshot {
        lsn,
        link: Link {
            lsn: lsn.next(),
            epoch: Epoch(decoder.number()?),
            crc: decoder.u32()?,
        },
        file: FileId(decoder.number()?),
        position: decoder.number()?,
        next_blob: BlobId(decoder.number()?),
        logs: take_logs(&mut decoder)?,
        machine: decoder.bytes()?,
    };
    decoder.finish()?;
    Ok(snapshot)
}

fn take_logs(decoder: &mut Decoder<'_>) -> Result<IdMap<LogId, Log>, DecodeError> {
    let mut logs = IdMap::default();
    logs.reserve(decoder.items_ahead(SAVED_LOG_BYTES_MIN));
    decoder.each(|decoder| {
        let (id, log) = take_log(decoder)?;
        match logs.insert(id, log) {
            None => Ok(()),
            Some(_) => Err(DecodeError::Invalid {
                what: "second log of one id",
            }),
        }
    })?;
    Ok(logs)
}

fn put_log(encoder: &mut Encoder, id: LogId, log: &Log) {
    let state = log.shared.state.read();
    encoder
        .u64(id.0)
        .u8(log.durability as u8)
        .u64(state.start)
        .u64(log.next)
        .u64(log.cleaned)
        .i64(log.tombstones_until_ms.unwrap_or(NO_TOMBSTONES));
    encoder.list(&state.sections, |encoder, section| {
        put_section(encoder, section)
    });
    encoder.list(&state.chunks, |encoder, chunk| {
        encoder
            .u64(chunk.base)
            .u64(chunk.next)
            .u64(chunk.file.0)
            .u32(chunk.start)
            .u32(chunk.end)
            .u32(chunk.bytes)
            .i64(chunk.max_timestamp);
    });
}

fn take_log(decoder: &mut Decoder<'_>) -> Result<(LogId, Log), DecodeError> {
    let id = LogId(decoder.number()?);
    let durability =
        Durability::parse(decoder.u8()?).ok_or(DecodeError::Invalid { what: "durability" })?;
    let start = decoder.number()?;
    let next = decoder.number()?;
    let cleaned = decoder.number()?;
    let tombstones_until_ms = Some(decoder.i64()?).filter(|until| *until != NO_TOMBSTONES);
    let sections = decoder.list(take_section)?;
    let chunks = decoder.list(|decoder| {
        Ok(Chunk {
            base: decoder.number()?,
            next: decoder.number()?,
            file: FileId(decoder.number()?),
            start: decoder.u32()?,
            end: decoder.u32()?,
            bytes: decoder.u32()?,
            max_timestamp: decoder.i64()?,
        })
    })?;
    let mut log = Log::new(id, durability, 0);
    let chunks = VecDeque::from(chunks);
    let state = LogState {
        start,
        end: next,
        sections,
        chunks,
        ..LogState::default()
    };
    if !state.is_sound() {
        return Err(DecodeError::Invalid {
            what: "state of a log",
        });
    }
    log.shared = LogShared::new(id, state);
    log.next = next;
    log.cleaned = cleaned;
    log.tombstones_until_ms = tombstones_until_ms;
    log.segment_base = next;
    Ok((id, log))
}
