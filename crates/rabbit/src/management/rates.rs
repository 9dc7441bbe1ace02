//! How fast counters grow: each is looked at when somebody asks, and remembered until they ask again.

use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::limits::{RATE_INTERVAL, RATES_MAX};

/// After so many intervals without a question a counter is forgotten.
const INTERVALS_KEPT: u32 = 24;

/// What counters were when they were looked at.
#[derive(Debug, Default)]
pub(super) struct Rates(Mutex<HashMap<String, Samples>>);

#[derive(Debug)]
struct Samples {
    /// What the rate is reckoned from.
    old: Sample,
    /// What it will be reckoned from when this is old enough.
    new: Sample,
}

#[derive(Clone, Debug)]
struct Sample {
    at: Duration,
    values: Box<[u64]>,
}

impl Rates {
    /// How fast the counters of something grow, each in a second: since about the interval, or since it was
    /// asked for last, if that is longer. Nothing for what is asked for the first time.
    pub(super) fn of(&self, what: String, now: Duration, values: &[u64]) -> Vec<f64> {
        let mut known = self.0.lock();
        if known.len() >= RATES_MAX && !known.contains_key(&what) {
            let kept = RATE_INTERVAL * INTERVALS_KEPT;
            known.retain(|_, samples| now.saturating_sub(samples.new.at) < kept);
            if known.len() >= RATES_MAX {
                return vec![0.0; values.len()];
            }
        }
        let sample = || Sample {
            at: now,
            values: values.into(),
        };
        let samples = known.entry(what).or_insert_with(|| Samples {
            old: sample(),
            new: sample(),
        });
        if now.saturating_sub(samples.new.at) >= RATE_INTERVAL {
            samples.old = std::mem::replace(&mut samples.new, sample());
        }
        let seconds = now.saturating_sub(samples.old.at).as_secs_f64();
        let old = samples.old.values.iter();
        let grown = values
            .iter()
            .zip(old)
            .map(|(new, old)| new.saturating_sub(*old));
        grown
            .map(|grown| match seconds >= 1.0 {
                true => grown as f64 / seconds,
                false => 0.0,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(rates: &Rates, seconds: u64, value: u64) -> f64 {
        rates.of("q".to_owned(), Duration::from_secs(seconds), &[value])[0]
    }

    #[test]
    fn a_rate_is_what_was_added_since_the_last_look() {
        let rates = Rates::default();
        assert_eq!(asked(&rates, 100, 1_000), 0.0, "nothing is known yet");
        assert_eq!(asked(&rates, 105, 1_050), 10.0);
        assert_eq!(asked(&rates, 107, 1_070), 10.0, "since the first look");
        assert_eq!(asked(&rates, 110, 1_150), 20.0, "since the second");
        assert_eq!(asked(&rates, 170, 1_750), 10.0, "over a minute");
        assert_eq!(asked(&rates, 176, 3), 0.0, "it was made anew");
    }

    #[test]
    fn what_nobody_asks_for_any_more_makes_room() {
        let rates = Rates::default();
        for name in 0..RATES_MAX {
            rates.of(name.to_string(), Duration::ZERO, &[0]);
        }
        asked(&rates, 10, 0);
        assert_eq!(asked(&rates, 20, 100), 0.0, "there is no room");
        asked(&rates, 200, 100);
        assert_eq!(asked(&rates, 210, 200), 10.0);
        assert_eq!(rates.0.lock().len(), 1);
    }
}
