//! What each hot path allocates in a turn: `allocations TURNS`.

#![allow(clippy::print_stdout, reason = "a tool prints what it knows")]

use allocation_counter::{AllocationInfo, measure};
use forebay_bench::hot_path::{self, HotPath};

fn main() {
    let turns = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let turns: u64 = turns.expect("usage: allocations TURNS");
    for path in hot_path::ALL {
        let (few, many) = (allocated(path, turns), allocated(path, 2 * turns));
        let each = |few: u64, many: u64| (many as f64 - few as f64) / turns as f64;
        let found = serde_json::json!({
            "name": path.name,
            "records": path.records,
            "allocations": each(few.count_total, many.count_total),
            "bytes": each(few.bytes_total, many.bytes_total),
        });
        println!("{found}");
    }
}

fn allocated(path: &HotPath, turns: u64) -> AllocationInfo {
    measure(|| (path.run)(turns))
}
