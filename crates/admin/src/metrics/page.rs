//! A page in the making: metrics, each once, with their series.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use forebay_broker::storage::shard::Histogram;

/// What a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number that only grows. On the page its name ends in `_total`.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
    /// Facts as labels, with the value 1. On the page its name ends in `_info`.
    Info,
}

/// One metric. Its name is written in full, so that a search for it ends here, except for the ending
/// that its kind brings; a name in `_bytes` or `_seconds` says its unit.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it counts.
    pub kind: Kind,
    /// What it means, in one sentence.
    pub help: &'static str,
}

impl Metric {
    /// A number that only grows.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        let kind = Kind::Counter;
        Self { name, kind, help }
    }

    /// A number that goes up and down.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        let kind = Kind::Gauge;
        Self { name, kind, help }
    }

    /// A distribution.
    pub const fn histogram(name: &'static str, help: &'static str) -> Self {
        let kind = Kind::Histogram;
        Self { name, kind, help }
    }

    /// Facts as labels.
    pub const fn info(name: &'static str, help: &'static str) -> Self {
        let kind = Kind::Info;
        Self { name, kind, help }
    }
}

/// What a label says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LabelValue {
    /// A word of ours.
    Word(&'static str),
    /// A name that somebody gave.
    Name(Arc<str>),
    /// A number.
    Number(u64),
}

impl From<&'static str> for LabelValue {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

impl From<Arc<str>> for LabelValue {
    fn from(name: Arc<str>) -> Self {
        Self::Name(name)
    }
}

impl From<String> for LabelValue {
    fn from(name: String) -> Self {
        Self::Name(name.into())
    }
}

impl LabelValue {
    /// The value as text.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Word(word) => Cow::Borrowed(word),
            Self::Name(name) => Cow::Borrowed(name),
            Self::Number(number) => Cow::Owned(number.to_string()),
        }
    }
}

/// The labels of a series, in the order in which they are shown.
pub type Labels = Vec<(&'static str, LabelValue)>;

/// The value of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Whole(u64),
    /// Any number.
    Real(f64),
    /// A distribution: its sum, and for each bucket its upper bound and its own count.
    Distribution(f64, Vec<(f64, u64)>),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Whole(number as u64)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Whole(truth.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<&Histogram> for Value {
    fn from(histogram: &Histogram) -> Self {
        let buckets = histogram.buckets().map(|(bound, count)| {
            // Here the last bound is the largest number there is; on a page it is none.
            let bound = if bound == f64::MAX {
                f64::INFINITY
            } else {
                bound
            };
            (bound, count)
        });
        Self::Distribution(histogram.sum(), buckets.collect())
    }
}

/// A metric with its series.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) metric: &'static Metric,
    pub(super) series: Vec<(Labels, Value)>,
}

/// A page in the making.
#[derive(Debug, Default)]
pub struct Page {
    pub(super) families: Vec<Family>,
    /// Where each name is in `families`: a name may appear on a page only once, with all its series.
    by_name: HashMap<&'static str, usize>,
}

impl Page {
    /// Puts one series on the page. Two sources may put series of the same metric, each with its own
    /// labels.
    pub fn put(&mut self, metric: &'static Metric, labels: Labels, value: impl Into<Value>) {
        let families = &mut self.families;
        let at = *self.by_name.entry(metric.name).or_insert_with(|| {
            families.push(Family {
                metric,
                series: Vec::new(),
            });
            families.len() - 1
        });
        let family = &mut self.families[at];
        debug_assert_eq!(family.metric, metric, "a name stands for one metric");
        family.series.push((labels, value.into()));
    }
}
