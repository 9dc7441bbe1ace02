//! One point of the group-commit curve: `group_commit fdatasync|direct|engine PRODUCERS SECONDS FOLDER`.

#![allow(clippy::print_stdout, reason = "a tool prints what it found")]

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use forebay_bench::group_commit::Writer;

/// The broker's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let Some((writer, producers, time, folder)) = read(&arguments) else {
        println!("usage: group_commit fdatasync|direct|engine PRODUCERS SECONDS FOLDER");
        return ExitCode::FAILURE;
    };
    let measured = writer.measure(folder, producers, time);
    let messages = measured.latencies.len();
    let ms = |share| measured.quantile(share).as_secs_f64() * 1e3;
    let found = serde_json::json!({
        "messages_per_second": messages as f64 / measured.time.as_secs_f64(),
        "p50_ms": ms(0.5),
        "p99_ms": ms(0.99),
        "messages_per_commit": messages as f64 / measured.commits.max(1) as f64,
        "bytes_per_commit": measured.bytes as f64 / measured.commits.max(1) as f64,
    });
    println!("{found}");
    ExitCode::SUCCESS
}

fn read(arguments: &[String]) -> Option<(Writer, usize, Duration, &Path)> {
    let [writer, producers, seconds, folder] = arguments else {
        return None;
    };
    let time = Duration::from_secs(seconds.parse().ok()?);
    Some((
        Writer::find(writer)?,
        producers.parse().ok()?,
        time,
        Path::new(folder),
    ))
}
