//! Batches that no client would send, with the checksums that they would need to be looked at.

use bytes::Bytes;
use forebay_record::{Batch, BatchHeader, Compression, MAGIC_V2, crc32c};

use super::DECOMPRESSED_BYTES_MAX;

const HEADER_BYTES: usize = forebay_record::limits::HEADER_BYTES;
/// From here on the checksum covers everything.
const CHECKED_FROM: usize = 21;

/// What of a header is made to fit, as bits of one byte; the rest is as the input has it.
mod fit {
    /// No attribute but the codec.
    pub(super) const ATTRIBUTES: u8 = 1;
    /// Offsets that a log may hold.
    pub(super) const OFFSETS: u8 = 2;
    /// As many offsets as records.
    pub(super) const DENSE: u8 = 4;
    /// A few records rather than any number.
    pub(super) const COUNT: u8 = 8;
    /// Timestamps of this century.
    pub(super) const TIMESTAMPS: u8 = 16;
}

/// Gives `bytes` the magic, the length and the checksum of one batch. Too few bytes stay as they are.
pub(super) fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() < HEADER_BYTES {
        return bytes;
    }
    let length = i32::try_from(bytes.len() - 12).expect("inputs are small");
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[16] = MAGIC_V2.cast_unsigned();
    let crc = crc32c(&bytes[CHECKED_FROM..]);
    bytes[17..CHECKED_FROM].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// `codec u8 | fit u8 | header | records`: any header over any bytes as records, compressed properly.
pub(super) fn batch(input: &[u8]) -> Option<Bytes> {
    let (&[codec, fit], rest) = input.split_first_chunk()?;
    let (header, body) = rest.split_first_chunk::<HEADER_BYTES>()?;
    let plain = [&header[..], body].concat();
    let mut header = BatchHeader::parse(&sealed(plain)).ok()?;
    header.attributes = header.attributes.with_compression(Compression::None);
    fit_header(&mut header, fit);
    let plain = sealed([&header.encode()[..], body].concat());
    let opened = Batch::only(&plain)
        .ok()?
        .records(DECOMPRESSED_BYTES_MAX)
        .ok()?;
    let codec = Compression::ALL[usize::from(codec) % Compression::ALL.len()];
    opened.recompress(codec).ok()
}

/// As [`batch`], behind the position and the value of a byte of the payload that is then changed.
pub(super) fn damaged(input: &[u8]) -> Option<Vec<u8>> {
    let (&[high, low, value], rest) = input.split_first_chunk()?;
    let mut bytes = batch(rest)?.to_vec();
    let payload = bytes.get_mut(HEADER_BYTES..)?;
    let position = usize::from(u16::from_be_bytes([high, low])) % payload.len().max(1);
    *payload.get_mut(position)? = value;
    Some(sealed(bytes))
}

fn fit_header(header: &mut BatchHeader, fit: u8) {
    let fits = |what| fit & what != 0;
    if fits(fit::ATTRIBUTES) {
        header.attributes = Default::default();
    }
    if fits(fit::OFFSETS) {
        header.base_offset &= 0xffff_ffff;
        header.last_offset_delta &= 0xff;
    }
    if fits(fit::COUNT) {
        header.record_count &= 0x1f;
    }
    if fits(fit::DENSE) {
        header.last_offset_delta = header.record_count.saturating_sub(1);
    }
    if fits(fit::TIMESTAMPS) {
        header.base_timestamp = 1_700_000_000_000 + (header.base_timestamp & 0xffff);
        header.max_timestamp = header.base_timestamp + (header.max_timestamp & 0xffff);
    }
}

/// Inputs for [`batch`] and [`damaged`].
pub(super) fn seeds(codec: Compression) -> Vec<Vec<u8>> {
    let plain = super::sample(Compression::None);
    let fits = fit::OFFSETS | fit::COUNT | fit::TIMESTAMPS;
    [0, fits, fits | fit::DENSE | fit::ATTRIBUTES]
        .into_iter()
        .flat_map(|fit| {
            let forged = [&[codec.id(), fit], &plain[..]].concat();
            [
                [&[2], &forged[..]].concat(),
                [&[3, 0, 9, 0xff], &forged[..]].concat(),
            ]
        })
        .collect()
}
