//! Somebody who makes the disk fail and fills it.

use std::time::Duration;

use forebay_storage::Medium;
use forebay_storage::media::Fault;

use crate::context::Context;
use crate::schedule::Down;

/// What is free when the disk is not full.
pub const ROOMY_BYTES: u64 = 1 << 40;

/// Breaks things for one life of the broker.
pub fn sabotage(mut cx: Context) -> Result<(), Down> {
    for _ in 0..cx.plan.acts / 4 {
        cx.rest(Duration::from_micros(cx.plan.rest_micros * 8))?;
        if cx.plan.full {
            fill_or_empty(&mut cx);
        }
        if cx.plan.faults && cx.random.one_in(4) {
            let faults = [Fault::Write, Fault::ShortWrite, Fault::Sync, Fault::Blob];
            let fault = *cx.random.pick(&faults).unwrap_or(&Fault::Blob);
            cx.schedule.note("fault", &[fault as u64]);
            cx.disk.raw().inject(fault);
        }
    }
    cx.disk.raw().set_capacity(ROOMY_BYTES);
    Ok(())
}

fn fill_or_empty(cx: &mut Context) {
    let Ok(space) = cx.disk.raw().space() else {
        return;
    };
    let used = space.total_bytes - space.free_bytes;
    let bytes = if cx.random.one_in(2) {
        used + cx.random.below(2 << 20)
    } else {
        ROOMY_BYTES
    };
    cx.schedule.note("capacity", &[bytes]);
    cx.disk.raw().set_capacity(bytes);
}
