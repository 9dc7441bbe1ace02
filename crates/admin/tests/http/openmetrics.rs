//! A small strict reader of OpenMetrics text: what it accepts, Prometheus accepts.

use std::collections::{BTreeMap, BTreeSet};

/// A page, read.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    /// The type of each metric family.
    pub(crate) types: BTreeMap<String, String>,
    /// The value of each series, under its name and labels as written.
    pub(crate) series: BTreeMap<String, f64>,
}

impl Exposition {
    /// Reads a page, panicking at the first thing that is not as it should be.
    pub(crate) fn read(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("an end mark");
        let mut page = Self::default();
        let mut family = String::new();
        let mut helped = BTreeSet::new();
        for line in body.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help text");
                assert!(help.ends_with('.'), "{line}");
                assert!(helped.insert(name.to_owned()), "help twice: {line}");
                family = name.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert_eq!(name, family, "type of another family");
                let before = page.types.insert(name.to_owned(), kind.to_owned());
                assert!(before.is_none(), "type twice: {line}");
            } else if let Some(rest) = line.strip_prefix("# UNIT ") {
                let (name, unit) = rest.split_once(' ').expect("a unit");
                assert_eq!(name, family);
                assert!(name.ends_with(&format!("_{unit}")), "{line}");
            } else {
                page.take_series(line, &family);
            }
        }
        page.check_histograms();
        page
    }

    /// The value of a series.
    pub(crate) fn value(&self, series: &str) -> f64 {
        let found = self.series.get(series);
        *found.unwrap_or_else(|| panic!("no {series}"))
    }

    /// How many series a family has.
    pub(crate) fn count(&self, family: &str) -> usize {
        let own = |series: &&String| series.split('{').next() == Some(family);
        self.series.keys().filter(own).count()
    }

    fn take_series(&mut self, line: &str, family: &str) {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').expect("a closing brace")),
            None => (series, ""),
        };
        let suffix = name.strip_prefix(family).expect("a series of its family");
        let allowed: &[&str] = match self.types[family].as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "info" => &["_info"],
            "histogram" => &["_sum", "_count", "_bucket"],
            other => panic!("type {other}"),
        };
        assert!(allowed.contains(&suffix), "{line}");
        check_labels(labels, line);
        let before = self.series.insert(series.to_owned(), value);
        assert!(before.is_none(), "series twice: {line}");
    }

    fn check_histograms(&self) {
        let histograms = self.types.iter().filter(|(_, kind)| *kind == "histogram");
        for (name, _) in histograms {
            let infinite: f64 = self.sum_of(&format!("{name}_bucket"), "le=\"+Inf\"");
            let count = self.sum_of(&format!("{name}_count"), "");
            assert_eq!(infinite, count, "{name}: the last bucket holds everything");
        }
    }

    fn sum_of(&self, name: &str, label: &str) -> f64 {
        let wanted =
            |series: &str| series.split('{').next() == Some(name) && series.contains(label);
        let found = self.series.iter().filter(|(series, _)| wanted(series));
        found.map(|(_, value)| value).sum()
    }
}

/// `name="value"` pairs with commas between them, no name twice, quotes and line ends escaped.
fn check_labels(mut labels: &str, line: &str) {
    let mut names = BTreeSet::new();
    while !labels.is_empty() {
        let (name, rest) = labels.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
        let legal = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(!name.is_empty() && name.chars().all(legal), "{line}");
        assert!(names.insert(name), "label twice: {line}");
        let mut escaped = false;
        let end = rest.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let end = end.unwrap_or_else(|| panic!("no end of a value: {line}"));
        labels = &rest[end + 1..];
        if !labels.is_empty() {
            labels = labels.strip_prefix(',').unwrap_or_else(|| panic!("{line}"));
        }
    }
}
