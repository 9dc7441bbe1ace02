//! One contender, one workload: a fresh folder, everything that is measured on it, and gone.

use super::{Contender, Measure, Measured, Sample};
use crate::bench::cost::Cost;
use crate::layout::Layout;

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// A contender's turn in a round.
pub(crate) struct Turn<'a, C: 'static, P> {
    pub(crate) layout: &'a Layout,
    pub(crate) plan: &'a P,
    pub(crate) contender: C,
    pub(crate) round: usize,
    pub(crate) measured: &'a mut Measured<C>,
}

impl<C: Contender, P> Turn<'_, C, P> {
    pub(crate) fn add(&mut self, measure: &'static Measure, value: f64) {
        self.measured.tell(Sample {
            contender: self.contender,
            round: self.round,
            measure,
            value,
        });
    }

    pub(crate) fn memory(&mut self, measure: &'static Measure, bytes: u64) {
        self.add(measure, bytes as f64 / MEBIBYTE);
    }

    /// Of the server, the client, nobody and others.
    pub(crate) fn shares(&mut self, measures: &'static [Measure; 4], cost: &Cost) {
        let shares = [
            cost.server_share,
            cost.client_share,
            cost.idle_share,
            cost.others_share,
        ];
        for (measure, share) in measures.iter().zip(shares) {
            self.add(measure, share);
        }
    }
}
