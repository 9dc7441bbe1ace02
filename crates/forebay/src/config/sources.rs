//! Layers of configuration, weakest first: defaults, TOML file, environment, flags.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::edit_distance::nearest;
use super::injected_env::is_service_link;
use super::origin::Origin;
use super::problem::Problems;
use super::schema::{self, OptionSpec, Settings, Shown};

/// The file that is read when none is named.
pub(crate) const DEFAULT_FILE: &str = "forebay.toml";

/// Variables that mean something but are not options of the broker.
pub(crate) const OTHER_VARIABLES: &[&str] =
    &["FOREBAY_CONFIG", "FOREBAY_SERVER", "FOREBAY_TIMEOUT"];

/// Everything that can set an option, already read from outside.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) file: Option<ConfigFile>,
    /// Variables whose name starts with `FOREBAY_`.
    pub(crate) env: Vec<(String, String)>,
    pub(crate) flags: Vec<(&'static str, String)>,
}

/// A configuration file that was found.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl ConfigFile {
    /// Reads the file that was named, or else `forebay.toml` in the working folder if it exists.
    pub(crate) fn find(named: Option<&Path>) -> Result<Option<Self>, Problems> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(Self {
                path: path.to_owned(),
                text,
            })),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(None),
            Err(e) => Err(Problems::one(format!(
                "cannot read configuration file {}: {e}",
                path.display()
            ))),
        }
    }
}

/// The variables of this process that begin with `FOREBAY_`.
pub(crate) fn process_env() -> Vec<(String, String)> {
    std::env::vars_os()
        .map(|(name, value)| {
            // A value that is not UTF-8 cannot be valid; the marks make the refusal readable.
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        })
        .filter(|(name, _)| name.starts_with("FOREBAY_"))
        .collect()
}

/// One option's final value.
#[derive(Debug)]
pub(crate) struct ResolvedOption {
    pub(crate) option: &'static OptionSpec,
    text: String,
    pub(crate) shown: Shown,
    pub(crate) origin: Origin,
}

/// Every option's final value, in the order of the table.
#[derive(Debug)]
pub(crate) struct Resolved(Vec<ResolvedOption>);

impl Resolved {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &ResolvedOption> {
        self.0.iter()
    }

    /// The typed settings.
    pub(crate) fn settings(&self) -> Settings {
        Settings::from_checked(|name| {
            &self
                .0
                .iter()
                .find(|value| value.option.name == name)
                .expect("all are resolved")
                .text
        })
    }

    fn set(&mut self, name: &str, written: Written, origin: Origin, problems: &mut Vec<String>) {
        let value = self.0.iter_mut().find(|value| value.option.name == name);
        let value = value.expect("the caller looked the option up in the same table");
        let text = match &written {
            Written::Text(text) => text,
            Written::Unusable(_) => "",
        };
        match (value.option.read(text), written) {
            (Ok(shown), Written::Text(text)) => {
                *value = ResolvedOption {
                    option: value.option,
                    text,
                    shown,
                    origin,
                };
            }
            (Ok(_), Written::Unusable(what)) => problems.push(format!(
                "invalid {name} from {origin}: expected {}, found {what}",
                value.option.expected
            )),
            (Err(expected), Written::Text(text)) => problems.push(format!(
                "invalid {name} \"{text}\" from {origin}: expected {expected}"
            )),
            (Err(expected), Written::Unusable(what)) => problems.push(format!(
                "invalid {name} from {origin}: expected {expected}, found {what}"
            )),
        }
    }
}

impl Sources {
    /// Lays the sources over one another. Every fault of every source is reported, also of values
    /// that a stronger source overrides: they would surprise later.
    pub(crate) fn resolve(self) -> Result<Resolved, Problems> {
        let mut problems = Vec::new();
        let mut resolved = Resolved(
            schema::options()
                .map(|option| ResolvedOption {
                    option,
                    text: option.default.to_owned(),
                    shown: option
                        .read(option.default)
                        .expect("a test holds the defaults valid"),
                    origin: Origin::Default,
                })
                .collect(),
        );
        if let Some(file) = &self.file {
            apply_file(file, &mut resolved, &mut problems);
        }
        apply_env(self.env, &mut resolved, &mut problems);
        for (name, text) in self.flags {
            resolved.set(name, Written::Text(text), Origin::Flag(name), &mut problems);
        }
        if problems.is_empty() {
            Ok(resolved)
        } else {
            Err(Problems(problems))
        }
    }
}

