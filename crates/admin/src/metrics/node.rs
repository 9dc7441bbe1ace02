//! The build, and whether it is ready.

use super::page::{Metric, Page};
use crate::admin::Shared;
use crate::readiness::State;

const BUILD: Metric = Metric::info("forebay_build", "Which build is running.");
const READY: Metric = Metric::gauge("forebay_ready", "1 while clients may come.");

pub(super) fn read(shared: &Shared, page: &mut Page) {
    let build = &shared.node.build;
    let revision = build.revision.clone().unwrap_or_default();
    let labels = vec![
        ("version", build.version.clone().into()),
        ("revision", revision.into()),
    ];
    page.put(&BUILD, labels, true);
    let ready = shared.readiness.state() == State::Ready;
    page.put(&READY, Vec::new(), ready);
}
