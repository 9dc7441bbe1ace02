//! Zigzag varints (Protocol Buffers encoding), the integers inside records. A malformed one is
//! described by a sentence for [`Error::Record`](crate::Error::Record); nothing is allocated.

const PAST_THE_END: &str = "a varint runs past the end";
const VARINT_OVERFLOW: &str = "a varint does not fit 32 bits";
const VARLONG_OVERFLOW: &str = "a varlong does not fit 64 bits";

/// Takes a 32-bit zigzag varint, at most five bytes, off the front of `bytes`.
pub(crate) fn take_i32(bytes: &mut &[u8]) -> Result<i32, &'static str> {
    let raw = take(bytes, u64::from(u32::MAX), 5, VARINT_OVERFLOW)?;
    let raw = u32::try_from(raw).expect("take refuses more than 32 bits");
    Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
}

/// Takes a 64-bit zigzag varint, at most ten bytes, off the front of `bytes`.
pub(crate) fn take_i64(bytes: &mut &[u8]) -> Result<i64, &'static str> {
    let raw = take(bytes, u64::MAX, 10, VARLONG_OVERFLOW)?;
    Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
}

#[inline(always)]
fn take(
    bytes: &mut &[u8],
    value_max: u64,
    length_max: usize,
    overflow: &'static str,
) -> Result<u64, &'static str> {
    // Nearly all lengths and deltas fit one byte or two.
    match **bytes {
        [first @ 0..=0x7f, ref rest @ ..] => {
            *bytes = rest;
            Ok(u64::from(first))
        }
        [first, second @ 0..=0x7f, ref rest @ ..] => {
            *bytes = rest;
            Ok(u64::from(first & 0x7f) | u64::from(second) << 7)
        }
        _ => take_long(bytes, value_max, length_max, overflow),
    }
}

#[cold]
fn take_long(
    bytes: &mut &[u8],
    value_max: u64,
    length_max: usize,
    overflow: &'static str,
) -> Result<u64, &'static str> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().take(length_max).enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * index;
        if bits > value_max >> shift {
            return Err(overflow);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            *bytes = &bytes[index + 1..];
            return Ok(value);
        }
    }
    Err(if bytes.len() < length_max {
        PAST_THE_END
    } else {
        overflow
    })
}

/// Appends a 32-bit zigzag varint.
pub(crate) fn put_i32(out: &mut Vec<u8>, value: i32) {
    put_i64(out, i64::from(value));
}

/// Appends a 64-bit zigzag varint.
pub(crate) fn put_i64(out: &mut Vec<u8>, value: i64) {
    let mut raw = zigzag(value);
    while raw > 0x7f {
        out.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

/// Bytes that [`put_i64`] (and so [`put_i32`]) writes for `value`.
pub(crate) fn size(value: i64) -> usize {
    let bits = u64::BITS - (zigzag(value) | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(value: i64) -> Vec<u8> {
        let mut out = Vec::new();
        put_i64(&mut out, value);
        out
    }

    /// From Kafka's own `ByteUtilsTest`.
    #[test]
    fn the_bytes_are_kafkas() {
        let cases: [(i64, &[u8]); 9] = [
            (0, &[0x00]),
            (-1, &[0x01]),
            (1, &[0x02]),
            (63, &[0x7e]),
            (-64, &[0x7f]),
            (64, &[0x80, 0x01]),
            (-8193, &[0x81, 0x80, 0x01]),
            (i64::from(i32::MAX), &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (
                i64::MIN,
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            ),
        ];
        for (value, bytes) in cases {
            assert_eq!(encoded(value), bytes);
            assert_eq!(take_i64(&mut &bytes[..]), Ok(value));
        }
    }

    #[test]
    fn too_many_bits_are_refused() {
        assert_eq!(
            take_i32(&mut &[0xff, 0xff, 0xff, 0xff, 0x1f][..]),
            Err(VARINT_OVERFLOW)
        );
        assert_eq!(take_i32(&mut &[0x80; 6][..]), Err(VARINT_OVERFLOW));
        assert_eq!(take_i32(&mut &[0x80; 4][..]), Err(PAST_THE_END));
        assert_eq!(take_i32(&mut &[][..]), Err(PAST_THE_END));
        let mut eleven = [0xff; 11];
        assert_eq!(take_i64(&mut &eleven[..]), Err(VARLONG_OVERFLOW));
        eleven[9] = 0x02;
        assert_eq!(take_i64(&mut &eleven[..]), Err(VARLONG_OVERFLOW));
    }

    proptest! {
        #[test]
        fn every_value_round_trips(value: i64, small: i32) {
            let bytes = encoded(value);
            prop_assert_eq!(bytes.len(), size(value));
            let mut rest = &bytes[..];
            prop_assert_eq!(take_i64(&mut rest), Ok(value));
            prop_assert!(rest.is_empty());
            prop_assert_eq!(take_i32(&mut &encoded(i64::from(small))[..]), Ok(small));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = take_i32(&mut &bytes[..]);
            let _ = take_i64(&mut &bytes[..]);
        }
    }
}
