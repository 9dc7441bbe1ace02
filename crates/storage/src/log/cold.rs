//! Reads that go to the medium: sections of segments, chunks of the journal. Every byte that leaves
//! here was verified against a checksum.

use std::ops::ControlFlow;

use bytes::Bytes;
use forebay_record::{Batch, BatchHeader};

use super::gather::Gathering;
use super::reader::{Batches, LogReader, ReadError, check_range, take_tail};
use super::section::Section;
use super::state::{Chunk, offsets_of};
use crate::error::{Result, StorageError};
use crate::journal::record::RecordWalk;
use crate::limits::GATHERED_BATCH_BYTES;
use crate::media::{BlobKey, Patience, journal_name};

/// A segment or a journal file may be replaced while a reader is on its way to it. Each time the log
/// has already been told where the data went, so a second look finds it.
const LOOKS_MAX: usize = 8;
/// Bytes read at a time while a search walks batches.
const SEARCH_BYTES: usize = 1 << 20;
/// The most that one batch may decompress to while it is searched for a timestamp.
const SEARCH_DECOMPRESSED_BYTES: usize = 128 << 20;

/// Where the data of an offset is.
enum Place {
    Section(Section),
    Chunk(Chunk),
    /// In memory, or nowhere: the end of the log.
    Tail,
}

/// Whether a read may be answered from the batches in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    Use,
    /// Compaction does not change what is in memory, so that is not what is stored.
    Ignore,
}

/// What a read may take.
#[derive(Clone, Copy)]
struct Budget {
    bytes_max: usize,
    at_least_one: bool,
    patience: Patience,
}

