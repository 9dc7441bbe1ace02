//! What is measured, and what it was.

use super::Contender;
use crate::bench::samples::{Samples, digits};

/// A quantity with its unit.
#[derive(Debug, PartialEq)]
pub(crate) struct Measure {
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) higher_is_better: bool,
}

impl Measure {
    pub(crate) const fn rate(title: &'static str, unit: &'static str) -> Self {
        Self {
            title,
            unit,
            higher_is_better: true,
        }
    }

    pub(crate) const fn cost(title: &'static str, unit: &'static str) -> Self {
        Self {
            title,
            unit,
            higher_is_better: false,
        }
    }
}

/// One value.
#[derive(Debug)]
pub(crate) struct Sample<C> {
    pub(crate) contender: C,
    pub(crate) round: usize,
    pub(crate) measure: &'static Measure,
    pub(crate) value: f64,
}

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Measured<C> {
    samples: Vec<Sample<C>>,
}

impl<C> Default for Measured<C> {
    fn default() -> Self {
        Self {
            samples: Vec::new(),
        }
    }
}

impl<C: Contender> Measured<C> {
    pub(crate) fn add(&mut self, sample: Sample<C>) {
        self.samples.push(sample);
    }

    /// Adds a value, and tells whoever watches the run.
    pub(crate) fn tell(&mut self, sample: Sample<C>) {
        let names = C::ALL.iter().map(|contender| contender.name().len());
        let width = names.max().unwrap_or_default();
        println!(
            "  {:<width$} {:<52} {} {}",
            sample.contender.name(),
            sample.measure.title,
            digits(sample.value),
            sample.measure.unit
        );
        self.add(sample);
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.samples.extend(others.samples);
    }

    pub(crate) fn samples(&self) -> &[Sample<C>] {
        &self.samples
    }

    /// How often something was measured, at most: a run in pieces has rounds of some workloads only.
    pub(crate) fn times(&self) -> usize {
        let samples = self.samples.iter();
        let of_a_kind =
            samples.map(|sample| self.matching(sample.contender, sample.measure).count());
        of_a_kind.max().unwrap_or(0)
    }

    /// The values of all rounds.
    pub(crate) fn of(&self, contender: C, measure: &Measure) -> Option<Samples> {
        let of_it = self.matching(contender, measure);
        Samples::new(of_it.map(|sample| sample.value))
    }

    /// `ours` by `theirs` of each round that has both: what drifts on the machine drifts for both. Of the
    /// medians, where no round has both.
    pub(crate) fn ratio(&self, ours: C, theirs: C, measure: &Measure) -> Option<Samples> {
        let pairs = self.matching(ours, measure).filter_map(|mine| {
            let mut others = self.matching(theirs, measure);
            let other = others.find(|other| other.round == mine.round)?;
            Some(mine.value / other.value)
        });
        let within_rounds = Samples::new(pairs.filter(|ratio| ratio.is_finite()));
        within_rounds.or_else(|| {
            let [ours, theirs] = [ours, theirs].map(|it| self.of(it, measure));
            let ratio = ours?.median() / theirs?.median();
            Samples::new(Some(ratio).filter(|ratio| ratio.is_finite()))
        })
    }

    fn matching(&self, contender: C, measure: &Measure) -> impl Iterator<Item = &Sample<C>> {
        self.samples
            .iter()
            .filter(move |sample| sample.contender == contender && sample.measure == measure)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Side, Side::Ours, Side::Theirs};
    use super::*;

    #[test]
    fn a_ratio_is_of_the_same_round() {
        const RATE: Measure = Measure::rate("rate", "records/s");
        let mut measured = Measured::<Side>::default();
        let rounds = [(0, 10.0, 5.0), (1, 100.0, 100.0), (2, 30.0, 10.0)];
        for (round, ours, theirs) in rounds {
            for (contender, value) in [(Ours, ours), (Theirs, theirs)] {
                let measure = &RATE;
                measured.add(Sample {
                    contender,
                    round,
                    measure,
                    value,
                });
            }
        }
        let ratio = measured.ratio(Ours, Theirs, &RATE).unwrap();
        assert_eq!((ratio.min(), ratio.median(), ratio.max()), (1.0, 2.0, 3.0));
        let other = Measure::rate("another rate", "records/s");
        assert_eq!(measured.ratio(Ours, Theirs, &other), None);
        assert_eq!(measured.of(Ours, &other), None);
        assert_eq!(measured.times(), 3);
    }

    #[test]
    fn rounds_that_have_one_side_each_are_compared_by_their_medians() {
        const RATE: Measure = Measure::rate("rate", "records/s");
        let mut measured = Measured::<Side>::default();
        for (contender, round, value) in [(Ours, 0, 30.0), (Theirs, 1, 10.0)] {
            let measure = &RATE;
            measured.add(Sample {
                contender,
                round,
                measure,
                value,
            });
        }
        let ratio = measured.ratio(Ours, Theirs, &RATE).unwrap();
        assert_eq!((ratio.min(), ratio.max()), (3.0, 3.0));
    }
}
