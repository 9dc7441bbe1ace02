//! `check-history FILE...`: judges histories. The exit code is 0 if there is no anomaly, 1 if there is
//! one, 2 if a file cannot be judged.
#![allow(
    clippy::print_stdout,
    reason = "a command talks to the terminal it was started from"
)]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use forebay_checkers::history::Reader;
use forebay_checkers::{Checker, HistoryError, Verdict};

const USAGE: &str = "usage: check-history [--json OUT] FILE...

Judges histories (JSON Lines, see the crate's documentation), each by itself, and prints what was
found as a table. With --json the verdicts are written to OUT as well, one line of JSON a file.
";

const FOUND_AN_ANOMALY: u8 = 1;
const CANNOT_JUDGE: u8 = 2;

struct Arguments {
    json: Option<PathBuf>,
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let Some(arguments) = Arguments::parse(std::env::args_os().skip(1)) else {
        eprint!("{USAGE}");
        return ExitCode::from(CANNOT_JUDGE);
    };
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FOUND_AN_ANOMALY),
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::from(CANNOT_JUDGE)
        }
    }
}

impl Arguments {
    fn parse(mut given: impl Iterator<Item = OsString>) -> Option<Self> {
        let (mut json, mut files) = (None, Vec::new());
        while let Some(argument) = given.next() {
            if argument == "--json" {
                json = Some(given.next()?.into());
            } else if argument.to_string_lossy().starts_with('-') {
                return None;
            } else {
                files.push(argument.into());
            }
        }
        (!files.is_empty()).then_some(Self { json, files })
    }
}

/// Answers whether all histories are good.
fn run(arguments: &Arguments) -> Result<bool, String> {
    let mut good = true;
    let mut lines = String::new();
    for file in &arguments.files {
        let verdict = judge(file).map_err(|error| format!("{}: {error}", file.display()))?;
        good &= verdict.is_valid();
        println!("{}", file.display());
        print!("{verdict}");
        let line = serde_json::to_string(&verdict).expect("a verdict has only strings as keys");
        lines.extend([line.as_str(), "\n"]);
    }
    if let Some(path) = &arguments.json {
        fs::write(path, lines).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(good)
}

fn judge(file: &Path) -> Result<Verdict, HistoryError> {
    let opened = File::open(file).map_err(|source| HistoryError::Io { line: 1, source })?;
    let mut checker = Checker::default();
    for operation in Reader::new(BufReader::new(opened))? {
        checker.observe(operation?)?;
    }
    Ok(checker.verdict())
}
