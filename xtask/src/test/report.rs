//! Every result of every test framework, and the table made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

impl Outcome {
    fn mark(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Failed => "FAIL",
            Self::Skipped => "skip",
        }
    }
}

#[derive(Debug)]
struct Case {
    client: String,
    name: String,
    outcome: Outcome,
    reason: String,
}

/// How a suite says what it found; each ecosystem keeps its own idiom.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Format {
    /// `PASS name`, `FAIL name: reason`, `SKIP name: reason`.
    Lines,
    /// `go test -v`.
    Go,
    /// `cargo test`.
    Cargo,
    /// `node --test --test-reporter=tap`, `mocha --reporter tap`.
    Tap,
}

/// All results so far.
#[derive(Default)]
pub(crate) struct Report {
    cases: Vec<Case>,
    /// Cargo's own tests are counted, not listed.
    cargo: (usize, usize, usize),
    /// What suites measured: told, never judged by the runner.
    figures: Vec<String>,
}

impl Report {
    pub(crate) fn pass(&mut self, client: &str, name: &str) {
        self.add(client, name, Outcome::Passed, "");
    }

    pub(crate) fn fail(&mut self, client: &str, name: &str, reason: &str) {
        self.add(client, name, Outcome::Failed, reason);
    }

    /// Adds a case that was left out.
    pub(crate) fn skip(&mut self, client: &str, name: &str, reason: &str) {
        self.add(client, name, Outcome::Skipped, reason);
    }

    /// A suite that could not run for want of a toolchain: in CI that is a failure.
    pub(crate) fn left_out(&mut self, suite: &str, reason: &str) {
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            self.fail(suite, "suite_runs", reason);
        } else {
            self.skip(suite, "suite_runs", reason);
        }
    }

    /// Adds the summary of one `cargo test` run.
    pub(crate) fn add_cargo(&mut self, passed: usize, failed: usize, skipped: usize) {
        self.cargo.0 += passed;
        self.cargo.1 += failed;
        self.cargo.2 += skipped;
    }

    fn add(&mut self, client: &str, name: &str, outcome: Outcome, reason: &str) {
        self.cases.push(Case {
            client: client.to_owned(),
            name: name.to_owned(),
            outcome,
            reason: reason.trim_end().to_owned(),
        });
    }

    /// Adds what another one has.
    pub(crate) fn append(&mut self, other: Self) {
        self.cases.extend(other.cases);
        self.figures.extend(other.figures);
        self.add_cargo(other.cargo.0, other.cargo.1, other.cargo.2);
    }

    pub(crate) fn len(&self) -> usize {
        self.cases.len()
    }

    pub(crate) fn failed(&self) -> usize {
        self.count(0, Outcome::Failed) + self.cargo.1
    }

    fn count(&self, from: usize, outcome: Outcome) -> usize {
        self.cases[from..]
            .iter()
            .filter(|case| case.outcome == outcome)
            .count()
    }

    /// Reads a suite's output; answers how many cases it found.
    pub(crate) fn read(&mut self, client: &str, format: Format, output: &str) -> usize {
        let before = self.cases.len();
        let lines: Vec<_> = output.lines().collect();
        self.figures.extend(
            lines
                .iter()
                // What a program of TAP prints itself is a comment there.
                .map(|line| line.strip_prefix("# ").unwrap_or(line))
                .filter_map(|line| line.strip_prefix("FIGURE "))
                .map(str::to_owned),
        );
        for (number, line) in lines.iter().enumerate() {
            let Some((outcome, name, reason)) = (match format {
                Format::Lines => plain(line),
                Format::Go => go(line),
                Format::Cargo => cargo(line),
                Format::Tap => tap(line),
            }) else {
                continue;
            };
            let reason = match (outcome, reason) {
                (Outcome::Passed, _) => String::new(),
                (_, Some(reason)) => reason,
                (_, None) if matches!(format, Format::Go) => preceding(&lines[..number]),
                (_, None) => following(&lines[number + 1..]),
            };
            self.add(client, &name, outcome, &reason);
        }
        self.cases.len() - before
    }

    /// One line for a suite that has ended, and its failures in full.
    pub(crate) fn print_suite(&self, suite: &str, from: usize, took: Duration) {
        let skipped = match self.count(from, Outcome::Skipped) {
            0 => String::new(),
            n => format!(", {n} skipped"),
        };
        println!(
            "{suite:<16} {} passed, {} failed{skipped} in {:.1} s",
            self.count(from, Outcome::Passed),
            self.count(from, Outcome::Failed),
            took.as_secs_f64()
        );
        for case in &self.cases[from..] {
            if case.outcome == Outcome::Failed {
                println!("  FAIL {} {}: {}", case.client, case.name, case.reason);
            }
        }
    }

    /// The table client x case, what was skipped and why, and the last line.
    pub(crate) fn print(&self, took: Duration) {
        let mut by_case: BTreeMap<&str, BTreeMap<&str, Outcome>> = BTreeMap::new();
        for case in &self.cases {
            let outcome = by_case
                .entry(&case.name)
                .or_default()
                .entry(&case.client)
                .or_insert(case.outcome);
            if case.outcome == Outcome::Failed {
                *outcome = Outcome::Failed;
            }
        }
        let (shared, own): (Vec<_>, Vec<_>) =
            by_case.iter().partition(|(_, clients)| clients.len() > 1);
        print_shared(&shared);
        print_own(&own);

        let mut reasons: Vec<_> = self
            .cases
            .iter()
            .filter(|case| case.outcome == Outcome::Skipped)
            .map(|case| {
                format!(
                    "  {} {}: {}",
                    case.client,
                    case.name,
                    first_line(&case.reason)
                )
            })
            .collect();
        reasons.dedup();
        if !reasons.is_empty() {
            println!("\nskipped:\n{}", reasons.join("\n"));
        }
        let failures: Vec<_> = self
            .cases
            .iter()
            .filter(|case| case.outcome == Outcome::Failed)
            .collect();
        if !failures.is_empty() {
            println!("\nfailed:");
            for case in failures {
                println!(
                    "  {} {}: {}",
                    case.client,
                    case.name,
                    first_line(&case.reason)
                );
            }
        }
        if !self.figures.is_empty() {
            println!("\nfigures:\n  {}", self.figures.join("\n  "));
        }
        let (passed, failed, skipped) = self.cargo;
        println!(
            "\ncargo test: {passed} passed, {failed} failed; all in {:.0} s",
            took.as_secs_f64()
        );
        let skipped = match skipped + self.count(0, Outcome::Skipped) {
            0 => String::new(),
            n => format!(", {n} skipped"),
        };
        println!(
            "{} passed, {} failed{skipped}",
            passed + self.count(0, Outcome::Passed),
            self.failed()
        );
    }
}

