//! What a measure was in each round: the middle, and how far it strayed.

/// Values of one measure, at least one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Samples {
    sorted: Vec<f64>,
}

impl Samples {
    /// Nothing, if there is no value.
    pub(crate) fn new(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        (!sorted.is_empty()).then_some(Self { sorted })
    }

    /// The value in the middle, or half way between the two there.
    pub(crate) fn median(&self) -> f64 {
        let middle = self.sorted.len() / 2;
        if self.sorted.len() % 2 == 1 {
            self.sorted[middle]
        } else {
            f64::midpoint(self.sorted[middle - 1], self.sorted[middle])
        }
    }

    pub(crate) fn min(&self) -> f64 {
        self.sorted[0]
    }

    pub(crate) fn max(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }

    /// The median and, of more than one value, the range.
    pub(crate) fn show(&self, number: impl Fn(f64) -> String) -> String {
        if self.sorted.len() == 1 {
            return number(self.median());
        }
        format!(
            "{} ({}..{})",
            number(self.median()),
            number(self.min()),
            number(self.max())
        )
    }
}

/// A number with as many digits as it deserves: three, or all before the point.
pub(crate) fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text
        .find('.')
        .map_or((&text[..], ""), |at| text.split_at(at));
    format!("{}{rest}", thousands(whole))
}

fn thousands(whole: &str) -> String {
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole), |rest| ("-", rest));
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    let groups: Vec<_> = groups.into_iter().map(String::from_utf8_lossy).collect();
    format!("{sign}{}", groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let median = |values: &[f64]| Samples::new(values.iter().copied()).unwrap().median();
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(Samples::new([]), None);
    }

    #[test]
    fn numbers_have_three_digits_or_all_before_the_point() {
        assert_eq!(digits(1_234_567.8), "1,234,568");
        assert_eq!(digits(123.4), "123");
        assert_eq!(digits(-1234.0), "-1,234");
        assert_eq!(digits(12.34), "12.3");
        assert_eq!(digits(1.234), "1.23");
        assert_eq!(digits(0.1234), "0.123");
        assert_eq!(digits(0.0), "0");
    }

    #[test]
    fn a_range_is_shown_where_there_is_one() {
        assert_eq!(Samples::new([1.5]).unwrap().show(digits), "1.50");
        let range = Samples::new([2.0, 1.0, 4.0]).unwrap().show(digits);
        assert_eq!(range, "2.00 (1.00..4.00)");
    }
}
