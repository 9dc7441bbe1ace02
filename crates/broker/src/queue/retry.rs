//! How long a message that came back waits before it is delivered again.

use super::settings::Causes;

/// How the wait grows with the failures of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backoff {
    /// It is ready at once.
    #[default]
    None,
    /// Always the same.
    Fixed {
        /// The wait in milliseconds.
        delay_ms: u64,
    },
    /// As many times the base as it has failed.
    Linear {
        /// The first wait in milliseconds.
        base_ms: u64,
    },
    /// Times the factor with each failure.
    Exponential {
        /// The first wait in milliseconds.
        base_ms: u64,
        /// What it grows by, in percent: 200 doubles it.
        factor_percent: u32,
    },
}

/// When messages that came back are delivered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How the wait grows.
    pub backoff: Backoff,
    /// The longest wait in milliseconds.
    pub cap_ms: u64,
    /// By how much of itself a wait is shortened at most, in percent, so that what failed together does
    /// not come back together.
    pub jitter_percent: u8,
    /// Which ways of coming back make a message wait.
    pub after: Causes,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            backoff: Backoff::None,
            cap_ms: u64::MAX,
            jitter_percent: 0,
            after: Causes::ALL,
        }
    }
}

impl RetryPolicy {
    /// The wait in milliseconds of a message after so many `failures`. `seed` makes the jitter of a
    /// queue its own.
    pub fn delay_ms(&self, failures: u32, offset: u64, seed: u64) -> u64 {
        let attempt = failures.max(1);
        let delay_ms = match self.backoff {
            Backoff::None => return 0,
            Backoff::Fixed { delay_ms } => delay_ms,
            Backoff::Linear { base_ms } => base_ms.saturating_mul(attempt.into()),
            Backoff::Exponential {
                base_ms,
                factor_percent,
            } => grown(base_ms, factor_percent, attempt - 1, self.cap_ms),
        };
        let delay_ms = delay_ms.min(self.cap_ms);
        let most = u128::from(delay_ms) * u128::from(self.jitter_percent.min(100)) / 100;
        let share = u128::from(mixed(seed ^ mixed(offset ^ u64::from(attempt) << 48)));
        delay_ms - ((most * share) >> 64) as u64
    }
}

fn grown(base_ms: u64, factor_percent: u32, times: u32, cap_ms: u64) -> u64 {
    let mut delay_ms = base_ms;
    for _ in 0..times {
        let next = u128::from(delay_ms) * u128::from(factor_percent) / 100;
        let next = u64::try_from(next).unwrap_or(u64::MAX).min(cap_ms);
        if next == delay_ms {
            break;
        }
        delay_ms = next;
    }
    delay_ms
}

/// SplitMix64's finalizer: every bit of the result depends on every bit of `value`.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(backoff: Backoff, cap_ms: u64) -> Vec<u64> {
        let policy = RetryPolicy {
            backoff,
            cap_ms,
            ..RetryPolicy::default()
        };
        (1..=5)
            .map(|failures| policy.delay_ms(failures, 7, 1))
            .collect()
    }

    #[test]
    fn waits_grow_as_the_policy_says_up_to_the_cap() {
        assert_eq!(delays(Backoff::None, 250), [0; 5]);
        assert_eq!(delays(Backoff::Fixed { delay_ms: 100 }, 250), [100; 5]);
        let linear = delays(Backoff::Linear { base_ms: 100 }, 250);
        assert_eq!(linear, [100, 200, 250, 250, 250]);
        let exponential = Backoff::Exponential {
            base_ms: 10,
            factor_percent: 300,
        };
        assert_eq!(delays(exponential, 250), [10, 30, 90, 250, 250]);
        let forever = RetryPolicy {
            backoff: exponential,
            ..RetryPolicy::default()
        };
        assert_eq!(forever.delay_ms(u32::MAX, 0, 0), u64::MAX);
    }

    #[test]
    fn jitter_spreads_and_is_the_same_for_the_same_seed() {
        let policy = RetryPolicy {
            backoff: Backoff::Fixed { delay_ms: 1_000 },
            jitter_percent: 50,
            ..RetryPolicy::default()
        };
        let waits = |seed| -> Vec<u64> {
            let wait = |offset| policy.delay_ms(1, offset, seed);
            (0..1_000).map(wait).collect()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
        assert!(waits(1).iter().all(|wait| (500..=1_000).contains(wait)));
        assert!(waits(1).iter().any(|wait| *wait < 550));
        assert!(waits(1).iter().any(|wait| *wait > 950));
    }
}
