//! "Did you mean": the known name nearest to a misspelt one.

/// How far a name may be from what was written: one slip in short names, three in long ones.
fn tolerance(written: &str) -> usize {
    match written.chars().count() {
        0..=3 => 1,
        4..=7 => 2,
        _ => 3,
    }
}

/// The nearest of `known` to `written`, if it is near enough to be meant.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let written = written.to_ascii_lowercase();
    known
        .into_iter()
        .map(|name| (distance(&written, &name.to_ascii_lowercase()), name))
        .filter(|(distance, _)| *distance <= tolerance(&written))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Edits between two names: insert, delete, replace, swap neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let replaced = above[j] + usize::from(a[i] != b[j]);
            let mut least = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_forgiven() {
        let known = ["retention", "retention-bytes", "kafka", "data"];
        assert_eq!(nearest("retenton", known), Some("retention"));
        assert_eq!(nearest("retention_bytes", known), Some("retention-bytes"));
        assert_eq!(nearest("kakfa", known), Some("kafka"));
        assert_eq!(nearest("Data", known), Some("data"));
    }

    #[test]
    fn what_is_far_from_everything_has_no_suggestion() {
        assert_eq!(nearest("quorum", ["retention", "kafka", "data"]), None);
        assert_eq!(nearest("", ["kafka"]), None);
    }

    #[test]
    fn distances_count_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("abcd", "acbd"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
