//! Looking through text for bytes that are almost never in it.

/// Bytes that are looked at together: a loop without a way out in the middle becomes a few vector instructions.
const BLOCK_BYTES: usize = 32;

/// Where the first byte is of which `is_wanted` is true.
pub(crate) fn position(bytes: &[u8], is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let mut blocks = bytes.chunks(BLOCK_BYTES).enumerate();
    let (number, block) = blocks.find(|(_, block)| {
        let bytes = block.iter();
        bytes.fold(false, |found, byte| found | is_wanted(*byte))
    })?;
    let within = block.iter().position(|byte| is_wanted(*byte))?;
    Some(number * BLOCK_BYTES + within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_found_wherever_it_is() {
        for length in 0..100 {
            let mut text = vec![b'x'; length];
            assert_eq!(position(&text, |byte| byte == b'y'), None);
            for at in (0..length).rev() {
                text[at] = b'y';
                assert_eq!(position(&text, |byte| byte == b'y'), Some(at));
            }
        }
    }
}
