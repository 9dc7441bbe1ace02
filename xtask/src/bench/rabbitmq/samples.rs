//! What was measured, kept in a file, so that a long run can be made in pieces.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::contender::Contender;
use super::measure;
use crate::bench::comparison::{Contender as _, Measured, Sample};
use crate::bench::server;
use crate::layout::Layout;

/// A sample as it is kept.
#[derive(Deserialize, Serialize)]
struct Kept {
    contender: String,
    round: usize,
    measure: String,
    unit: String,
    value: f64,
}

/// What is left from earlier pieces; what is not measured any more is left out.
pub(super) fn load(layout: &Layout) -> Result<Measured<Contender>> {
    let path = path(layout);
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{}: no earlier piece to go on from", path.display()))?;
    let kept: Vec<Kept> = serde_json::from_str(&text)?;
    let shares = measure::SHARES.iter().flat_map(|(_, shares)| shares.iter());
    let known: Vec<_> = measure::ALL.iter().copied().chain(shares).collect();
    let mut measured = Measured::default();
    for kept in kept {
        let contender = Contender::ALL.iter();
        let contender = contender.copied().find(|it| it.name() == kept.contender);
        let measure = known.iter().copied();
        let measure = measure
            .clone()
            .find(|it| it.title == kept.measure && it.unit == kept.unit);
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

pub(super) fn save(layout: &Layout, measured: &Measured<Contender>) -> Result<()> {
    let samples = measured.samples().iter();
    let kept = samples.map(|sample| Kept {
        contender: sample.contender.name().to_owned(),
        round: sample.round,
        measure: sample.measure.title.to_owned(),
        unit: sample.measure.unit.to_owned(),
        value: sample.value,
    });
    let kept: Vec<_> = kept.collect();
    let path = path(layout);
    fs::write(&path, serde_json::to_vec(&kept)?).with_context(|| path.display().to_string())
}

fn path(layout: &Layout) -> PathBuf {
    server::folder(layout).join("rabbitmq-samples.json")
}
