//! How long things took.

use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn with_capacity(count: u64) -> Self {
        Self(Vec::with_capacity(count as usize))
    }

    pub(crate) fn add(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Milliseconds that these shares of all were no longer than; none if nothing was timed.
    pub(crate) fn quantiles_ms<const N: usize>(&mut self, shares: [f64; N]) -> [Option<f64>; N] {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        shares.map(|share| {
            let at = (self.0.len() as f64 * share) as usize;
            let found = self.0.get(at.min(last));
            found.map(|latency| latency.as_secs_f64() * 1e3)
        })
    }
}
