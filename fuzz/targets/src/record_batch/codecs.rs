//! Compressed bytes without a batch around them.

use std::io::Write;

use forebay_record::{Compression, Error};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

use crate::memory::{Bound, bounded};

/// The largest limit that is tried.
const LIMIT_MAX: usize = 1 << 20;

/// What a codec may take for each byte that goes in or may come out: a buffer that has just been
/// grown, and the one it grew from.
pub(super) const OPENED: Bound = Bound {
    // The state of zlib's decoder and of snappy's, and the first guess at the output.
    base: 192 << 10,
    per_byte: 3,
};

/// `codec u8 | limit u24 | payload`.
pub(super) fn hold(input: &[u8]) {
    let Some((&[codec, a, b, c], payload)) = input.split_first_chunk() else {
        return;
    };
    let codec = Compression::ALL[usize::from(codec) % Compression::ALL.len()];
    let limit = u32::from_be_bytes([0, a, b, c]) as usize % (LIMIT_MAX + 1);
    let bytes = payload.len() + limit;
    let output = bounded("a codec", bytes, OPENED, || {
        codec.decompress(payload, limit)
    });
    match output {
        Ok(_) if codec == Compression::None => {}
        Ok(output) => {
            assert!(output.len() <= limit, "{codec} gave more than it may");
            // What came out is what there is, whatever more is allowed; and one byte less is not.
            let length = output.len();
            let exactly = codec.decompress(payload, length);
            assert_eq!(
                exactly.as_deref(),
                Ok(&*output),
                "{codec}, exactly {length}"
            );
            if let Some(less) = length.checked_sub(1) {
                let refused = codec.decompress(payload, less);
                assert_eq!(refused, Err(Error::TooLarge { limit: less }), "{codec}");
            }
        }
        Err(error) => {
            let known = matches!(error, Error::TooLarge { .. } | Error::Decompression { .. });
            assert!(known, "{codec}: {error}");
        }
    }
}

/// An input for [`hold`].
pub(super) fn seed(codec: Compression, payload: &[u8]) -> Vec<u8> {
    [&[4, codec.id(), 1, 0, 0], payload].concat()
}

/// What other clients write and Forebay does not.
pub(super) fn foreign_seeds() -> Vec<Vec<u8>> {
    let text = b"the quick brown fox jumps over the lazy dog, ".repeat(20);
    let raw = snap::raw::Encoder::new().compress_vec(&text);
    let mut seeds = vec![seed(Compression::Snappy, &raw.expect("text compresses"))];
    for mode in [BlockMode::Independent, BlockMode::Linked] {
        let frame = FrameInfo::new()
            .block_size(BlockSize::Max4MB)
            .block_mode(mode)
            .block_checksums(true)
            .content_checksum(true)
            .content_size(Some(text.len() as u64));
        let mut encoder = FrameEncoder::with_frame_info(frame, Vec::new());
        encoder.write_all(&text).expect("memory takes all");
        let frame = encoder.finish().expect("memory takes all");
        seeds.push(seed(Compression::Lz4, &frame));
    }
    // Two members, two frames.
    let twice = |compressed: Vec<u8>| compressed.repeat(2);
    let zstd = zstd::encode_all(&text[..], 1).expect("memory takes all");
    seeds.push(seed(Compression::Zstd, &twice(zstd)));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&text).expect("memory takes all");
    let gzip = gzip.finish().expect("memory takes all");
    seeds.push(seed(Compression::Gzip, &twice(gzip)));
    seeds
}
