//! The command line: one file a command, and what commands share.

mod bounds;
mod check;
mod completions;
mod confirm;
mod connection;
mod consume;
pub(crate) mod failure;
mod format_string;
mod group;
mod internal;
mod interrupt;
pub(crate) mod output;
mod pace;
mod position;
mod produce;
mod progress;
mod record;
mod record_json;
mod record_line;
mod refusal;
mod serve;
pub(crate) mod table;
pub(crate) mod terminal;
mod topic;

use std::time::Instant;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use connection::Global;
use failure::{Cause, Failure};

const EXAMPLES: &str = "\
Examples:
  forebay serve                                  start a broker on this machine
  forebay topic create orders --partitions 12    create a topic
  echo 'hello' | forebay produce orders          send a message
  forebay consume orders --from beginning        read from the start
  forebay group describe billing                 see how far a group is behind

Any Kafka client works too: bootstrap.servers=127.0.0.1:9092

Exit codes:
  0  success              4  denied
  1  failed               5  broker unreachable
  2  wrong usage          6  timed out
  3  not found            130  interrupted by Ctrl-C";

/// A message broker for the Kafka clients you already have: one binary, one durable log
#[derive(Debug, Parser)]
#[command(name = "forebay", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(disable_help_subcommand = true, infer_subcommands = false)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Topic(topic::Topic),
    Produce(produce::Produce),
    Consume(consume::Consume),
    Group(group::Group),
    Check(check::Check),
    Completions(completions::Completions),
    #[command(hide = true)]
    Internal(internal::Internal),
}

/// Commands that talk to no broker, so that an address means nothing to them.
const LOCAL_COMMANDS: [&str; 4] = ["serve", "check", "completions", "internal"];

/// The whole command tree.
fn command() -> clap::Command {
    let mut command = Cli::command();
    // Building copies the global options into every command; only then can they be hidden in some.
    command.build();
    for name in LOCAL_COMMANDS {
        command = command.mut_subcommand(name, |local| {
            local.mut_args(|arg| {
                let is_remote = ["server", "timeout"].contains(&arg.get_id().as_str());
                if is_remote { arg.hide(true) } else { arg }
            })
        });
    }
    command
}

/// Reads the command line and does what it says.
///
/// # Errors
/// Whatever kept the command from its end, with the exit code it stands for. Mistakes that clap
/// finds are printed by clap and end the process with code 2.
pub(crate) fn run(started: Instant) -> Result<(), Failure> {
    let matches = command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let global = cli.global;
    if let Some((name, local)) = matches.subcommand()
        && LOCAL_COMMANDS.contains(&name)
    {
        for option in ["server", "timeout"] {
            if local.value_source(option) == Some(clap::parser::ValueSource::CommandLine) {
                let message = format!("--{option} means nothing to forebay {name}");
                return Err(Failure::new(Cause::Usage, message));
            }
        }
    }
    match cli.command {
        Command::Serve(command) => command.run(global.json, started),
        Command::Topic(command) => command.run(&global),
        Command::Produce(command) => command.run(&global),
        Command::Consume(command) => command.run(&global),
        Command::Group(command) => command.run(&global),
        Command::Check(command) => command.run(global.json),
        Command::Completions(command) => command.run(),
        Command::Internal(command) => command.run(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses a command line that must be valid.
    pub(crate) fn parse(line: &[&str]) -> Command {
        try_parse(line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    pub(crate) fn try_parse(line: &[&str]) -> Result<Command, clap::Error> {
        let words = std::iter::once(&"forebay").chain(line);
        let matches = command().try_get_matches_from(words)?;
        Ok(Cli::from_arg_matches(&matches)?.command)
    }

    #[test]
    fn the_command_tree_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn serve_has_a_flag_for_every_option_and_global_ones_elsewhere() {
        let line = [
            "serve",
            "--retention",
            "3d",
            "--allow-anonymous",
            "--kafka=off",
        ];
        assert!(matches!(parse(&line), Command::Serve(_)));
        assert!(matches!(
            parse(&["topic", "list", "--server", "b:1"]),
            Command::Topic(_)
        ));
        assert!(try_parse(&["serve", "--retenton", "3d"]).is_err());
    }
}
