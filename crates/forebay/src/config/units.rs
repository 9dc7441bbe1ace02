//! Human units: durations (`200ms`, `30s`, `7d`, `1h30m`) and sizes (`128MiB`, `1GB`, plain bytes).

use std::fmt;
use std::time::Duration;

/// Duration units from small to large, in milliseconds; the first spelling is the one printed.
const DURATION_UNITS: &[(&[&str], u64)] = &[
    (&["ms"], 1),
    (&["s", "sec"], 1_000),
    (&["m", "min"], 60_000),
    (&["h"], 3_600_000),
    (&["d"], 86_400_000),
    (&["w"], 604_800_000),
];

/// Size units; the binary ones come last so that printing prefers them.
const SIZE_UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A number of bytes, written `128MiB`, `1GB` or `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByteSize(pub(crate) u64);

impl ByteSize {
    /// Reads a size; `None` for anything else, also for a value beyond 64 bits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split_number(text.trim())?;
        if unit.is_empty() {
            return Some(Self(number));
        }
        SIZE_UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .and_then(|(_, bytes)| number.checked_mul(*bytes))
            .map(Self)
    }
}

impl fmt::Display for ByteSize {
    /// The largest binary unit, or else thousands unit, that divides the size exactly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = |(_, bytes): &&(&str, u64)| self.0 >= *bytes && self.0.is_multiple_of(*bytes);
        // Without the "B": a plain number of bytes needs no unit.
        let (decimal, binary) = (&SIZE_UNITS[1..5], &SIZE_UNITS[5..]);
        match binary
            .iter()
            .rev()
            .find(exact)
            .or_else(|| decimal.iter().rev().find(exact))
        {
            Some((name, bytes)) => write!(f, "{}{name}", self.0 / bytes),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Reads a duration. A bare number has no meaning here (seconds? milliseconds?) except zero.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total: u64 = 0;
    loop {
        let (number, tail) = split_number(rest)?;
        let tail = tail.trim_start();
        let letters = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, after) = tail.split_at(letters);
        let (_, millis) = DURATION_UNITS
            .iter()
            .find(|(names, _)| names.contains(&unit))?;
        total = total.checked_add(number.checked_mul(*millis)?)?;
        if after.trim().is_empty() {
            return Some(Duration::from_millis(total));
        }
        rest = after.trim_start();
    }
}

/// Prints a duration in the largest unit that divides it exactly: `7d`, `90m`, `0s`.
pub(crate) fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    // Weeks are read but not printed: "7d" is what every Kafka document says.
    DURATION_UNITS[..5]
        .iter()
        .rev()
        .find(|(_, unit)| millis.is_multiple_of(*unit))
        .map(|(names, unit)| format!("{}{}", millis / unit, names[0]))
        .expect("every whole number of milliseconds is a multiple of 1 ms")
}

/// Splits `128MiB` into `(128, "MiB")`.
fn split_number(text: &str) -> Option<(u64, &str)> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '_')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some((number.replace('_', "").parse().ok()?, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_every_unit() {
        let cases = [
            ("200ms", 200),
            ("30s", 30_000),
            ("10min", 600_000),
            ("5m", 300_000),
            ("7d", 604_800_000),
            ("1w", 604_800_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("15 s", 15_000),
            ("0", 0),
            ("0s", 0),
        ];
        for (text, millis) in cases {
            assert_eq!(
                parse_duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_duration_without_unit_or_with_a_wrong_one_is_refused() {
        for text in [
            "",
            "30",
            "s",
            "7 dayz",
            "-1s",
            "1.5h",
            "1h30",
            "99999999999999999999d",
            "∞",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(parse_duration("999999999999999999w"), None, "overflow");
    }

    #[test]
    fn sizes_are_read_in_every_unit() {
        let cases = [
            ("4096", 4096),
            ("1_048_588", 1_048_588),
            ("128MiB", 128 << 20),
            ("128 mib", 128 << 20),
            ("1GB", 1_000_000_000),
            ("12B", 12),
        ];
        for (text, bytes) in cases {
            assert_eq!(ByteSize::parse(text), Some(ByteSize(bytes)), "{text}");
        }
    }

    #[test]
    fn a_size_with_an_ambiguous_or_unknown_unit_is_refused() {
        for text in [
            "",
            "64M",
            "64K",
            "1.5GiB",
            "-1",
            "MiB",
            "18446744073709551616",
            "20000000TiB",
        ] {
            assert_eq!(ByteSize::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        for bytes in [
            0,
            1,
            999,
            1000,
            1024,
            1_048_588,
            64 << 20,
            1_000_000_000,
            u64::MAX,
        ] {
            let shown = ByteSize(bytes).to_string();
            assert_eq!(ByteSize::parse(&shown), Some(ByteSize(bytes)), "{shown}");
        }
        for millis in [0, 1, 1500, 15_000, 600_000, 86_400_000, 604_800_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&show_duration(duration)), Some(duration));
        }
    }

    #[test]
    fn printing_prefers_the_unit_people_write() {
        assert_eq!(ByteSize(64 << 20).to_string(), "64MiB");
        assert_eq!(ByteSize(1_000_000_000).to_string(), "1GB");
        assert_eq!(ByteSize(1_048_588).to_string(), "1048588");
        assert_eq!(show_duration(Duration::from_secs(604_800)), "7d");
        assert_eq!(show_duration(Duration::from_secs(600)), "10m");
    }
}
