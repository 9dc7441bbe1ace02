//! The simulator itself: that a seed is a history, that whole brokers pass, and that a disk that lies is
//! found. `cargo xtask sim` runs the thousands of seeds, every crash point and the mutants.

use forebay_simulator::{Request, exhaustive, run};

fn seeds(range: std::ops::Range<u64>, lying_disk: bool) -> impl Iterator<Item = Request> {
    range.map(move |seed| Request {
        seed,
        lying_disk,
        ..Request::default()
    })
}

#[test]
fn a_seed_does_the_same_twice_and_another_seed_does_something_else() {
    let traces: Vec<_> = seeds(0..6, false)
        .map(|request| {
            let first = run(&request)
                .expect("a broker that keeps its promises")
                .trace;
            let second = run(&request)
                .expect("a broker that keeps its promises")
                .trace;
            assert_eq!(first, second, "seed {}", request.seed);
            first
        })
        .collect();
    assert!(traces.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn histories_go_where_the_dangers_are() {
    let mut total = forebay_simulator::Report::default();
    for request in seeds(0..40, false) {
        total += &run(&request).unwrap_or_else(|failure| panic!("{request:?}: {failure}"));
    }
    println!("{total}");
    assert!(total.kills > 5 && total.cuts > 5, "{total}");
    assert!(total.torn > 0 && total.from_snapshot > 5, "{total}");
    assert!(total.flips > 0 && total.failed > 0, "{total}");
    for job in ["sort", "rewrite", "snapshot", "prepare a journal file"] {
        assert!(total.jobs.contains_key(job), "no {job}: {total}");
    }
    let counts = total.counts;
    assert!(counts.acknowledged > 1000 && counts.read > 1000 && counts.commits > 10);
    assert!(counts.published > 100 && counts.delivered > 100 && counts.looked_at > 100);
}

#[test]
fn a_disk_whose_syncs_do_nothing_is_found() {
    let found = seeds(0..10, true).filter(|request| run(request).is_err());
    assert!(found.count() > 0);
}

#[test]
fn the_recorded_workload_is_cut_everywhere() {
    let requests = exhaustive::requests(0).expect("a workload that passes when it is not cut");
    assert!(requests.len() > 1000, "{} cuts", requests.len());
    // A sample; the rest is the task of `cargo xtask sim --exhaustive`.
    for request in requests.iter().step_by(97) {
        if let Err(failure) = run(request) {
            panic!("{request:?}: {failure}");
        }
    }
}
