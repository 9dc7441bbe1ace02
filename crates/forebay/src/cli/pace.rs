//! `produce --rate`: how long to wait before the next record.

use std::time::{Duration, Instant};

/// Records a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate(pub(crate) f64);

impl Rate {
    /// Reads `1000`, `1000/s`, `30/min` or `0.5`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (number, seconds) = match text.split_once('/') {
            None | Some((_, "s")) => (text.split('/').next().unwrap_or(text), 1.0),
            Some((number, "m" | "min")) => (number, 60.0),
            Some((number, "h")) => (number, 3600.0),
            Some(_) => (text, 1.0),
        };
        match number.trim().parse::<f64>() {
            Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(Self(rate / seconds)),
            _ => Err("expected records a second, such as 1000, 0.5 or 30/min".to_owned()),
        }
    }
}

/// Keeps a rate over the whole run: what was lost to a slow answer is made up for, but never more
/// than a second's worth at once.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        // A year between records is as good as never, and within what time arithmetic can hold.
        let seconds = (1.0 / rate.0).min(365.0 * 86_400.0);
        Self {
            interval: Duration::from_secs_f64(seconds),
            next: now,
        }
    }

    /// How long to wait before the record that is about to be sent.
    pub(crate) fn wait(&mut self, now: Instant) -> Duration {
        let earliest = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
        let due = self.next.max(earliest);
        self.next = due + self.interval;
        due.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_by_second_minute_and_hour() {
        assert_eq!(Rate::parse("1000"), Ok(Rate(1000.0)));
        assert_eq!(Rate::parse("1000/s"), Ok(Rate(1000.0)));
        assert_eq!(Rate::parse("30/min"), Ok(Rate(0.5)));
        assert_eq!(Rate::parse("0.5"), Ok(Rate(0.5)));
        for wrong in ["", "0", "-1", "fast", "10/day", "inf", "NaN"] {
            assert!(Rate::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_steady_sender_waits_one_interval_each() {
        let mut now = Instant::now();
        let mut pace = Pace::new(Rate(10.0), now);
        assert_eq!(pace.wait(now), Duration::ZERO, "the first goes out at once");
        for _ in 0..5 {
            let wait = pace.wait(now);
            assert_eq!(wait, Duration::from_millis(100));
            now += wait;
        }
    }

    #[test]
    fn a_delay_is_made_up_for_but_no_more_than_a_second() {
        let start = Instant::now();
        let mut pace = Pace::new(Rate(10.0), start);
        pace.wait(start);
        let later = start + Duration::from_secs(60);
        let burst = (0..100).take_while(|_| pace.wait(later).is_zero()).count();
        assert_eq!(burst, 11, "a second's worth and the one that is due");
    }
}