/// A value as a source holds it.
enum Written {
    Text(String),
    /// A TOML value that no option takes; what it is.
    Unusable(&'static str),
}

fn apply_file(file: &ConfigFile, resolved: &mut Resolved, problems: &mut Vec<String>) {
    let line_of = |at: usize| 1 + file.text[..at].bytes().filter(|b| *b == b'\n').count();
    let origin = |at: usize| Origin::File {
        path: file.path.clone(),
        line: line_of(at),
    };
    let table = match DeTable::parse(&file.text) {
        Ok(table) => table,
        Err(error) => {
            let at = error
                .span()
                .map_or(0, |span| span.start.min(file.text.len()));
            let message = error.message().replace('\n', ", ");
            problems.push(format!("{}: {message}", origin(at)));
            return;
        }
    };
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let name = key.get_ref().as_ref();
        let origin = origin(key.span().start);
        if schema::find(name).is_some() {
            resolved.set(name, written(value.get_ref()), origin, problems);
        } else {
            let path = dotted_path(name, value.get_ref());
            problems.push(format!(
                "unknown option {path} in {origin}{}",
                suggestion(&path)
            ));
        }
    }
}

fn written(value: &DeValue<'_>) -> Written {
    match value {
        DeValue::String(text) => Written::Text(text.to_string()),
        DeValue::Boolean(truth) => Written::Text(truth.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Written::Text(number.to_string()),
            Err(_) => Written::Unusable("a number beyond 64 bits"),
        },
        DeValue::Float(number) => Written::Text(number.as_str().to_owned()),
        DeValue::Datetime(_) => Written::Unusable("a date"),
        DeValue::Array(_) => Written::Unusable("a list"),
        DeValue::Table(_) => Written::Unusable("a table"),
    }
}

/// The first full key below an unknown one: `log.retention.ms = 1` is the table `log` to TOML.
fn dotted_path(name: &str, value: &DeValue<'_>) -> String {
    match value {
        DeValue::Table(table) => match table.iter().min_by_key(|(key, _)| key.span().start) {
            Some((key, inner)) => format!("{name}.{}", dotted_path(key.get_ref(), inner.get_ref())),
            None => name.to_owned(),
        },
        _ => name.to_owned(),
    }
}

fn apply_env(env: Vec<(String, String)>, resolved: &mut Resolved, problems: &mut Vec<String>) {
    for (name, value) in env {
        if let Some(option) = schema::options().find(|option| option.env() == name) {
            // Compose files write `FOREBAY_DATA=${DATA:-}`: empty there means "not given".
            if !value.is_empty() && !is_service_link(&name, &value) {
                resolved.set(
                    option.name,
                    Written::Text(value),
                    Origin::Env(name),
                    problems,
                );
            }
        } else if !OTHER_VARIABLES.contains(&name.as_str()) && !is_service_link(&name, &value) {
            let known: Vec<String> = schema::options().map(OptionSpec::env).collect();
            let known = known
                .iter()
                .map(String::as_str)
                .chain(OTHER_VARIABLES.iter().copied());
            let hint = match nearest(&name, known) {
                Some(near) => format!("; did you mean {near}?"),
                None => String::new(),
            };
            problems.push(format!("unknown environment variable {name}{hint}"));
        }
    }
}

/// What to write in place of an unknown key.
fn suggestion(unknown: &str) -> String {
    if let Some(option) = schema::options().find(|option| option.kafka.contains(&unknown)) {
        return format!("; Forebay calls it {}", option.name);
    }
    match nearest(unknown, schema::options().map(|option| option.name)) {
        Some(near) => format!("; did you mean {near}?"),
        None => String::new(),
    }
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
