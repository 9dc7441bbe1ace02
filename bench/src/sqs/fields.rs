//! The values of one field wherever it stands in an answer, as they stand there: text that is only sent back
//! need not be understood.

use memchr::{memchr, memmem};

/// A field that is looked for in many answers.
pub(super) struct Field {
    name: memmem::Finder<'static>,
}

impl Field {
    /// `name` in quotes.
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name: memmem::Finder::new(name),
        }
    }

    /// Its values that are strings, without their quotes.
    pub(super) fn values<'a>(&'a self, answer: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = answer;
        std::iter::from_fn(move || {
            let at = self.name.find(rest)?;
            let behind = rest[at + self.name.needle().len()..].trim_ascii_start();
            let value = behind.strip_prefix(b":")?.trim_ascii_start();
            let value = value.strip_prefix(b"\"")?;
            let value = &value[..end_of_string(value)?];
            rest = &behind[value.len()..];
            Some(value)
        })
    }
}

/// Where the quote is that ends a string.
fn end_of_string(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let quote = from + memchr(b'"', &text[from..])?;
        let escapes = text[..quote]
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count();
        if escapes % 2 == 0 {
            return Some(quote);
        }
        from = quote + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_however_they_are_laid_out() {
        let answer =
            br#"{"Messages": [{"Body":"one","A":"x"},{"A" : "y\"z\\", "Body": ""}, {"A":"last"}]}"#;
        let field = Field::new("\"A\"");
        let found: Vec<_> = field.values(answer).collect();
        assert_eq!(found, [&b"x"[..], br#"y\"z\\"#, b"last"]);
        assert_eq!(Field::new("\"B\"").values(answer).count(), 0);
    }
}
