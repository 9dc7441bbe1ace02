//! A comparison as tables and as a chart.

use super::{Claim, Contender, Measure, Measured, Verdict};
use crate::bench::chart::{self, Bar};
use crate::bench::samples::digits;

/// A row for each claim: what, ours, theirs, the ratio, the target, whether it was met.
pub(crate) fn claim_rows<C>(judged: &[(&Claim<C>, Verdict)]) -> Vec<Vec<String>> {
    judged.iter().map(claim_row).collect()
}

fn claim_row<C>((claim, verdict): &(&Claim<C>, Verdict)) -> Vec<String> {
    let unit = claim.measure.unit;
    let theirs = verdict.theirs.as_ref().map(|theirs| theirs.show(digits));
    let ratio = verdict.ratio.as_ref().map(|ratio| ratio.show(digits));
    let (target, met) = match &verdict.target {
        Some((target, true)) => (target.clone(), "met"),
        Some((target, false)) => (target.clone(), "**missed**"),
        None => (String::new(), ""),
    };
    vec![
        format!("{}, {unit}", verdict.label),
        verdict.ours.show(digits),
        theirs.unwrap_or_default(),
        ratio.map_or_else(String::new, |ratio| format!("**{ratio}**")),
        target,
        met.to_owned(),
    ]
}

/// A bar for each claim that has a ratio.
pub(crate) fn advantages<C: Contender>(judged: &[(&Claim<C>, Verdict)], theirs: &str) -> String {
    let bars: Vec<_> = judged
        .iter()
        .filter_map(|(claim, verdict)| {
            let ratio = verdict.ratio.as_ref()?;
            let ends = [ratio.min(), ratio.max()].map(|ratio| claim.advantage(ratio));
            Some(Bar {
                label: verdict.label.clone(),
                advantage: claim.advantage(ratio.median()),
                range: (ends[0].min(ends[1]), ends[0].max(ends[1])),
                target: claim.times(),
            })
        })
        .collect();
    let subtitle =
        format!("How many times as good as {theirs}: faster, cheaper or smaller. 1x is equal.");
    chart::bars(&format!("Forebay beside {theirs}"), &subtitle, &bars)
}

/// A row for each measure that somebody has, with a column for each contender.
pub(crate) fn everything<C: Contender>(
    measured: &Measured<C>,
    measures: &[&Measure],
) -> Vec<Vec<String>> {
    let rows = measures.iter().filter_map(|measure| {
        let cells = C::ALL.iter().map(|contender| {
            let samples = measured.of(*contender, measure);
            samples.map_or_else(String::new, |samples| samples.show(digits))
        });
        let cells: Vec<_> = cells.collect();
        let title = format!("{}, {}", measure.title, measure.unit);
        let measured = cells.iter().any(|cell| !cell.is_empty());
        measured.then(|| [vec![title], cells].concat())
    });
    rows.collect()
}

/// A row for each load and contender: what of the machine went to the server, the client, nobody and
/// others, which are the measures of a load in this order.
pub(crate) fn shares<C: Contender>(
    measured: &Measured<C>,
    loads: &[(&str, [&Measure; 4])],
) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (load, measures) in loads {
        for contender in C::ALL {
            let shares = measures.map(|measure| measured.of(*contender, measure));
            if shares.iter().all(Option::is_some) {
                let cells = shares.into_iter().flatten();
                let cells = cells.map(|share| format!("{} %", digits(share.median())));
                let name = format!("{load}, {}", contender.name());
                rows.push(std::iter::once(name).chain(cells).collect());
            }
        }
    }
    rows
}
