//! Texts with `*` for any characters and `?` for any one.

/// Whether a text is of a pattern. Takes time by the product of both at most: policies are other people's.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut from) = (0, 0);
    // Where the last star was, and what it stands for as far as was tried.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(b'?') => {
                at += 1;
                from = next_character(text, from);
            }
            Some(byte) if *byte == text[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((star_at, tried)) = star else {
                    return false;
                };
                at = star_at + 1;
                from = tried + 1;
                star = Some((star_at, from));
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// The same of each part of an ARN: a `*` ends where its part does, but for that of the last.
pub(super) fn matches_arn(pattern: &str, arn: &str) -> bool {
    const PARTS: usize = 6;
    let (mut patterns, mut parts) = (pattern.splitn(PARTS, ':'), arn.splitn(PARTS, ':'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if matches(pattern, part) => {}
            _ => return false,
        }
    }
}

fn next_character(text: &[u8], at: usize) -> usize {
    let is_inside = |byte: &&u8| **byte & 0xc0 == 0x80;
    at + 1 + text[at + 1..].iter().take_while(is_inside).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_others() {
        for (pattern, text, is_so) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("a*b*c", "a-b-b-c", true),
            ("?", "ö", true),
            ("??", "ö", false),
            ("*?", "", false),
            ("a?c", "abc", true),
            ("**", "abc", true),
        ] {
            assert_eq!(matches(pattern, text), is_so, "{pattern} {text}");
        }
    }

    #[test]
    fn a_star_of_an_arn_stays_in_its_part() {
        let arn = "arn:aws:sns:us-east-1:111122223333:orders:7";
        for (pattern, is_so) in [
            ("arn:aws:sns:us-east-1:111122223333:orders:7", true),
            ("arn:aws:sns:*:111122223333:*", true),
            ("arn:aws:sns:us-east-1:*", false),
            ("arn:*", false),
            ("*", false),
            ("arn:*:*:*:*:order?:*", true),
        ] {
            assert_eq!(matches_arn(pattern, arn), is_so, "{pattern}");
        }
    }

    /// As it is defined.
    fn by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), None) => by_definition(rest, text),
            (Some(('*', rest)), Some((_, others))) => {
                by_definition(rest, text) || by_definition(pattern, others)
            }
            (Some((wanted, rest)), Some((found, others))) => {
                (*wanted == '?' || wanted == found) && by_definition(rest, others)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn patterns_match_what_they_are_defined_to(pattern in "[ab?*ö]{0,7}", text in "[abö]{0,8}") {
            let of = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = by_definition(&of(&pattern), &of(&text));
            prop_assert_eq!(matches(&pattern, &text), expected);
        }
    }
}
