//! Text inside JSON and XML.

use super::scan::position;

/// Appends a JSON string with its quotes. What needs no escape, which is almost everything, is copied in runs.
pub(crate) fn json(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = position(rest, |byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Appends text of an XML element. A bare carriage return would be read as a line feed (XML 1.0 §2.11), and what XML
/// cannot say at all is left out.
pub(super) fn xml(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'"' => b"&quot;",
            b'\r' => b"&#xD;",
            b'\t' | b'\n' => continue,
            0..=0x1f => b"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[written..at]);
        out.extend_from_slice(escape);
        written = at + 1;
    }
    out.extend_from_slice(&bytes[written..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(escape: fn(&str, &mut Vec<u8>), text: &str) -> String {
        let mut out = Vec::new();
        escape(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_strings_are_read_back_as_they_were() {
        for text in ["", "plain", "a\"b\\c\n\r\t\u{1}\u{1f}", "ä€𝄞\u{7f}", "\\\\"] {
            let back: String = serde_json::from_str(&escaped(json, text)).unwrap();
            assert_eq!(back, text);
        }
    }

    #[test]
    fn xml_keeps_what_a_parser_would_take_for_markup_or_normalise() {
        assert_eq!(
            escaped(xml, "<a href=\"x\">&\r\n\t\u{1}ä</a>"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#xD;\n\tä&lt;/a&gt;"
        );
    }
}
