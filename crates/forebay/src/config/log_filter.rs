//! What is logged: a level, or levels by module as in `info,forebay_storage=debug`.

use std::fmt;

/// Levels that a filter may name.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// A checked filter. `tracing` itself takes a misspelt level for a module name and then logs
/// everything, so the words are checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFilter(String);

impl LogFilter {
    /// Reads `LEVEL` or `LEVEL,module=LEVEL,...`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let part_is_valid = |part: &str| match part.split_once('=') {
            None => LEVELS.contains(&part),
            Some((module, level)) => {
                let name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
                !module.is_empty() && module.chars().all(name) && LEVELS.contains(&level)
            }
        };
        let text = text.trim().to_ascii_lowercase();
        text.split(',').all(part_is_valid).then_some(Self(text))
    }

    /// The filter in the syntax of `tracing`.
    pub(crate) fn directives(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_or_levels_by_module_are_read() {
        for text in [
            "info",
            "DEBUG",
            "warn,forebay_storage=debug",
            "off,forebay_kafka::session=trace",
        ] {
            assert!(LogFilter::parse(text).is_some(), "{text}");
        }
    }

    #[test]
    fn a_misspelt_level_is_refused_instead_of_logging_everything() {
        for text in [
            "inof",
            "",
            "info,",
            "forebay_storage",
            "=info",
            "forebay_storage=loud",
        ] {
            assert_eq!(LogFilter::parse(text), None, "{text}");
        }
    }
}
