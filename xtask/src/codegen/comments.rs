//! The schemas are JSON with `//` comments, and the comments are worth keeping: they tell what
//! each version of a message changed.

/// The text without its comments.
pub(crate) fn strip(text: &str) -> String {
    let mut stripped = String::with_capacity(text.len());
    for line in text.lines() {
        stripped.push_str(&line[..comment_start(line).unwrap_or(line.len())]);
        stripped.push('\n');
    }
    stripped
}

/// What the schema's authors say about the versions of the message: the comments between its
/// opening brace and its fields, by paragraph.
pub(crate) fn version_notes(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    let head = text.lines().skip_while(|line| !line.starts_with('{'));
    for line in head.take_while(|line| !line.contains("\"fields\"")) {
        let Some(start) = comment_start(line) else {
            continue;
        };
        let comment = line[start..].trim_start_matches('/').trim();
        let last = paragraphs
            .last_mut()
            .filter(|last| !comment.is_empty() && !begins(comment, last));
        match last {
            Some(paragraph) => {
                if !paragraph.is_empty() {
                    paragraph.push(' ');
                }
                paragraph.push_str(comment);
            }
            None => paragraphs.push(comment.to_owned()),
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

/// Whether a comment line begins a paragraph although no empty line is before it.
fn begins(comment: &str, paragraph: &str) -> bool {
    let starts_version = comment.starts_with("Version ") || comment.starts_with("Versions ");
    starts_version && paragraph.ends_with(['.', ')'])
}

/// Where the comment begins, if the line has one. No string of a schema spans lines.
fn comment_start(line: &str) -> Option<usize> {
    let mut in_string = false;
    let mut escaped = false;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'/' if !in_string && line[at..].starts_with("//") => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_in_strings_are_no_comment() {
        assert_eq!(
            strip(r#"{ "about": "see http://x \" //" } // gone"#).trim_end(),
            r#"{ "about": "see http://x \" //" }"#
        );
    }

    #[test]
    fn notes_are_the_comments_of_the_head() {
        let text = "// Licence\n{\n  // Version 1 adds\n  // a field.\n  // Version 2 is the same.\n  //\n  // More.\n  \"fields\": [ // not this\n";
        assert_eq!(
            version_notes(text),
            ["Version 1 adds a field.", "Version 2 is the same.", "More."]
        );
    }
}
