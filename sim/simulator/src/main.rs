//! Runs seeds. One that fails is printed with the command that replays it.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use clap::Parser;
use forebay_simulator::{Report, Request, exhaustive, run};
use parking_lot::Mutex;

/// Deterministic simulation of the broker: thousands of histories with crashes, from seeds.
#[derive(Parser)]
struct Args {
    /// How many seeds to run.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Run this seed alone, twice, and compare what happened.
    #[arg(long)]
    seed: Option<u64>,
    /// With --seed: print every event.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Cut one recorded workload at every change of its disk, in every way.
    #[arg(long)]
    exhaustive: bool,
    /// Stop at the first failure.
    #[arg(long)]
    first_failure: bool,
    /// Threads to run on.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

#[allow(clippy::print_stdout, reason = "it is a command")]
fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(seed) = args.seed {
        return replay(seed, args.trace);
    }
    let requests = if args.exhaustive {
        match exhaustive::requests(args.first) {
            Ok(requests) => requests,
            Err(failure) => {
                println!("the workload fails by itself: {failure}");
                return ExitCode::FAILURE;
            }
        }
    } else {
        let seeds = args.first..args.first + args.seeds;
        let request = |seed| Request {
            seed,
            ..Request::default()
        };
        seeds.map(request).collect()
    };
    let started = Instant::now();
    let (total, runs, failed) = run_all(&requests, &args);
    let seconds = started.elapsed().as_secs_f64();
    println!("{total}");
    let each = runs as f64 / seconds;
    println!("{runs} runs in {seconds:.1} s ({each:.1}/s), {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs everything on several threads; the sum, how many ran, and how many failed.
fn run_all(requests: &[Request], args: &Args) -> (Report, usize, usize) {
    let total = Mutex::new(Report::default());
    let (next, runs, failed) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let enough = AtomicBool::new(false);
    let work = || {
        while !enough.load(Ordering::Relaxed) {
            let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) else {
                return;
            };
            match run(request) {
                Ok(report) => *total.lock() += &report,
                Err(failure) => {
                    failed.fetch_add(1, Ordering::Relaxed);
                    enough.store(args.first_failure, Ordering::Relaxed);
                    report_failure(request, &failure);
                }
            }
            runs.fetch_add(1, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.max(1) {
            scope.spawn(work);
        }
    });
    let total = total.lock().clone();
    (total, runs.into_inner(), failed.into_inner())
}

#[allow(clippy::print_stdout, reason = "it is a command")]
fn report_failure(request: &Request, failure: &str) {
    let seed = request.seed;
    match request.cut {
        Some(cut) => println!("FAILED, cut at {cut:?}: {failure}"),
        None => println!("FAILED seed {seed}: {failure}\n  replay: cargo xtask sim --seed {seed}"),
    }
}

/// Two runs of a seed do the same to the last bit.
#[allow(clippy::print_stdout, reason = "it is a command")]
fn replay(seed: u64, printing: bool) -> ExitCode {
    let once = |printing| {
        run(&Request {
            seed,
            printing,
            ..Request::default()
        })
    };
    match (once(printing), once(false)) {
        (Ok(first), Ok(second)) => {
            println!("{first}");
            let (digest, events) = first.trace;
            println!("trace {digest:016x} of {events} events");
            if first.trace == second.trace {
                return ExitCode::SUCCESS;
            }
            println!("the second run did something else: {:016x}", second.trace.0);
        }
        (Err(failure), _) | (_, Err(failure)) => {
            let request = Request {
                seed,
                ..Request::default()
            };
            report_failure(&request, &failure);
        }
    }
    ExitCode::FAILURE
}