fn print_shared(shared: &[(&&str, &BTreeMap<&str, Outcome>)]) {
    let clients: BTreeSet<&str> = shared
        .iter()
        .flat_map(|(_, row)| row.keys().copied())
        .collect();
    let width = shared.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    if clients.is_empty() {
        return;
    }
    println!(
        "\n{:width$}  {}",
        "",
        clients.iter().copied().collect::<Vec<_>>().join("  ")
    );
    for (name, row) in shared {
        let marks: Vec<_> = clients
            .iter()
            .map(|client| {
                let mark = row.get(client).map_or("-", |outcome| outcome.mark());
                format!("{mark:<w$}", w = client.len())
            })
            .collect();
        println!("{name:width$}  {}", marks.join("  ").trim_end());
    }
}

fn print_own(own: &[(&&str, &BTreeMap<&str, Outcome>)]) {
    let mut by_client: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, row) in own {
        for (client, outcome) in *row {
            let mark = outcome.mark();
            by_client
                .entry(client)
                .or_default()
                .push(format!("  {mark:<4} {name}"));
        }
    }
    for (client, lines) in by_client {
        println!("\n{client} alone:\n{}", lines.join("\n"));
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The lines after a bare verdict, up to the next one: most frameworks explain there.
fn following(lines: &[&str]) -> String {
    let stop = |line: &&&str| {
        !(line.starts_with("---") || line.starts_with("===") || line.starts_with("ok "))
    };
    lines
        .iter()
        .take_while(stop)
        .take(12)
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Go says why before it says what: the lines since the last verdict or start.
fn preceding(lines: &[&str]) -> String {
    let from = lines
        .iter()
        .rposition(|line| line.starts_with("---") || line.starts_with("==="))
        .map_or(0, |at| at + 1);
    let from = from.max(lines.len().saturating_sub(12));
    lines[from..]
        .iter()
        .map(|line| format!("{}\n", line.trim()))
        .collect()
}

fn plain(line: &str) -> Option<(Outcome, String, Option<String>)> {
    let (word, rest) = line.split_once(' ')?;
    let outcome = match word {
        "PASS" => Outcome::Passed,
        "FAIL" => Outcome::Failed,
        "SKIP" => Outcome::Skipped,
        _ => return None,
    };
    let (name, reason) = rest.split_once(": ").unwrap_or((rest, ""));
    Some((outcome, name.to_owned(), Some(reason.to_owned())))
}

fn go(line: &str) -> Option<(Outcome, String, Option<String>)> {
    let (word, rest) = line.strip_prefix("--- ")?.split_once(": ")?;
    let outcome = match word {
        "PASS" => Outcome::Passed,
        "FAIL" => Outcome::Failed,
        "SKIP" => Outcome::Skipped,
        _ => return None,
    };
    let name = rest.split(' ').next()?;
    Some((
        outcome,
        snake_case(name.strip_prefix("Test").unwrap_or(name)),
        None,
    ))
}

fn cargo(line: &str) -> Option<(Outcome, String, Option<String>)> {
    let (name, verdict) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let outcome = match verdict.split([',', ' ']).next()? {
        "ok" => Outcome::Passed,
        "FAILED" => Outcome::Failed,
        "ignored" => Outcome::Skipped,
        _ => return None,
    };
    let name = name.rsplit("::").next().unwrap_or(name);
    Some((outcome, name.to_owned(), Some(verdict.to_owned())))
}

fn tap(line: &str) -> Option<(Outcome, String, Option<String>)> {
    let (failed, rest) = match line.strip_prefix("not ok ") {
        Some(rest) => (true, rest),
        None => (false, line.strip_prefix("ok ")?),
    };
    let (_number, name) = rest.split_once(' ')?;
    let name = name.strip_prefix("- ").unwrap_or(name);
    if let Some((name, reason)) = name.split_once(" # SKIP") {
        return Some((
            Outcome::Skipped,
            words_to_snake(name),
            Some(reason.trim().to_owned()),
        ));
    }
    let outcome = if failed {
        Outcome::Failed
    } else {
        Outcome::Passed
    };
    Some((outcome, words_to_snake(name), None))
}

/// `OrderWithinAPartition` is the case `order_within_a_partition` of the other clients.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let word_starts = at > 0
            && letter.is_uppercase()
            && (!letters[at - 1].is_uppercase()
                || letters.get(at + 1).is_some_and(|next| next.is_lowercase()))
            && letters[at - 1] != '_';
        if word_starts {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

fn words_to_snake(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_has_one_name_in_every_framework() {
        let mut report = Report::default();
        report.read("a", Format::Lines, "PASS order_within_a_partition\n");
        report.read(
            "b",
            Format::Go,
            "--- PASS: TestOrderWithinAPartition (0.01s)\n",
        );
        report.read("c", Format::Cargo, "test order_within_a_partition ... ok\n");
        report.read("d", Format::Tap, "ok 1 - order within a partition\n");
        report.read("e", Format::Tap, "ok 1 order within a partition\n");
        assert!(
            report
                .cases
                .iter()
                .all(|case| case.name == "order_within_a_partition")
        );
        assert_eq!(report.count(0, Outcome::Passed), 5);
    }

    #[test]
    fn failures_and_skips_keep_their_reason() {
        let mut report = Report::default();
        let text = "FAIL keys: got null\nSKIP crash: not against kafka\nnoise\n";
        assert_eq!(report.read("a", Format::Lines, text), 2);
        assert_eq!(report.cases[0].reason, "got null");
        assert_eq!(report.cases[1].reason, "not against kafka");
        let text = "=== RUN   TestKeys\n    a_test.go:7: got null\n--- FAIL: TestKeys (0.0s)\n";
        report.read("b", Format::Go, text);
        assert_eq!(report.cases[2].reason, "a_test.go:7: got null");
        let text = "not ok 1 - keys\n  error: 'got null'\nok 2 - zstd # SKIP no codec\n";
        report.read("d", Format::Tap, text);
        assert_eq!(report.failed(), 3);
        assert!(report.cases[3].reason.contains("got null"));
        assert_eq!(report.cases[4].outcome, Outcome::Skipped);
    }
}
