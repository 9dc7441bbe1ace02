use super::*;
use crate::limits::INITIAL_OUTPUT_BYTES;

fn compressed(codec: Compression, input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    codec.compress_into(input, &mut out);
    out
}

#[test]
fn every_codec_gives_back_what_it_was_given() {
    let text = b"the quick brown fox jumps over the lazy dog, ".repeat(10_000);
    for codec in Compression::ALL {
        for length in [
            0,
            1,
            100,
            32 * 1024,
            32 * 1024 + 1,
            64 * 1024,
            64 * 1024 + 1,
            text.len(),
        ] {
            let input = &text[..length];
            let compressed = compressed(codec, input);
            assert_eq!(
                codec.decompress(&compressed, length).as_deref(),
                Ok(input),
                "{codec}"
            );
        }
    }
}

#[test]
fn compression_appends_to_what_is_there() {
    for codec in Compression::ALL {
        let mut out = b"header".to_vec();
        codec.compress_into(b"records", &mut out);
        let payload = out.strip_prefix(b"header").unwrap();
        assert_eq!(codec.decompress(payload, 7).as_deref(), Ok(&b"records"[..]));
    }
}

#[test]
fn one_byte_over_the_limit_is_too_large() {
    let input = b"0123456789".repeat(20_000);
    for codec in &Compression::ALL[1..] {
        let compressed = compressed(*codec, &input);
        for limit in [0, 1, 1000, INITIAL_OUTPUT_BYTES, input.len() - 1] {
            assert_eq!(
                codec.decompress(&compressed, limit),
                Err(Error::TooLarge { limit })
            );
        }
    }
}

#[test]
fn a_cut_or_lengthened_stream_is_invalid() {
    let input = b"0123456789".repeat(20_000);
    for codec in &Compression::ALL[1..] {
        let mut compressed = compressed(*codec, &input);
        for length in [1, 4, compressed.len() / 2, compressed.len() - 1] {
            let cut = codec.decompress(&compressed[..length], input.len());
            assert!(
                matches!(cut, Err(Error::Decompression { .. })),
                "{codec} {length} {cut:?}"
            );
        }
        compressed.push(0x7f);
        let longer = codec.decompress(&compressed, input.len());
        assert!(
            matches!(longer, Err(Error::Decompression { .. })),
            "{codec} {longer:?}"
        );
    }
}

#[test]
fn raw_snappy_is_read() {
    let input = b"abcdefgh".repeat(100);
    let raw = snap::raw::Encoder::new().compress_vec(&input).unwrap();
    assert_eq!(
        Compression::Snappy.decompress(&raw, 800).as_deref(),
        Ok(&input[..])
    );
    assert_eq!(
        Compression::Snappy.decompress(&raw, 799),
        Err(Error::TooLarge { limit: 799 })
    );
}

#[test]
fn a_snappy_block_that_lies_about_its_length_takes_no_memory() {
    // Declares 4 GiB - 1, holds one literal byte.
    let lie = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, b'x'];
    let answer = Compression::Snappy.decompress(&lie, DECOMPRESSED_BYTES_MAX);
    assert!(
        matches!(answer, Err(Error::Decompression { .. })),
        "{answer:?}"
    );
}

#[test]
fn lz4_frames_of_every_kind_are_read() {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    let input: Vec<u8> = (0..700_000u32).map(|i| (i / 3 % 251) as u8).collect();
    for size in [
        BlockSize::Max64KB,
        BlockSize::Max256KB,
        BlockSize::Max1MB,
        BlockSize::Max4MB,
    ] {
        for mode in [BlockMode::Independent, BlockMode::Linked] {
            for checksums in [false, true] {
                let frame = FrameInfo::new()
                    .block_size(size)
                    .block_mode(mode)
                    .block_checksums(checksums)
                    .content_checksum(checksums)
                    .content_size(checksums.then_some(input.len() as u64));
                let mut encoder = FrameEncoder::with_frame_info(frame, Vec::new());
                std::io::Write::write_all(&mut encoder, &input).unwrap();
                let bytes = encoder.finish().unwrap();
                let output = Compression::Lz4.decompress(&bytes, input.len());
                assert_eq!(
                    output.as_deref(),
                    Ok(&input[..]),
                    "{size:?} {mode:?} {checksums}"
                );
                let limit = input.len() - 1;
                let over = Compression::Lz4.decompress(&bytes, limit);
                assert_eq!(over, Err(Error::TooLarge { limit }));
            }
        }
    }
}

#[test]
fn names_and_numbers_round_trip() {
    for codec in Compression::ALL {
        assert_eq!(Compression::from_id(codec.id()), Some(codec));
        assert_eq!(Compression::from_name(&codec.to_string()), Some(codec));
    }
    assert_eq!(
        Compression::from_name("uncompressed"),
        Some(Compression::None)
    );
    assert_eq!(Compression::from_name("producer"), None);
    assert_eq!(Compression::from_id(5), None);
}
