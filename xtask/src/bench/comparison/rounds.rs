//! Rounds in which all contenders take turns.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::kept::Kept;
use super::{Contender, Measure, Measured, Turn, announce};
use crate::layout::Layout;

/// A machine that does more than this for others is not measured, it is guessed at: such a turn is left
/// out. The kernel's own threads, which write the page cache back, are among the others.
const MAX_OTHERS_PERCENT: f64 = 15.0;

/// Loads by name, each with what of the machine went to the server, the client, nobody and others.
type Shares = [(&'static str, &'static [Measure; 4])];

/// How often everybody has a turn, and where what is found is kept.
pub(crate) struct Rounds<'a, P> {
    pub(crate) layout: &'a Layout,
    pub(crate) plan: &'a P,
    /// The comparison.
    pub(crate) name: &'static str,
    pub(crate) count: usize,
    /// Adds to what earlier runs have measured.
    pub(crate) resume: bool,
    pub(crate) measures: &'static [&'static Measure],
    pub(crate) shares: &'static Shares,
}

/// What came of it.
pub(crate) struct Outcome<C: 'static> {
    pub(crate) measured: Measured<C>,
    /// What could not be measured.
    pub(crate) failures: Vec<String>,
    pub(crate) took: Duration,
}

impl<P> Rounds<'_, P> {
    pub(crate) fn run<C: Contender, W: Copy + Debug>(
        &self,
        workloads: &[W],
        contenders: impl Fn(W) -> &'static [C],
        take: impl Fn(Turn<'_, C, P>, W) -> Result<()>,
    ) -> Result<Outcome<C>> {
        let started = Instant::now();
        let kept = Kept::of(self.layout, self.name);
        let mut measured = if self.resume {
            let shares = self.shares.iter().flat_map(|(_, shares)| shares.iter());
            kept.load(self.measures.iter().copied().chain(shares))?
        } else {
            Measured::default()
        };
        let rounds = measured.samples().iter().map(|sample| sample.round + 1);
        let first = rounds.max().unwrap_or(0);
        let mut failures = Vec::new();
        for round in first..first + self.count {
            announce(round - first, self.count);
            for workload in workloads.iter().copied() {
                let order = C::order(round).into_iter();
                for contender in order.filter(|it| contenders(workload).contains(it)) {
                    let mut found = Measured::default();
                    let turn = Turn {
                        layout: self.layout,
                        plan: self.plan,
                        contender,
                        round,
                        measured: &mut found,
                    };
                    let name = contender.name();
                    if let Err(error) = take(turn, workload) {
                        println!("!!! {name}, {workload:?}: {error:#}");
                        failures.push(format!("{name}, {workload:?}: {error}"));
                    }
                    let others = self.taken_by_others(&found);
                    if others > MAX_OTHERS_PERCENT {
                        let failure = format!(
                            "{name}, {workload:?}: other programs took {others:.0} % of the machine"
                        );
                        println!("!!! {failure}");
                        failures.push(failure);
                        continue;
                    }
                    measured.extend(found);
                    kept.save(&measured)?;
                }
            }
        }
        Ok(Outcome {
            measured,
            failures,
            took: started.elapsed(),
        })
    }

    /// The share of the machine that nobody here used, in the worst case.
    fn taken_by_others<C: Contender>(&self, measured: &Measured<C>) -> f64 {
        let others = self.shares.iter().map(|(_, shares)| &shares[3]);
        let samples = others.flat_map(|measure| {
            let samples = measured.samples().iter();
            samples.filter(move |sample| sample.measure == measure)
        });
        samples.map(|sample| sample.value).fold(0.0, f64::max)
    }
}
