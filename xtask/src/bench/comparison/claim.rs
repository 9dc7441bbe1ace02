//! What Forebay is to reach beside another broker, and what became of it.

use super::{Contender, Measure, Measured};
use crate::bench::samples::{Samples, digits};

/// A comparison, with a target or only to know.
pub(crate) struct Claim<C: 'static> {
    pub(crate) measure: &'static Measure,
    pub(crate) ours: C,
    pub(crate) theirs: C,
    pub(crate) target: Target,
}

#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// This many times as good as the other.
    Times(f64),
    /// Below this value, whatever the other does.
    Below(f64),
    /// At least this value, whatever the other does.
    AtLeast(f64),
    None,
}

/// What became of a claim.
pub(crate) struct Verdict {
    pub(crate) label: String,
    pub(crate) ours: Samples,
    pub(crate) theirs: Option<Samples>,
    /// Ours by theirs.
    pub(crate) ratio: Option<Samples>,
    /// The target in words, and whether it was met.
    pub(crate) target: Option<(String, bool)>,
}

/// A claim about a quantity, ours beside theirs.
pub(crate) const fn claim<C: Contender>(
    measure: &'static Measure,
    ours: C,
    theirs: C,
    target: Target,
) -> Claim<C> {
    Claim {
        measure,
        ours,
        theirs,
        target,
    }
}

impl<C: Contender> Claim<C> {
    /// Nothing, if it was not measured.
    pub(crate) fn judge(&self, measured: &Measured<C>) -> Option<Verdict> {
        let ours = measured.of(self.ours, self.measure)?;
        let ratio = measured.ratio(self.ours, self.theirs, self.measure);
        let unit = self.measure.unit;
        let target = match (self.target, &ratio) {
            (Target::Times(times), Some(ratio)) => Some(if self.measure.higher_is_better {
                (format!(">= {times}x"), ratio.median() >= times)
            } else {
                (format!("<= 1/{times}"), ratio.median() <= 1.0 / times)
            }),
            (Target::Below(limit), _) => {
                Some((format!("< {} {unit}", digits(limit)), ours.median() < limit))
            }
            (Target::AtLeast(least), _) => Some((
                format!(">= {} {unit}", digits(least)),
                ours.median() >= least,
            )),
            _ => None,
        };
        Some(Verdict {
            label: self.label(),
            ours,
            theirs: measured.of(self.theirs, self.measure),
            ratio,
            target,
        })
    }

    /// How many times as good as the other it should be.
    pub(crate) fn times(&self) -> Option<f64> {
        match self.target {
            Target::Times(times) => Some(times),
            Target::Below(_) | Target::AtLeast(_) | Target::None => None,
        }
    }

    /// A ratio as an advantage: above 1 is better, whatever is measured.
    pub(crate) fn advantage(&self, ratio: f64) -> f64 {
        if self.measure.higher_is_better {
            ratio
        } else {
            1.0 / ratio
        }
    }

    /// What is compared with what.
    fn label(&self) -> String {
        let ours = self.ours.name().trim_start_matches("Forebay ");
        let theirs = self.theirs.name();
        format!("{}: {ours} / {theirs}", self.measure.title)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sample;
    use super::super::tests::{Side, Side::Ours, Side::Theirs};
    use super::*;

    const RATE: Measure = Measure::rate("rate", "records/s");
    const COST: Measure = Measure::cost("cost", "ms");

    fn measured(measure: &'static Measure, ours: f64, theirs: f64) -> Measured<Side> {
        let mut measured = Measured::default();
        for (contender, value) in [(Ours, ours), (Theirs, theirs)] {
            let round = 0;
            measured.add(Sample {
                contender,
                round,
                measure,
                value,
            });
        }
        measured
    }

    #[test]
    fn a_cost_must_be_below_and_a_rate_above() {
        let met = |measure, target, ours, theirs| {
            let claim = claim(measure, Ours, Theirs, target);
            let verdict = claim.judge(&measured(measure, ours, theirs));
            verdict.unwrap().target.unwrap().1
        };
        assert!(met(&RATE, Target::Times(1.5), 15.0, 10.0));
        assert!(!met(&RATE, Target::Times(1.5), 14.0, 10.0));
        assert!(met(&COST, Target::Times(3.0), 1.0, 3.0));
        assert!(!met(&COST, Target::Times(3.0), 1.1, 3.0));
        assert!(met(&COST, Target::Below(50.0), 49.0, 1.0));
        assert!(!met(&COST, Target::Below(50.0), 51.0, 5000.0));
        assert!(met(&RATE, Target::AtLeast(80.0), 80.0, 1.0));
        assert!(!met(&RATE, Target::AtLeast(80.0), 79.0, 1.0));
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        let measured = measured(&RATE, 1.0, 1.0);
        let claim = claim(&COST, Ours, Theirs, Target::None);
        assert!(claim.judge(&measured).is_none());
    }
}
