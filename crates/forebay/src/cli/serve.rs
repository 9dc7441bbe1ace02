//! `forebay serve`: its flags are made from the table of options.

use std::path::PathBuf;
use std::time::Instant;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::failure::Failure;
use crate::config::schema::{self, OptionSpec, SECTIONS};
use crate::config::sources::{ConfigFile, DEFAULT_FILE, process_env};
use crate::config::{Sources, print};

const EXAMPLES: &str = "\
Every option is also a TOML key and a variable: --max-connections is `max-connections = ...` in
forebay.toml and FOREBAY_MAX_CONNECTIONS in the environment. Flags win over variables, variables
over the file.

Examples:
  forebay serve
  forebay serve --data /var/lib/forebay --durability os
  forebay serve --kafka 0.0.0.0:9092 --kafka-advertised broker.example.com:9092 --allow-anonymous
  forebay serve --kafka 127.0.0.1:0 --admin off --ready-file /tmp/forebay.json
  FOREBAY_RETENTION=30d forebay serve --print-config";

/// What `serve` was told on the command line.
#[derive(Debug)]
pub(crate) struct Serve {
    /// The configuration file to read in place of `forebay.toml`.
    config: Option<PathBuf>,
    print_config: bool,
    /// Options that were given as flags, in the order of the table.
    flags: Vec<(&'static str, String)>,
}

impl Serve {
    /// Runs a broker until it is told to stop, or prints its configuration.
    pub(crate) fn run(self, json: bool, started: Instant) -> Result<(), Failure> {
        let file = ConfigFile::find(self.config.as_deref())?;
        let resolved = Sources {
            file,
            env: process_env(),
            flags: self.flags,
        }
        .resolve()?;
        if !self.print_config {
            return crate::serve::run(&resolved.settings(), started);
        }
        if json {
            super::output::print_json(&print::as_json(&resolved))
        } else {
            super::output::print_data(&print::as_table(&resolved))
        }
    }
}

impl FromArgMatches for Serve {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |option: &'static OptionSpec| {
            let is_flag = matches.value_source(option.name) == Some(ValueSource::CommandLine);
            let text = matches.get_one::<String>(option.name)?;
            is_flag.then(|| (option.name, text.clone()))
        };
        Ok(Self {
            config: matches.get_one::<PathBuf>("config").cloned(),
            print_config: matches.get_flag("print-config"),
            flags: schema::options().filter_map(given).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Serve {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("PATH")
            .env("FOREBAY_CONFIG")
            .hide_env_values(true)
            .value_parser(clap::value_parser!(PathBuf))
            .help(format!(
                "Configuration file, TOML [default: {DEFAULT_FILE} if it exists]"
            ));
        let print_config = Arg::new("print-config")
            .long("print-config")
            .action(ArgAction::SetTrue)
            .help("Print every option's value and where it comes from, then exit");
        let mut command = command
            .about("Start a broker")
            .long_about("Start a broker.\n\nIt needs no configuration and no other service.")
            .after_help(EXAMPLES)
            // The last one wins, so that a wrapper's flags can be overridden behind them.
            .args_override_self(true)
            .args([config, print_config]);
        for section in SECTIONS {
            command = command
                .next_help_heading(section.title)
                .args(section.options.iter().map(flag));
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The flag of one option. Its value is read together with those of all other sources, so that
/// mistakes sound the same wherever they were made.
fn flag(option: &'static OptionSpec) -> Arg {
    let default = match option.default {
        "" => String::new(),
        default => format!(" [default: {default}]"),
    };
    let mut paragraphs = option.paragraphs();
    let short = format!("{}{default}", paragraphs[0]);
    if let Some(bounds) = option.show_bounds() {
        paragraphs.push(format!("Bounds: {bounds}"));
    }
    paragraphs.push(format!("[env: {}]{default}", option.env()));
    let arg = Arg::new(option.name)
        .long(option.name)
        .value_name(option.placeholder)
        .help(short)
        .long_help(paragraphs.join("\n\n"));
    if option.is_switch {
        arg.num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
    } else {
        arg
    }
}
