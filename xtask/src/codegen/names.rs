//! Names and texts of the schemas, as Rust wants them.

/// Words that a field may be called and Rust keeps for itself.
const KEYWORDS: &[&str] = &[
    "as", "crate", "fn", "in", "match", "mod", "move", "ref", "type", "use",
];

/// Width of a line of documentation, its indentation not counted.
const DOC_WIDTH: usize = 88;

/// `TransactionalId` or `timeoutMs` in snake case.
pub(crate) fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, &char) in chars.iter().enumerate() {
        let after_lower = at > 0 && !chars[at - 1].is_uppercase();
        let before_lower = chars.get(at + 1).is_some_and(|next| next.is_lowercase());
        if char.is_uppercase() && at > 0 && (after_lower || before_lower) {
            snake.push('_');
        }
        snake.extend(char.to_lowercase());
    }
    snake
}

/// The name of a struct's field.
pub(crate) fn field_ident(name: &str) -> String {
    let snake = snake_case(name);
    if KEYWORDS.contains(&snake.as_str()) {
        format!("r#{snake}")
    } else {
        snake
    }
}

/// Lines of documentation, each after `marker`, that rustdoc shows as the text says.
pub(crate) fn doc(marker: &str, text: &str) -> String {
    let text = text
        .replace('[', "\\[")
        .replace(']', "\\]")
        .replace('<', "\\<");
    let mut lines = String::new();
    let mut width = DOC_WIDTH;
    for word in text.split_whitespace() {
        if width + 1 + word.len() > DOC_WIDTH {
            if !lines.is_empty() {
                lines.push('\n');
            }
            lines.push_str(marker);
            width = 0;
        }
        lines.push(' ');
        if word.starts_with("https://") {
            lines.push_str(&format!("<{word}>"));
        } else {
            lines.push_str(word);
        }
        width += 1 + word.len();
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_in_a_row_are_one_word() {
        assert_eq!(snake_case("TransactionalId"), "transactional_id");
        assert_eq!(snake_case("timeoutMs"), "timeout_ms");
        assert_eq!(snake_case("IsKRaftController"), "is_k_raft_controller");
        assert_eq!(snake_case("ProducerID"), "producer_id");
        assert_eq!(snake_case("Enable2Pc"), "enable2_pc");
    }

    #[test]
    fn documentation_is_wrapped_and_escaped() {
        let text = format!("{} see [this] <b>", "word ".repeat(20));
        let doc = doc("///", &text);
        assert!(doc.lines().count() == 2 && doc.lines().all(|line| line.starts_with("/// ")));
        assert!(doc.contains("\\[this\\] \\<b>"));
    }
}
