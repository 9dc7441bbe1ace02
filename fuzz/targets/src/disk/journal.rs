//! Journal files byte by byte, as docs/storage-format.md has them, written a second time: what is
//! forged here has every checksum that it needs to be believed.

use forebay_record::crc32c;

pub(super) const HEADER_BYTES: usize = 4096;
const COPY_BYTES: usize = 2048;
const ENTRY_HEADER_BYTES: usize = 64;
const RECORD_HEADER_BYTES: usize = 32;
/// Bytes of a batch that its own checksum does not cover.
const BATCH_PREFIX_BYTES: usize = 21;
/// The kind of record whose batch stands behind the places that it has, and what each of those takes.
const APPEND_TO_MANY: u8 = 8;
const PLACE_BYTES: usize = 16;

/// What the next entry has to continue.
#[derive(Clone, Copy, Default)]
pub(super) struct Link {
    pub(super) lsn: u64,
    pub(super) epoch: u64,
    pub(super) crc: u64,
}

/// The head of a file.
pub(super) struct FileHead {
    pub(super) file: u64,
    pub(super) capacity: u64,
    pub(super) after: Link,
}

impl FileHead {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut copy = b"FBJRNL\r\n\x01\0\0\0\0\0\0\0".to_vec();
        for field in [self.file, self.after.epoch, self.after.lsn, self.capacity] {
            copy.extend(field.to_le_bytes());
        }
        copy.extend((self.after.crc as u32).to_le_bytes());
        copy.resize(COPY_BYTES, 0);
        let covered = [&copy[8..12], &copy[16..]].concat();
        copy[12..16].copy_from_slice(&crc32c(&covered).to_le_bytes());
        copy.repeat(2)
    }
}

/// The head of an entry; everything that is not 64 bits wide is cut to what it is.
pub(super) struct EntryHead {
    pub(super) magic: [u8; 4],
    pub(super) length: u64,
    pub(super) records: u64,
    pub(super) file: u64,
    pub(super) link: Link,
    pub(super) synced: u64,
    pub(super) wall_ms: u64,
}

/// An entry with its checksum, padded, and that checksum.
pub(super) fn entry(head: &EntryHead, records: &[u8]) -> (Vec<u8>, u32) {
    let mut bytes = head.magic.to_vec();
    bytes.extend([0; 4]);
    bytes.extend((head.length as u32).to_le_bytes());
    bytes.extend((head.records as u32).to_le_bytes());
    let link = &head.link;
    for field in [
        head.file,
        link.lsn,
        link.epoch,
        head.synced,
        head.wall_ms,
        link.crc,
    ] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend_from_slice(records);
    // A length that was bent is covered as far as there are bytes.
    let covered = (head.length as u32 as usize).clamp(8, bytes.len());
    let crc = crc32c(&bytes[8..covered]);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    (bytes, crc)
}

/// The length of an entry with these records.
pub(super) fn entry_length(records: &[u8]) -> u64 {
    (ENTRY_HEADER_BYTES + records.len()) as u64
}

/// A record with its checksum.
pub(super) fn record(kind: u8, log: u64, offset: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 0, 0, 0];
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(log.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes.resize(RECORD_HEADER_BYTES, 0);
    let places = match kind {
        APPEND_TO_MANY => (offset as usize).saturating_mul(PLACE_BYTES),
        _ => 0,
    };
    let covered = places.saturating_add(BATCH_PREFIX_BYTES);
    let prefix = &payload[..payload.len().min(covered)];
    let crc = crc32c(&[&bytes[..], prefix].concat());
    bytes[24..28].copy_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}