pub(crate) fn read(
    reader: &LogReader,
    from: u64,
    bytes_max: usize,
    at_least_one: bool,
    tail: Tail,
    patience: Patience,
) -> std::result::Result<Batches, ReadError> {
    let budget = Budget {
        bytes_max,
        at_least_one,
        patience,
    };
    let mut batches = Gathering::from(from);
    let mut looks = 0;
    loop {
        let place = {
            let state = reader.shared.state.read();
            if batches.is_empty() {
                check_range(&state, from)?;
            }
            let place = place_of(&state, batches.next, tail);
            if matches!(place, Place::Tail) && tail == Tail::Use {
                take_tail(&state, bytes_max, at_least_one, &mut batches);
            }
            place
        };
        let more = match place {
            Place::Tail => return Ok(batches.finish()),
            Place::Section(section) => read_section(reader, &section, budget, &mut batches),
            Place::Chunk(chunk) => read_chunk(reader, &chunk, budget, &mut batches),
        };
        match more {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return Ok(batches.finish()),
            // What was read so far is good; the next read meets the damage and names it.
            Err(_) if !batches.is_empty() => return Ok(batches.finish()),
            Err(_) if looks < LOOKS_MAX && moved(reader, &place, batches.next, tail) => looks += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) fn find_timestamp(
    reader: &LogReader,
    timestamp: i64,
) -> std::result::Result<Option<(u64, i64)>, ReadError> {
    let mut from = {
        let state = reader.shared.state.read();
        let section = state
            .sections
            .iter()
            .find(|section| section.max_timestamp >= timestamp);
        let chunk = state
            .chunks
            .iter()
            .find(|chunk| chunk.max_timestamp >= timestamp);
        match (section, chunk) {
            (Some(section), _) => section.base.max(state.start),
            (None, Some(chunk)) => chunk.base.max(state.start),
            (None, None) => return Ok(None),
        }
    };
    from = skip_chunks_before(reader, from, timestamp)?;
    walk(reader, from, |header, batch| {
        if header.max_timestamp < timestamp {
            return Ok(None);
        }
        first_record(reader, header, batch, |_, found| found >= timestamp)
    })
}

pub(super) fn newest_timestamp(
    reader: &LogReader,
) -> std::result::Result<Option<(u64, i64)>, ReadError> {
    let newest = {
        let state = reader.shared.state.read();
        let sections = state.sections.iter().map(|section| section.max_timestamp);
        sections
            .chain(state.chunks.iter().map(|chunk| chunk.max_timestamp))
            .max()
    };
    let Some(newest) = newest else {
        return Ok(None);
    };
    if let Some(found) = find_timestamp(reader, newest)? {
        return Ok(Some(found));
    }
    // The start of the log has moved past the record, but not past the piece that it is in.
    let mut newest: Option<(u64, i64)> = None;
    walk(reader, reader.start_offset(), |header, batch| {
        first_record(reader, header, batch, |offset, timestamp| {
            if newest.is_none_or(|(_, newest)| timestamp > newest) {
                newest = Some((offset, timestamp));
            }
            // There may always be a newer one.
            false
        })
    })?;
    Ok(newest)
}

fn place_of(state: &super::LogState, offset: u64, tail: Tail) -> Place {
    let in_memory = state.tail.front().is_some_and(|first| first.base <= offset);
    if offset >= state.end || (in_memory && tail == Tail::Use) {
        return Place::Tail;
    }
    let at = state
        .sections
        .partition_point(|section| section.next <= offset);
    if let Some(section) = state.sections.get(at) {
        return Place::Section(*section);
    }
    let at = state.chunks.partition_point(|chunk| chunk.next <= offset);
    state
        .chunks
        .get(at)
        .map_or(Place::Tail, |chunk| Place::Chunk(*chunk))
}

/// Whether the log has meanwhile learnt of another place for the offset.
fn moved(reader: &LogReader, place: &Place, offset: u64, tail: Tail) -> bool {
    let state = reader.shared.state.read();
    match (place, place_of(&state, offset, tail)) {
        (Place::Section(old), Place::Section(new)) => *old != new,
        (Place::Chunk(old), Place::Chunk(new)) => *old != new,
        _ => true,
    }
}

/// Adds what the budget allows of a section. Continues where the budget lasts beyond its end.
fn read_section(
    reader: &LogReader,
    section: &Section,
    budget: Budget,
    batches: &mut Gathering,
) -> Result<ControlFlow<()>> {
    let Budget {
        bytes_max,
        at_least_one,
        patience,
    } = budget;
    let index = reader.side.sections.index(reader.id(), section, patience)?;
    let after = index.partition_point(|chunk| chunk.base <= batches.next);
    let first = after.saturating_sub(1);
    let budget = bytes_max.saturating_sub(batches.bytes);
    let mut last = first;
    let mut bytes = 0;
    while last < index.len() && (last == first || bytes < budget) {
        bytes += index[last].bytes as usize;
        last += 1;
    }
    let chunks = &index[first..last];
    let data = reader.side.sections.chunks(section, chunks, patience)?;
    let full = take_batches(section, &data, bytes_max, at_least_one, batches)?;
    if full {
        return Ok(ControlFlow::Break(()));
    }
    // Compaction may have removed the last records; their offsets are passed over.
    batches.next = match index.get(last) {
        Some(chunk) => batches.next.max(chunk.base),
        None => section.next,
    };
    Ok(ControlFlow::Continue(()))
}

/// Adds what the budget allows of a chunk of the journal.
fn read_chunk(
    reader: &LogReader,
    chunk: &Chunk,
    budget: Budget,
    batches: &mut Gathering,
) -> Result<ControlFlow<()>> {
    let name = || journal_name(chunk.file);
    let gone = || StorageError::io("open", name())(std::io::ErrorKind::NotFound.into());
    let file = reader.side.files.get(chunk.file).ok_or_else(gone)?;
    let (start, length) = (u64::from(chunk.start), (chunk.end - chunk.start) as usize);
    let bytes = match budget.patience {
        Patience::Waits => file.read(start, length)?,
        Patience::None => {
            let resident = file.read_resident(start, length);
            resident.ok_or_else(|| StorageError::not_resident(name()))?
        }
    };
    // A chunk shared with many other logs would pin their bytes as long as ours are held.
    let sparse = (chunk.bytes as usize) < bytes.len() / 2;
    let damaged = |at: usize, what: &str| StorageError::corrupt(name(), start + at as u64, what);
    for record in RecordWalk::new(&bytes, start) {
        let record = record.map_err(|at| damaged(at, "a record's checksum does not match"))?;
        let (Some(at), Some(batch)) = (record.base_in(reader.id()), record.batch()) else {
            continue;
        };
        let header = stored_header(batch.bytes)
            .and_then(|header| batch.placed(header, at))
            .ok_or_else(|| damaged(record.at, "a batch does not match its checksum"))?;
        let (base, next) = offsets_of(&header)
            .filter(|(_, next)| *next <= chunk.next)
            .ok_or_else(|| damaged(record.at, "a batch is not among the offsets of its place"))?;
        // Only sections have gaps. Here one means that damage made a record look like padding.
        if base > batches.next.max(chunk.base) {
            return Err(damaged(record.at, "a batch before it is missing"));
        }
        if next <= batches.next {
            continue;
        }
        let fits = batches.bytes + batch.bytes.len() <= budget.bytes_max;
        let needed = budget.at_least_one && batches.is_empty();
        if !fits && !needed {
            return Ok(ControlFlow::Break(()));
        }
        if batch.is_shared {
            batches.push_placed(batch.bytes, &header, next);
        } else if sparse || batch.bytes.len() <= GATHERED_BATCH_BYTES {
            batches.push_copy(batch.bytes, next);
        } else {
            batches.push(&bytes.slice(batch.at..batch.at + batch.bytes.len()), next);
        }
    }
    if batches.next < chunk.next {
        return Err(damaged(
            0,
            "the journal does not hold the batches its index names",
        ));
    }
    Ok(ControlFlow::Continue(()))
}

/// Adds whole batches of `data`, chunks of a section, that end after `batches.next`. True when the
/// budget is spent.
fn take_batches(
    section: &Section,
    data: &Bytes,
    bytes_max: usize,
    at_least_one: bool,
    batches: &mut Gathering,
) -> Result<bool> {
    let name = || BlobKey::segment(section.blob).to_string();
    let mut start = 0;
    let mut at = 0;
    let mut full = false;
    let mut taken_to = batches.next;
    while at < data.len() {
        let header = BatchHeader::parse(&data[at..])
            .map_err(|error| StorageError::corrupt(name(), at as u64, error.to_string()))?;
        let length = header.total_bytes();
        if at + length > data.len() {
            return Err(StorageError::corrupt(
                name(),
                at as u64,
                "a batch ends beyond its chunk",
            ));
        }
        let (_, next) = offsets_of(&header)
            .filter(|(_, next)| *next <= section.next)
            .ok_or_else(|| {
                let what = "a batch is not among the offsets of its section";
                StorageError::corrupt(name(), at as u64, what)
            })?;
        if next <= batches.next {
            if start < at {
                let what = "a batch is not in the order of its offsets";
                return Err(StorageError::corrupt(name(), at as u64, what));
            }
            at += length;
            start = at;
            continue;
        }
        let fits = batches.bytes + (at - start) + length <= bytes_max;
        let needed = at_least_one && batches.is_empty() && start == at;
        if !fits && !needed {
            full = true;
            break;
        }
        taken_to = next;
        at += length;
    }
    if start < at {
        let run = data.slice(start..at);
        // What was read beyond it is not kept for it.
        let run = if run.len() < data.len() / 2 {
            Bytes::copy_from_slice(&run)
        } else {
            run
        };
        batches.push_whole(run, taken_to);
    }
    Ok(full || batches.bytes >= bytes_max)
}

/// Inside a section, the first chunk that can hold the timestamp.
fn skip_chunks_before(
    reader: &LogReader,
    from: u64,
    timestamp: i64,
) -> std::result::Result<u64, ReadError> {
    let place = place_of(&reader.shared.state.read(), from, Tail::Use);
    let Place::Section(section) = place else {
        return Ok(from);
    };
    let index = reader
        .side
        .sections
        .index(reader.id(), &section, Patience::Waits)?;
    let chunk = index.iter().find(|chunk| chunk.max_timestamp >= timestamp);
    Ok(chunk.map_or(from, |chunk| chunk.base.max(from)))
}

/// Walks batches from `from` to the end of the log until `visit` finds something.
fn walk(
    reader: &LogReader,
    mut from: u64,
    mut visit: impl FnMut(&BatchHeader, &[u8]) -> Result<Option<(u64, i64)>>,
) -> std::result::Result<Option<(u64, i64)>, ReadError> {
    loop {
        let batches = match read(reader, from, SEARCH_BYTES, true, Tail::Use, Patience::Waits) {
            Ok(batches) => batches,
            // Retention overtook the search: go on at what is left.
            Err(ReadError::OutOfRange { start, .. }) if start > from => {
                from = start;
                continue;
            }
            Err(error) => return Err(error),
        };
        if batches.parts.is_empty() {
            return Ok(None);
        }
        for part in &batches.parts {
            let mut rest: &[u8] = part;
            while let Ok(header) = BatchHeader::parse(rest) {
                let Some((batch, tail)) = rest.split_at_checked(header.total_bytes()) else {
                    break;
                };
                if let Some(found) = visit(&header, batch)? {
                    return Ok(Some(found));
                }
                rest = tail;
            }
        }
        from = batches.next;
    }
}

/// The first record of a batch, at or above the start of the log, whose offset and timestamp satisfy
/// `wanted`.
fn first_record(
    reader: &LogReader,
    header: &BatchHeader,
    batch: &[u8],
    mut wanted: impl FnMut(u64, i64) -> bool,
) -> Result<Option<(u64, i64)>> {
    let damaged = |error: forebay_record::Error| {
        StorageError::corrupt("a batch", header.base_offset as u64, error.to_string())
    };
    let batch = Batch::only(batch).map_err(damaged)?;
    let records = batch.records(SEARCH_DECOMPRESSED_BYTES).map_err(damaged)?;
    let start = reader.start_offset();
    for record in records.iter() {
        let record = record.map_err(damaged)?;
        let timestamp = header.timestamp_of(&record);
        let offset = header.offset_of(&record) as u64;
        if offset >= start && wanted(offset, timestamp) {
            return Ok(Some((offset, timestamp)));
        }
    }
    Ok(None)
}

/// The header of a batch whose bytes match its checksum and length.
pub(crate) fn stored_header(batch: &[u8]) -> Option<BatchHeader> {
    let batch = Batch::only(batch).ok()?;
    batch.verify_stored().ok()?;
    Some(*batch.header())
}
