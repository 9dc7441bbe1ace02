//! What was measured, kept in a file, so that a long run can be made in pieces.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{Contender, Measure, Measured, Sample};
use crate::bench::server;
use crate::layout::Layout;

/// A file of samples.
pub(super) struct Kept {
    path: PathBuf,
}

/// A sample as it is kept.
#[derive(Deserialize, Serialize)]
struct KeptSample {
    contender: String,
    round: usize,
    measure: String,
    unit: String,
    value: f64,
}

impl Kept {
    /// Of the comparison with this name.
    pub(super) fn of(layout: &Layout, name: &str) -> Self {
        Self {
            path: server::folder(layout).join(format!("{name}-samples.json")),
        }
    }

    /// What is left from earlier pieces; what is not among `known` is not measured any more, and left out.
    pub(super) fn load<C: Contender>(
        &self,
        known: impl Iterator<Item = &'static Measure> + Clone,
    ) -> Result<Measured<C>> {
        let text = fs::read_to_string(&self.path)
            .with_context(|| format!("{}: no earlier piece to go on from", self.path.display()))?;
        let kept: Vec<KeptSample> = serde_json::from_str(&text)?;
        let mut measured = Measured::default();
        for kept in kept {
            let contender = C::ALL.iter();
            let contender = contender.copied().find(|it| it.name() == kept.contender);
            let mut known = known.clone();
            let measure = known.find(|it| it.title == kept.measure && it.unit == kept.unit);
            if let (Some(contender), Some(measure)) = (contender, measure) {
                measured.add(Sample {
                    contender,
                    round: kept.round,
                    measure,
                    value: kept.value,
                });
            }
        }
        Ok(measured)
    }

    pub(super) fn save<C: Contender>(&self, measured: &Measured<C>) -> Result<()> {
        let samples = measured.samples().iter();
        let kept = samples.map(|sample| KeptSample {
            contender: sample.contender.name().to_owned(),
            round: sample.round,
            measure: sample.measure.title.to_owned(),
            unit: sample.measure.unit.to_owned(),
            value: sample.value,
        });
        let kept: Vec<_> = kept.collect();
        let path: &Path = &self.path;
        fs::write(path, serde_json::to_vec(&kept)?).with_context(|| path.display().to_string())
    }
}
