//! What may be in a message.

use crate::sqs::error::SqsError;
use crate::wire::position;

const CHARACTERS: &str = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | \
                          #xE000 to #xFFFD | #x10000 to #x10FFFF";
/// Of group and deduplication ids.
const ID_CHARS_MAX: usize = 128;

/// Whether all characters may be in a message: those that XML 1.0 can say.
pub(crate) fn check_body(body: &str) -> Result<(), SqsError> {
    let is_control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    let mut rest = body.as_bytes();
    // Beside control characters it is U+FFFE and U+FFFF that cannot be: EF BF BE, EF BF BF.
    while let Some(at) = position(rest, |byte| byte == 0xef || is_control(byte)) {
        let found = &rest[at..];
        if is_control(found[0]) || matches!(found, [_, 0xbf, 0xbe..=0xff, ..]) {
            return Err(SqsError::InvalidMessageContents(CHARACTERS));
        }
        rest = &found[1..];
    }
    Ok(())
}

/// Whether that can be a group's or a deduplication id.
pub(crate) fn check_id(id: &str, parameter: &str) -> Result<(), SqsError> {
    let is_id = (1..=ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    is_id.then_some(()).ok_or_else(|| {
        let reason = format!(
            "{parameter} can only include alphanumeric and punctuation characters. 1 to {ID_CHARS_MAX} in length."
        );
        SqsError::parameter(id, parameter, &reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_those_of_xml() {
        for fine in [
            "",
            "a\t\n\r b",
            "你好，世界。：\u{f000}",
            "\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}\u{7f}",
        ] {
            assert!(check_body(fine).is_ok(), "{fine:?}");
        }
        for wrong in [
            "\0",
            "a\u{1}",
            "\u{b}",
            "\u{1f}",
            "\u{fffe}",
            "ab\u{ffff}",
            "，\u{ffff}",
        ] {
            assert!(check_body(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn ids_are_ascii_without_spaces() {
        assert!(check_id("a-Z!~9", "MessageGroupId").is_ok());
        let long = "a".repeat(129);
        for wrong in ["", "a b", "ä", &long] {
            assert!(check_id(wrong, "MessageGroupId").is_err(), "{wrong}");
        }
    }
}
