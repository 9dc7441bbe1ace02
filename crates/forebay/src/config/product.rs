//! What the broker calls itself to clients that look at it to learn what they may use.

use super::setting::Setting;

/// The longest of either: they are sent to every client.
const BYTES_MAX: usize = 64;

/// The name of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Product(pub(crate) String);

/// The version of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProductVersion(pub(crate) String);

impl Setting for Product {
    const PLACEHOLDER: &'static str = "NAME";
    const EXPECTED: &'static str = "a name of 1 to 64 bytes";

    fn parse(text: &str) -> Option<Self> {
        let is_name = !text.trim().is_empty() && text.len() <= BYTES_MAX;
        (is_name && !text.contains(char::is_control)).then(|| Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

impl Setting for ProductVersion {
    const PLACEHOLDER: &'static str = "VERSION";
    const EXPECTED: &'static str = "a version such as 4.3.6 or 4.3.0-rc.1";

    fn parse(text: &str) -> Option<Self> {
        let numbers = text.split(['-', '+']).next()?;
        let is_number = |part: &str| part.parse::<u32>().is_ok();
        let is_version = numbers.contains('.') && numbers.split('.').all(is_number);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
        let is_version = is_version && text.len() <= BYTES_MAX && text.chars().all(is_plain);
        is_version.then(|| Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_what_clients_can_compare() {
        for version in ["4.3.6", "3.13", "4.3.0-rc.1", "4.3.6+forebay"] {
            let read = ProductVersion::parse(version);
            assert_eq!(read, Some(ProductVersion(version.to_owned())));
        }
        for wrong in ["", "4", "four", "4.x", "4.3.6 ", "v4.3.6", "-rc.1", "4..3"] {
            assert_eq!(ProductVersion::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_are_text_of_one_line() {
        assert!(Product::parse("RabbitMQ").is_some());
        for wrong in ["", "  ", "two\nlines", &"x".repeat(65)] {
            assert_eq!(Product::parse(wrong), None, "{wrong}");
        }
    }
}
