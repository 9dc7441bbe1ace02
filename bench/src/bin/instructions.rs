//! Runs one hot path so many turns, for a tool that counts from outside: `instructions PATH TURNS`.
//! Without arguments it lists the paths.

#![allow(clippy::print_stdout, reason = "a tool prints what it knows")]

use std::process::ExitCode;

use forebay_bench::hot_path;

/// The broker's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => {
            for path in hot_path::ALL {
                let described = serde_json::json!({
                    "name": path.name,
                    "about": path.about,
                    "records": path.records,
                });
                println!("{described}");
            }
            ExitCode::SUCCESS
        }
        [name, turns] => match (hot_path::find(name), turns.parse()) {
            (Some(path), Ok(turns)) => {
                (path.run)(turns);
                ExitCode::SUCCESS
            }
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    println!("usage: instructions [PATH TURNS]");
    ExitCode::FAILURE
}
