//! How many series a page has room for. Each kind of object has its own room, so that ten thousand
//! topics leave the groups theirs. An object is on the page with all its series or not at all.

use super::page::{Metric, Page};

const LEFT_OUT: Metric = Metric::gauge(
    "forebay_metrics_series_left_out",
    "Series that this page has no room for; ?per_object=true has more.",
);

/// Room for the series of one kind of object.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
    left_out: usize,
}

impl Budget {
    fn new(series: usize) -> Self {
        Self {
            left: series,
            left_out: 0,
        }
    }

    /// Whether an object with this many series is on the page.
    pub(super) fn take(&mut self, series: usize) -> bool {
        let fits = series <= self.left;
        if fits {
            self.left -= series;
        } else {
            self.left_out += series;
        }
        fits
    }
}

/// Room for each kind of object.
#[derive(Debug)]
pub(super) struct Budgets {
    pub(super) topics: Budget,
    pub(super) partitions: Budget,
    pub(super) groups: Budget,
    pub(super) group_partitions: Budget,
}

impl Budgets {
    /// Room for `series` of each kind.
    pub(super) fn new(series: usize) -> Self {
        Self {
            topics: Budget::new(series),
            partitions: Budget::new(series),
            groups: Budget::new(series),
            group_partitions: Budget::new(series),
        }
    }

    /// Says what was left out.
    pub(super) fn put(&self, page: &mut Page) {
        for (kind, budget) in [
            ("topic", &self.topics),
            ("partition", &self.partitions),
            ("group", &self.groups),
            ("group_partition", &self.group_partitions),
        ] {
            page.put(&LEFT_OUT, vec![("kind", kind.into())], budget.left_out);
        }
    }
}
