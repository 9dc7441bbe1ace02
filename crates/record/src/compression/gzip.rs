//! Gzip (RFC 1952), in one member or several.

use std::io::Write;

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::Failure;
use super::read_bounded::read_bounded;
use crate::limits::GZIP_LEVEL;

pub(super) fn compress(input: &[u8], out: &mut Vec<u8>) {
    let mut encoder = GzEncoder::new(out, flate2::Compression::new(GZIP_LEVEL));
    encoder
        .write_all(input)
        .and_then(|()| encoder.finish())
        .expect("gzip into memory has nothing to fail on");
}

pub(super) fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    read_bounded(MultiGzDecoder::new(input), input.len(), limit)
}
