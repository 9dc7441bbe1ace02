//! `cargo xtask test`: the workspace's own tests, then real clients against a real server process.
//!
//! The order is: cargo tests, release build, dependencies of each ecosystem (into `.cache/`), then
//! suite after suite, each with a broker of its own on free ports. Every result, of whatever test
//! framework, becomes a line of one [`report::Report`].

mod broker;
mod cargo_tests;
mod cross;
mod default_port;
mod programs;
pub(crate) mod report;
mod suite;
mod upstream;

use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use broker::{Broker, Kind};
use report::Report;
use suite::{Suite, Work};

use crate::cargo;
use crate::layout::Layout;
use crate::toolchain::Toolchain;

/// Options of `cargo xtask test`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The inner loop: unit tests and the fast suites, under two minutes when warm.
    #[arg(long)]
    quick: bool,
    /// Run only this suite (may be given several times); leaves the cargo tests out.
    #[arg(long, value_name = "NAME")]
    suite: Vec<String>,
    /// The broker to test. `kafka` runs Apache Kafka itself, `rabbitmq` RabbitMQ: a suite that fails
    /// there is wrong.
    #[arg(long, value_enum, default_value = "forebay")]
    against: Kind,
    /// List the suites and stop.
    #[arg(long)]
    list: bool,
}

/// Runs the tests and fails the process if anything failed.
pub(crate) fn run(args: &Args) -> Result<()> {
    let layout = Layout::find()?;
    if args.list {
        for suite in suite::all() {
            println!("{:<16} {}", suite.name, suite.about);
        }
        return Ok(());
    }
    let mut suites = chosen(args)?;
    let started = Instant::now();
    let mut report = Report::default();

    if args.against == Kind::Forebay {
        if args.suite.is_empty() {
            cargo_tests::run(&layout, &mut report)?;
            match crate::codegen::check() {
                Ok(()) => report.pass("cargo", "the_generated_kafka_messages_are_fresh"),
                Err(error) => {
                    let name = "the_generated_kafka_messages_are_fresh";
                    report.fail("cargo", name, &format!("{error:#}"));
                }
            }
        }
        println!("building the release binary");
        if let Err(error) = cargo::build_release(&layout, &["forebay", "forebay-checkers"]) {
            println!("{error:#}");
            report.fail("cargo", "the_release_binary_builds", "see above");
            suites.clear();
        }
    }
    let ready = prepare(&layout, args.against, &suites, &mut report);
    suites.retain(|suite| needs(suite, args.against).all(|tool| ready.contains(&tool)));
    run_suites(&layout, args, &suites, &ready, &mut report);

    report.print(started.elapsed());
    if report.failed() > 0 {
        std::process::exit(1)
    } else {
        Ok(())
    }
}

fn chosen(args: &Args) -> Result<Vec<&'static Suite>> {
    for name in &args.suite {
        if !suite::all().any(|suite| suite.name == name) {
            let known: Vec<_> = suite::all().map(|suite| suite.name).collect();
            bail!(
                "no suite is called {name:?}; there are {}",
                known.join(", ")
            );
        }
    }
    Ok(suite::all()
        .filter(|suite| args.against == Kind::Forebay || suite.proved_on.contains(&args.against))
        .filter(|suite| {
            if args.suite.is_empty() {
                !args.quick || suite.quick
            } else {
                args.suite.iter().any(|name| name == suite.name)
            }
        })
        .collect())
}

/// What the suite needs, and the broker that it is run against.
fn needs(suite: &Suite, against: Kind) -> impl Iterator<Item = Toolchain> {
    suite.toolchains.iter().copied().chain(against.toolchain())
}

/// Sets up what the suites need; a toolchain that is missing is said loudly and, in CI, a failure.
fn prepare(
    layout: &Layout,
    against: Kind,
    suites: &[&Suite],
    report: &mut Report,
) -> Vec<Toolchain> {
    let mut wanted: Vec<Toolchain> = suites
        .iter()
        .flat_map(|suite| needs(suite, against))
        .collect();
    if suites
        .iter()
        .any(|suite| matches!(suite.work, Work::EveryPair))
    {
        wanted.extend(cross::toolchains());
    }
    wanted.sort_unstable();
    wanted.dedup();

    let mut ready = Vec::new();
    for tool in wanted {
        match tool.prepare(layout) {
            Ok(()) => ready.push(tool),
            Err(error) => {
                let left_out: Vec<_> = suites
                    .iter()
                    .filter(|suite| needs(suite, against).any(|needed| needed == tool))
                    .map(|suite| suite.name)
                    .collect();
                println!("\n!!! {tool} is not usable: {error:#}");
                println!("!!! LEFT OUT: {}\n", left_out.join(", "));
                for name in left_out {
                    report.left_out(name, &format!("{tool} is missing"));
                }
            }
        }
    }
    ready
}

/// Runs suite after suite. The simulation, whose time is its own, goes on beside those that mostly wait.
fn run_suites(
    layout: &Layout,
    args: &Args,
    suites: &[&'static Suite],
    ready: &[Toolchain],
    report: &mut Report,
) {
    thread::scope(|scope| {
        let mut beside: Option<ScopedJoinHandle<'_, Report>> = None;
        for (index, suite) in suites.iter().enumerate() {
            let waits = |suite: &&Suite| suite::mostly_waits(suite);
            if matches!(suite.work, Work::Simulation) && suites[index + 1..].iter().any(waits) {
                beside = Some(scope.spawn(move || {
                    let mut own = Report::default();
                    run_suite(layout, args, suite, ready, &mut own);
                    own
                }));
                continue;
            }
            if !suite::mostly_waits(suite) {
                gather(beside.take(), report);
            }
            run_suite(layout, args, suite, ready, report);
        }
        gather(beside, report);
    });
}

/// Adds what a suite found that ran beside others.
fn gather(beside: Option<ScopedJoinHandle<'_, Report>>, report: &mut Report) {
    match beside.map(ScopedJoinHandle::join) {
        Some(Ok(own)) => report.append(own),
        Some(Err(_)) => report.fail("simulator", "suite_runs", "its thread panicked"),
        None => {}
    }
}

fn run_suite(
    layout: &Layout,
    args: &Args,
    suite: &Suite,
    ready: &[Toolchain],
    report: &mut Report,
) {
    let started = Instant::now();
    let before = report.len();
    println!("{:<16} ...", suite.name);
    if let Err(error) = drive(layout, args, suite, ready, report) {
        report.fail(suite.client, "suite_runs", &format!("{error:#}"));
    }
    let took = started.elapsed();
    report.print_suite(
        suite.name,
        before,
        Duration::from_millis(took.as_millis() as u64),
    );
}

fn drive(
    layout: &Layout,
    args: &Args,
    suite: &Suite,
    ready: &[Toolchain],
    report: &mut Report,
) -> Result<()> {
    let broker = suite
        .needs_broker
        .then(|| Broker::start(layout, args.against, suite.name))
        .transpose()?;
    let outcome = match suite.work {
        Work::EveryPair => {
            let broker = broker.as_ref().expect("the cross suite asks for a broker");
            cross::run(layout, broker, ready, report)
        }
        Work::Simulation => crate::sim::suite(layout, report),
        Work::Upstream(upstream) => {
            let broker = broker.as_ref().expect("such suites ask for a broker");
            upstream.run(layout, args, suite, broker, report)
        }
        Work::Command(command) => suite::run_command(
            layout,
            args,
            suite,
            command(layout),
            broker.as_ref(),
            report,
        ),
    };
    if let Some(broker) = broker {
        broker.stop(report);
    }
    outcome
}
