//! Regular expressions over names of exchanges, queues and topics.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};

use super::AccessError;
use crate::limits::{PATTERN_BYTES_MAX, PATTERN_COMPILED_BYTES_MAX};

/// A regular expression that is looked for anywhere in a name. An empty one is in none (RabbitMQ,
/// access control: "an empty string" permits nothing).
#[derive(Clone)]
pub struct Pattern {
    text: String,
    compiled: Compiled,
}

#[derive(Clone)]
enum Compiled {
    Nothing,
    Everything,
    Some(Regex),
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// When it is no regular expression, or a very large one.
    pub fn new(text: &str) -> Result<Self, AccessError> {
        Self::compiled_from(text, text)
    }

    /// A pattern in which `{username}` and `{vhost}` stand for names.
    pub(super) fn expanded(text: &str, user: &str, vhost: &str) -> Result<Self, AccessError> {
        let expanded = text
            .replace("{username}", &regex::escape(user))
            .replace("{vhost}", &regex::escape(vhost));
        Self::compiled_from(text, &expanded)
    }

    fn compiled_from(text: &str, expression: &str) -> Result<Self, AccessError> {
        if expression.len() > PATTERN_BYTES_MAX {
            return Err(AccessError::Pattern {
                pattern: text.chars().take(64).collect(),
                why: format!("it has more than {PATTERN_BYTES_MAX} bytes"),
            });
        }
        let compiled = match expression {
            "" => Compiled::Nothing,
            ".*" => Compiled::Everything,
            expression => {
                let mut builder = RegexBuilder::new(expression);
                let built = builder.size_limit(PATTERN_COMPILED_BYTES_MAX).build();
                Compiled::Some(built.map_err(|error| AccessError::Pattern {
                    pattern: text.to_owned(),
                    why: error.to_string(),
                })?)
            }
        };
        Ok(Self {
            text: text.to_owned(),
            compiled,
        })
    }

    /// Whether it is in a name.
    pub fn matches(&self, name: &[u8]) -> bool {
        match &self.compiled {
            Compiled::Nothing => false,
            Compiled::Everything => true,
            Compiled::Some(regex) => regex.is_match(name),
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_looked_for_anywhere_and_an_empty_one_is_nowhere() {
        let cases: [(&str, &str, bool); 7] = [
            ("", "", false),
            ("", "q", false),
            (".*", "", true),
            ("^$", "", true),
            ("^$", "q", false),
            ("ord", "my.orders", true),
            ("^ord", "my.orders", false),
        ];
        for (pattern, name, expected) in cases {
            let pattern = Pattern::new(pattern).unwrap();
            assert_eq!(pattern.matches(name.as_bytes()), expected, "{pattern:?}");
        }
    }

    #[test]
    fn names_in_a_pattern_stand_for_themselves() {
        let pattern = Pattern::expanded("^{username}-{vhost}$", "a.b", "v").unwrap();
        assert!(pattern.matches(b"a.b-v"));
        assert!(!pattern.matches(b"axb-v"));
        assert_eq!(pattern.as_str(), "^{username}-{vhost}$");
    }

    #[test]
    fn what_is_no_expression_or_too_large_is_refused() {
        assert!(Pattern::new("(").is_err());
        assert!(Pattern::new("(?:x{1000}){1000}").is_err());
        assert!(Pattern::new(&"x".repeat(PATTERN_BYTES_MAX + 1)).is_err());
    }
}
