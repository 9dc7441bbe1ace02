//! The fields of a head by their names, for what needs them all: a signature.

/// The lines of a head behind its first, of which the parser has seen that each is a field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldLines<'a>(&'a [u8]);

impl<'a> FieldLines<'a> {
    /// Those of a whole head.
    pub(super) fn of(head: &'a [u8]) -> Self {
        let request_line = head.iter().position(|byte| *byte == b'\n');
        Self(request_line.map_or(&[], |end| &head[end + 1..]))
    }

    /// Such lines alone.
    #[cfg(test)]
    pub(crate) fn new(lines: &'a [u8]) -> Self {
        Self(lines)
    }

    /// The values of a field, in order. `name` may be written in any letters.
    pub(crate) fn values(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.0.split(|byte| *byte == b'\n');
        lines.filter_map(move |line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let is_named = line[..colon].eq_ignore_ascii_case(name.as_bytes());
            is_named.then(|| line[colon + 1..].trim_ascii())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_names_in_any_letters() {
        let head = b"GET /a:b HTTP/1.1\r\nHost: h:1\r\nx-a:  1 \r\nX-A: 2\nx-empty:\r\n\r\n";
        let lines = FieldLines::of(head);
        let values = |name: &str| -> Vec<&[u8]> { lines.values(name).collect() };
        assert_eq!(values("host"), [b"h:1"]);
        assert_eq!(values("x-a"), [b"1", b"2"]);
        assert_eq!(values("X-Empty"), [b""]);
        assert!(values("GET /a").is_empty());
        assert!(values("x").is_empty());
    }
}
