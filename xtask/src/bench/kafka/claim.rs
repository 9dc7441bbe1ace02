//! What Forebay is to reach beside Kafka.

use super::contender::Contender::{self, ForebayFsync, ForebayOs, KafkaDefault, KafkaFlush};
use super::measure::{
    COLD, FAST_P50, FAST_P99, FAST_P999, FRAMES_FETCH, FRAMES_PRODUCE, LIB_CONSUME, LIB_FOLLOW,
    LIB_PRODUCE, LIB_PRODUCE_CPU, Measure, Measured, PEAK, PRODUCE, PRODUCE_CPU, READY,
    READY_KILLED, READY_LARGE, SLOW_P99, TAIL, TAIL_CPU, WRITTEN,
};
use crate::bench::samples::{Samples, digits};

/// A comparison, with a target or only to know.
pub(crate) struct Claim {
    pub(crate) measure: &'static Measure,
    pub(crate) ours: Contender,
    pub(crate) theirs: Contender,
    pub(crate) target: Target,
}

#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// This many times as good as Kafka.
    Times(f64),
    /// Below this value, whatever Kafka does.
    Below(f64),
    None,
}

const fn claim(
    measure: &'static Measure,
    ours: Contender,
    theirs: Contender,
    target: Target,
) -> Claim {
    Claim {
        measure,
        ours,
        theirs,
        target,
    }
}

pub(crate) const CLAIMS: &[Claim] = &[
    claim(&PRODUCE, ForebayFsync, KafkaDefault, Target::Times(1.0)),
    claim(&PRODUCE, ForebayOs, KafkaDefault, Target::Times(2.0)),
    claim(&PRODUCE, ForebayFsync, KafkaFlush, Target::Times(10.0)),
    claim(&TAIL, ForebayFsync, KafkaDefault, Target::Times(1.5)),
    claim(&COLD, ForebayFsync, KafkaDefault, Target::Times(1.5)),
    claim(&FAST_P99, ForebayFsync, KafkaDefault, Target::Times(3.0)),
    claim(&PRODUCE_CPU, ForebayFsync, KafkaDefault, Target::Times(4.0)),
    claim(&TAIL_CPU, ForebayFsync, KafkaDefault, Target::Times(4.0)),
    claim(&PEAK, ForebayFsync, KafkaDefault, Target::Times(8.0)),
    claim(&READY, ForebayFsync, KafkaDefault, Target::Below(50.0)),
    claim(
        &READY_LARGE,
        ForebayFsync,
        KafkaDefault,
        Target::Below(1000.0),
    ),
    claim(
        &READY_KILLED,
        ForebayFsync,
        KafkaDefault,
        Target::Below(1000.0),
    ),
    claim(&PRODUCE_CPU, ForebayOs, KafkaDefault, Target::None),
    claim(&LIB_PRODUCE, ForebayFsync, KafkaDefault, Target::None),
    claim(&LIB_PRODUCE, ForebayOs, KafkaDefault, Target::None),
    claim(&LIB_PRODUCE_CPU, ForebayFsync, KafkaDefault, Target::None),
    claim(&LIB_CONSUME, ForebayFsync, KafkaDefault, Target::None),
    claim(&LIB_FOLLOW, ForebayFsync, KafkaDefault, Target::None),
    claim(&FRAMES_PRODUCE, ForebayFsync, KafkaDefault, Target::None),
    claim(&FRAMES_PRODUCE, ForebayOs, KafkaDefault, Target::None),
    claim(&FRAMES_FETCH, ForebayFsync, KafkaDefault, Target::None),
    claim(&SLOW_P99, ForebayFsync, KafkaDefault, Target::None),
    claim(&FAST_P50, ForebayFsync, KafkaDefault, Target::None),
    claim(&FAST_P999, ForebayFsync, KafkaDefault, Target::None),
    claim(&FAST_P99, ForebayFsync, KafkaFlush, Target::None),
    claim(&WRITTEN, ForebayFsync, KafkaDefault, Target::None),
];

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

impl Claim {
    /// Nothing, if it was not measured.
    pub(crate) fn judge(&self, measured: &Measured) -> Option<Verdict> {
        let ours = measured.of(self.ours, self.measure)?;
        let ratio = measured.ratio(self.ours, self.theirs, self.measure);
        let target = match (self.target, &ratio) {
            (Target::Times(times), Some(ratio)) => Some(if self.measure.higher_is_better {
                (format!(">= {}x", plain(times)), ratio.median() >= times)
            } else {
                let most = format!("<= 1/{}", plain(times));
                (most, ratio.median() <= 1.0 / times)
            }),
            (Target::Below(limit), _) => {
                let text = format!("< {} {}", digits(limit), self.measure.unit);
                Some((text, ours.median() < limit))
            }
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

    /// What is compared with what.
    pub(crate) fn label(&self) -> String {
        let ours = self.ours.name().trim_start_matches("Forebay ");
        let theirs = self.theirs.name();
        format!("{}: {ours} / {theirs}", self.measure.title)
    }

    /// How many times as good as Kafka it should be.
    pub(crate) fn times(&self) -> Option<f64> {
        match self.target {
            Target::Times(times) => Some(times),
            Target::Below(_) | Target::None => None,
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
}

fn plain(times: f64) -> String {
    format!("{times}")
}

#[cfg(test)]
mod tests {
    use super::super::measure::Sample;
    use super::*;

    fn measured(measure: &'static Measure, ours: f64, theirs: f64) -> Measured {
        let mut measured = Measured::default();
        for (contender, value) in [(ForebayFsync, ours), (KafkaDefault, theirs)] {
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
            let claim = claim(measure, ForebayFsync, KafkaDefault, target);
            let verdict = claim.judge(&measured(measure, ours, theirs));
            verdict.unwrap().target.unwrap().1
        };
        assert!(met(&TAIL, Target::Times(1.5), 15.0, 10.0));
        assert!(!met(&TAIL, Target::Times(1.5), 14.0, 10.0));
        assert!(met(&FAST_P99, Target::Times(3.0), 1.0, 3.0));
        assert!(!met(&FAST_P99, Target::Times(3.0), 1.1, 3.0));
        assert!(met(&READY, Target::Below(50.0), 49.0, 1.0));
        assert!(!met(&READY, Target::Below(50.0), 51.0, 5000.0));
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        let measured = measured(&TAIL, 1.0, 1.0);
        assert!(CLAIMS[0].judge(&measured).is_none());
    }
}
