//! Places in a partition: `beginning`, `end`, an offset, a time, a time ago, the last N.

use std::fmt;

use jiff::Timestamp;

use crate::config::units::parse_duration;

/// A place to read from or to reset a group to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    Beginning,
    End,
    Offset(i64),
    /// This many records before the end of each partition.
    Last(i64),
    /// The first record at or after this time.
    Time(Timestamp),
}

/// For help texts.
pub(crate) const FORMS: &str = "\
Positions:
  beginning (earliest)     the first record that is kept
  end (latest)             after the last record
  1234                     this offset
  -100                     the last 100 records of each partition
  -1h, -30m, -7d           this long ago
  2026-11-01T12:00:00Z     this time (RFC 3339)";

impl Position {
    /// Reads a position; `now` is what a time ago counts from.
    pub(crate) fn parse(text: &str, now: Timestamp) -> Result<Self, String> {
        match text {
            "beginning" | "earliest" => return Ok(Self::Beginning),
            "end" | "latest" => return Ok(Self::End),
            _ => {}
        }
        if let Ok(offset) = text.parse::<i64>() {
            return Ok(if offset < 0 {
                Self::Last(offset.saturating_neg())
            } else {
                Self::Offset(offset)
            });
        }
        if let Some(ago) = text.strip_prefix('-').and_then(parse_duration) {
            let time = jiff::SignedDuration::try_from(ago)
                .ok()
                .and_then(|ago| now.checked_sub(ago).ok());
            return time
                .map(Self::Time)
                .ok_or_else(|| format!("{text} is before all time"));
        }
        text.parse().map(Self::Time).map_err(|_| {
            "expected beginning, end, an offset, a time ago such as -1h, the last N such as -100, \
             or a time such as 2026-11-01T12:00:00Z"
                .to_owned()
        })
    }

    /// The offset in one partition, which holds `first..end`. `at_time` is the broker's answer for
    /// a time: the first record at or after it, or nothing when all are older.
    pub(crate) fn resolve(self, first: i64, end: i64, at_time: Option<i64>) -> i64 {
        let offset = match self {
            Self::Beginning => first,
            Self::End => end,
            Self::Offset(offset) => offset,
            Self::Last(count) => end.saturating_sub(count),
            Self::Time(_) => at_time.unwrap_or(end),
        };
        // Retention may have passed it, or nobody has written it yet: the nearest there is.
        offset.clamp(first, end)
    }

    /// Reads a position of the command line, where a time ago counts from now.
    pub(crate) fn parse_now(text: &str) -> Result<Self, String> {
        Self::parse(text, Timestamp::now())
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beginning => f.write_str("beginning"),
            Self::End => f.write_str("end"),
            Self::Offset(offset) => write!(f, "{offset}"),
            Self::Last(count) => write!(f, "-{count}"),
            Self::Time(time) => write!(f, "{time}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Position, String> {
        Position::parse(text, "2026-11-10T12:00:00Z".parse().unwrap())
    }

    fn time(text: &str) -> Result<Position, String> {
        Ok(Position::Time(text.parse().unwrap()))
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!(parse("earliest"), Ok(Position::Beginning));
        assert_eq!(parse("end"), Ok(Position::End));
        assert_eq!(parse("0"), Ok(Position::Offset(0)));
        assert_eq!(parse("-100"), Ok(Position::Last(100)));
        assert_eq!(parse("-1h"), time("2026-11-10T11:00:00Z"));
        assert_eq!(parse("-7d"), time("2026-11-03T12:00:00Z"));
        assert_eq!(
            parse("2026-11-01T12:00:00+02:00"),
            time("2026-11-01T10:00:00Z")
        );
    }

    #[test]
    fn a_position_is_the_nearest_offset_that_exists() {
        let resolve = |text, at_time| parse(text).unwrap().resolve(100, 200, at_time);
        assert_eq!(resolve("beginning", None), 100);
        assert_eq!(resolve("end", None), 200);
        assert_eq!(resolve("150", None), 150);
        assert_eq!(resolve("7", None), 100);
        assert_eq!(resolve("900", None), 200);
        assert_eq!(resolve("-30", None), 170);
        assert_eq!(resolve("-1000", None), 100);
        assert_eq!(resolve("-1h", Some(180)), 180);
        assert_eq!(resolve("-1h", None), 200, "nothing is that young");
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        for text in [
            "",
            "1h",
            "2026-11-01",
            "2026-11-01T12:00:00",
            "yesterday",
            "--1h",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(
            parse("-900000w"),
            Err("-900000w is before all time".to_owned())
        );
        assert!(parse(&i64::MIN.to_string()).is_ok());
    }
}
