//! CRC-32C of persisted bytes in several parts.

use forebay_record::Crc32c;

/// The CRC-32C (Castagnoli) of the parts, as if they were one.
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    let mut crc = Crc32c::new();
    for part in parts {
        crc.update(part);
    }
    crc.value()
}
