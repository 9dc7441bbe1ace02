//! Segments and snapshots byte by byte, as docs/storage-format.md has them.

use forebay_record::crc32c;

use super::input::Input;
use super::journal::Link;

pub(super) const SEGMENT_HEAD: &[u8; 16] = b"FBSEGM\r\n\x01\0\0\0\0\0\0\0";
/// "There is no such time."
const NONE: u64 = u64::MAX;

/// A section, as records and snapshots refer to it.
#[derive(Clone, Copy, Default)]
pub(super) struct Section {
    pub(super) log: u64,
    pub(super) blob: u64,
    pub(super) position: u64,
    pub(super) base: u64,
    pub(super) next: u64,
    pub(super) bytes: u64,
    pub(super) chunks: u64,
    pub(super) max_timestamp: u64,
}

impl Section {
    pub(super) fn bend(&mut self, input: &mut Input<'_>) {
        input.bend([
            &mut self.blob,
            &mut self.position,
            &mut self.base,
            &mut self.next,
            &mut self.bytes,
            &mut self.chunks,
            &mut self.max_timestamp,
            &mut self.log,
        ]);
    }

    /// From the segment to the largest timestamp, which records and snapshots share.
    fn put(&self, out: &mut Vec<u8>) {
        for field in [self.blob, self.position, self.base, self.next, self.bytes] {
            out.extend(field.to_le_bytes());
        }
        out.extend((self.chunks as u32).to_le_bytes());
        out.extend(self.max_timestamp.to_le_bytes());
    }
}

/// Appends a section to a segment: its batches in chunks, the index, the foot.
pub(super) fn section(
    input: &mut Input<'_>,
    segment: &mut Vec<u8>,
    section: &mut Section,
    batches: &[(u64, Vec<u8>)],
) {
    section.position = segment.len() as u64;
    let mut index = Vec::new();
    for chunk in batches.chunks(2) {
        let bytes: Vec<u8> = chunk.iter().flat_map(|(_, batch)| batch.clone()).collect();
        let (mut base, mut position) = (chunk[0].0, section.bytes);
        let (mut length, mut max_timestamp) = (bytes.len() as u64, section.max_timestamp);
        input.bend([&mut base, &mut position, &mut length, &mut max_timestamp]);
        index.extend(base.to_le_bytes());
        index.extend(position.to_le_bytes());
        index.extend((length as u32).to_le_bytes());
        index.extend(crc32c(&bytes).to_le_bytes());
        index.extend(max_timestamp.to_le_bytes());
        segment.extend_from_slice(&bytes);
        section.bytes += bytes.len() as u64;
        section.chunks += 1;
    }
    let mut claimed = *section;
    claimed.bend(input);
    let mut foot = Vec::new();
    for field in [claimed.log, claimed.base, claimed.next, claimed.bytes] {
        foot.extend(field.to_le_bytes());
    }
    foot.extend((claimed.chunks as u32).to_le_bytes());
    foot.extend(crc32c(&index).to_le_bytes());
    foot.extend(claimed.max_timestamp.to_le_bytes());
    foot.extend([0; 8]);
    segment.extend_from_slice(&index);
    segment.extend(b"FBse");
    segment.extend(crc32c(&foot).to_le_bytes());
    segment.extend_from_slice(&foot);
}

/// The payload of a record that installs sections.
pub(super) fn installed(input: &mut Input<'_>, sections: &[Section]) -> Vec<u8> {
    let mut count = sections.len() as u64;
    input.bend([&mut count]);
    let mut payload = (count as u32).to_le_bytes().to_vec();
    for section in sections {
        let (mut cleaned, mut tombstones_until) = (0, NONE);
        input.bend([&mut cleaned, &mut tombstones_until]);
        payload.extend(section.log.to_le_bytes());
        section.put(&mut payload);
        payload.extend(cleaned.to_le_bytes());
        payload.extend(tombstones_until.to_le_bytes());
    }
    payload
}

/// A log in a snapshot.
#[derive(Clone, Default)]
pub(super) struct SavedLog {
    pub(super) id: u64,
    pub(super) durability: u8,
    pub(super) next: u64,
    pub(super) sections: Vec<Section>,
    pub(super) chunks: Vec<Chunk>,
}

/// A run of batches in the journal.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    pub(super) base: u64,
    pub(super) next: u64,
    pub(super) file: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) bytes: u64,
}

/// A snapshot of `logs` at the place in the journal that `after` and `position` say.
pub(super) fn snapshot(
    input: &mut Input<'_>,
    after: Link,
    (mut file, mut position): (u64, u64),
    logs: &[SavedLog],
    machine: &[u8],
) -> Vec<u8> {
    let mut lsn = after.lsn.wrapping_sub(1);
    let (mut epoch, mut next_blob) = (after.epoch, 100);
    input.bend([
        &mut lsn,
        &mut epoch,
        &mut file,
        &mut position,
        &mut next_blob,
    ]);
    let mut body = Vec::new();
    body.extend(lsn.to_le_bytes());
    body.extend(epoch.to_le_bytes());
    body.extend((after.crc as u32).to_le_bytes());
    for field in [file, position, next_blob] {
        body.extend(field.to_le_bytes());
    }
    body.extend((logs.len() as u32).to_le_bytes());
    for log in logs {
        saved_log(input, &mut body, log);
    }
    body.extend((machine.len() as u32).to_le_bytes());
    body.extend_from_slice(machine);
    let head = b"FBSNAP\r\n\x01\0\0\0";
    [&head[..], &crc32c(&body).to_le_bytes(), &body].concat()
}

fn saved_log(input: &mut Input<'_>, body: &mut Vec<u8>, log: &SavedLog) {
    let (mut id, mut start, mut next) = (log.id, 0, log.next);
    let (mut cleaned, mut tombstones_until) = (0, NONE);
    input.bend([
        &mut start,
        &mut next,
        &mut cleaned,
        &mut tombstones_until,
        &mut id,
    ]);
    body.extend(id.to_le_bytes());
    body.push(log.durability);
    for field in [start, next, cleaned, tombstones_until] {
        body.extend(field.to_le_bytes());
    }
    body.extend((log.sections.len() as u32).to_le_bytes());
    for section in &log.sections {
        let mut section = *section;
        section.bend(input);
        section.put(body);
    }
    body.extend((log.chunks.len() as u32).to_le_bytes());
    for chunk in &log.chunks {
        let Chunk {
            mut base,
            mut next,
            mut file,
            mut start,
            mut end,
            mut bytes,
        } = *chunk;
        input.bend([
            &mut base, &mut next, &mut start, &mut end, &mut bytes, &mut file,
        ]);
        for field in [base, next, file] {
            body.extend(field.to_le_bytes());
        }
        for field in [start, end, bytes] {
            body.extend((field as u32).to_le_bytes());
        }
        body.extend(1_000_000_u64.to_le_bytes());
    }
}
