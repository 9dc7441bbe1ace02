//! Brokers beside each other: what is measured on each, what ours is to reach, and how that is told.

mod claim;
mod kept;
mod measure;
mod rounds;
mod table;
mod turn;

pub(crate) use claim::{Claim, Target, Verdict, claim};
pub(crate) use measure::{Measure, Measured, Sample};
pub(crate) use rounds::{Outcome, Rounds};
pub(crate) use table::{advantages, claim_rows, everything, shares};
pub(crate) use turn::Turn;

use anyhow::{Result, ensure};

use super::machine;

/// A broker as it is set up for a comparison.
pub(crate) trait Contender: Copy + PartialEq + 'static {
    /// In the order in which the first round measures them.
    const ALL: &'static [Self];

    fn name(self) -> &'static str;

    /// The contenders of a round; every other round backwards, so that nobody is always first.
    fn order(round: usize) -> Vec<Self> {
        let mut order = Self::ALL.to_vec();
        if round % 2 == 1 {
            order.reverse();
        }
        order
    }
}

/// Says that a round begins.
pub(crate) fn announce(round: usize, rounds: usize) {
    println!("round {} of {rounds}, load {}", round + 1, machine::load());
}

/// Fails if anything could not be measured.
pub(crate) fn all_measured(failures: &[String]) -> Result<()> {
    ensure!(
        failures.is_empty(),
        "not everything was measured:\n{}",
        failures.join("\n")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Contender;

    #[derive(Clone, Copy, Debug, PartialEq)]
    pub(super) enum Side {
        Ours,
        Theirs,
    }

    impl Contender for Side {
        const ALL: &'static [Self] = &[Self::Ours, Self::Theirs];

        fn name(self) -> &'static str {
            match self {
                Self::Ours => "Forebay ours",
                Self::Theirs => "theirs",
            }
        }
    }

    #[test]
    fn nobody_is_always_first() {
        assert_eq!(Side::order(0), [Side::Ours, Side::Theirs]);
        assert_eq!(Side::order(1), [Side::Theirs, Side::Ours]);
    }
}
