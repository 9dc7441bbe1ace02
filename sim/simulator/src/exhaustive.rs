//! The recorded workload, cut at every single change of its disk, in every way.

use crate::disk::ChangePoint;
use crate::ledger::Death;
use crate::report::Report;
use crate::simulation::{Cut, Keep, Request, run};

/// Every way in which a process ends.
const WAYS: [(Death, Keep); 4] = [
    (Death::Kill, Keep::Some),
    (Death::PowerCut, Keep::Nothing),
    (Death::PowerCut, Keep::Some),
    (Death::PowerCut, Keep::All),
];

/// All requests that cut the workload of `seed`: before each change and in its middle. The error is
/// what is wrong with the workload when it is not cut.
pub fn requests(seed: u64) -> Result<Vec<Request>, String> {
    let uncut = Request {
        seed,
        cut: Some(Cut::default()),
        ..Request::default()
    };
    let whole: Report = run(&uncut)?;
    let mut requests = Vec::new();
    for change in 0..whole.changes {
        for half in [false, true] {
            for (death, keep) in WAYS {
                let at = Some(ChangePoint { change, half });
                requests.push(Request {
                    cut: Some(Cut { at, death, keep }),
                    ..uncut.clone()
                });
            }
        }
    }
    Ok(requests)
}
