//! Numbers as filter policies compare them: between minus and plus a billion, with five digits behind the point.

use std::cmp::Ordering;

/// The most, of either sign.
const MAGNITUDE_MAX: f64 = 1e9;
/// Ten to the power of the digits behind the point.
const PRECISION: f64 = 1e5;

/// A number that is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number(f64);

impl Number {
    /// What is beyond the range equals only itself.
    pub(super) fn new(value: f64) -> Self {
        if value.abs() > MAGNITUDE_MAX {
            return Self(value);
        }
        // Adding zero makes a plain zero of minus zero.
        Self((value * PRECISION).round() / PRECISION + 0.0)
    }

    /// Reads a decimal number, as attributes carry them.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let value: f64 = text.trim().parse().ok()?;
        value.is_finite().then(|| Self::new(value))
    }

    pub(super) fn is_in_range(self) -> bool {
        self.0.abs() <= MAGNITUDE_MAX
    }
}

/// A range; what bounds it says whether it is part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct NumberRange {
    pub(super) bottom: Option<Bound>,
    pub(super) top: Option<Bound>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound {
    pub(super) number: Number,
    pub(super) included: bool,
}

impl NumberRange {
    pub(super) fn only(number: Number) -> Self {
        let bound = Some(Bound {
            number,
            included: true,
        });
        Self {
            bottom: bound,
            top: bound,
        }
    }

    pub(super) fn contains(&self, number: Number) -> bool {
        number.is_in_range()
            && self
                .bottom
                .is_none_or(|bound| bound.admits(number, Ordering::Greater))
            && self
                .top
                .is_none_or(|bound| bound.admits(number, Ordering::Less))
    }
}

impl Bound {
    fn admits(self, number: Number, side: Ordering) -> bool {
        match number.0.total_cmp(&self.number.0) {
            Ordering::Equal => self.included,
            other => other == side,
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.0.partial_cmp(&other.0)
    }
}
