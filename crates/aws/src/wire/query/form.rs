//! Forms and query strings (`application/x-www-form-urlencoded`).

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A name or a value that is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a parameter is not UTF-8")]
pub struct NotAForm;

/// Names and values as they come.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    rest: &'a str,
}

/// The pairs of a form or a query string.
pub fn pairs(form: &str) -> Pairs<'_> {
    Pairs { rest: form }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<(Cow<'a, str>, Cow<'a, str>), NotAForm>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let (pair, rest) = self.rest.split_once('&').unwrap_or((self.rest, ""));
            self.rest = rest;
            // Clients write `&` after the last one, too.
            if !pair.is_empty() {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                return Some(decode(name).and_then(|name| Ok((name, decode(value)?))));
            }
        }
    }
}

fn decode(text: &str) -> Result<Cow<'_, str>, NotAForm> {
    if !text.contains('+') {
        return percent_decode_str(text).decode_utf8().map_err(|_| NotAForm);
    }
    // A plus of the text itself is written %2B.
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded
        .map(|text| Cow::Owned(text.into_owned()))
        .map_err(|_| NotAForm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded() {
        let form = "a=1&&b=x+y%2Bz&c&d==%C3%A4&";
        let read: Result<Vec<_>, _> = pairs(form).collect();
        let expected = [("a", "1"), ("b", "x y+z"), ("c", ""), ("d", "=ä")];
        let expected = expected.map(|(name, value)| (name.into(), value.into()));
        assert_eq!(read.unwrap(), expected);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(pairs("a=%FF").next(), Some(Err(NotAForm)));
        assert_eq!(pairs("a=+%FF").next(), Some(Err(NotAForm)));
    }
}
