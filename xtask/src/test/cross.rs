//! Records from each client, read by every other client.

use anyhow::Result;

use super::broker::Broker;
use super::layout::Layout;
use super::report::Report;
use super::toolchain::Toolchain;

pub(crate) fn run(
    _layout: &Layout,
    _broker: &Broker,
    _ready: &[Toolchain],
    _report: &mut Report,
) -> Result<()> {
    Ok(())
}
