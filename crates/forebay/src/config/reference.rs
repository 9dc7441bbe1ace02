//! docs/configuration.md, made from the table of options.

use std::fmt::Write as _;

use super::schema::{OptionSpec, SECTIONS};

const INTRODUCTION: &str = "\
# Configuration

<!-- Made from the table of options in crates/forebay/src/config/schema.rs:
     cargo run -p forebay -- internal config-reference > docs/configuration.md -->

`forebay serve` needs no configuration. Every option below can be given in three ways; a later
one wins over an earlier one:

1. in a TOML file: the one named by `--config PATH` or `FOREBAY_CONFIG`, or else `forebay.toml` in
   the working folder if it exists;
2. as an environment variable;
3. as a flag of `forebay serve`.

`forebay serve --print-config` shows the result and where each value came from, as JSON with
`--json`. An unknown key, an unknown `FOREBAY_*` variable or a value that cannot be read keeps the
broker from starting, with a line that says what to write instead. (Variables that Kubernetes
injects for a service called `forebay` are left alone, and an empty variable counts as not set.)

Durations have a unit (`200ms`, `30s`, `10m`, `7d`), sizes may have one (`128MiB`, `1GB`,
`4096`). In TOML both are strings; plain numbers of bytes may be written as numbers.

```toml
# forebay.toml
kafka = \"0.0.0.0:9092\"
kafka-advertised = \"broker.example.com:9092\"
allow-anonymous = true
data = \"/var/lib/forebay\"
retention = \"30d\"
tail-cache-size = \"512MiB\"
```
";

/// The whole document.
pub(crate) fn markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    for section in SECTIONS {
        push_line(&mut text, format_args!("\n## {}\n", section.title));
        text.push_str("| option | default | |\n|---|---|---|\n");
        for option in section.options {
            let (anchor, summary) = (option.name, &option.paragraphs()[0]);
            push_line(
                &mut text,
                format_args!(
                    "| [`{anchor}`](#{anchor}) | {} | {summary} |",
                    default_of(option)
                ),
            );
        }
        for option in section.options {
            push_option(&mut text, option);
        }
    }
    text
}

fn push_option(text: &mut String, option: &OptionSpec) {
    push_line(text, format_args!("\n### {}\n", option.name));
    for paragraph in option.paragraphs() {
        let stop = if paragraph.ends_with('.') { "" } else { "." };
        push_line(text, format_args!("{paragraph}{stop}\n"));
    }
    let value = if option.is_switch {
        String::new()
    } else {
        format!(" {}", option.placeholder)
    };
    push_line(
        text,
        format_args!(
            "- flag `--{}{value}`, variable `{}`",
            option.name,
            option.env()
        ),
    );
    push_line(text, format_args!("- default: {}", default_of(option)));
    push_line(text, format_args!("- value: {}", option.expected));
    if let Some(bounds) = option.show_bounds() {
        push_line(text, format_args!("- bounds: {bounds}"));
    }
    if let Some(name) = option.kafka.first() {
        push_line(text, format_args!("- in Apache Kafka: `{name}`"));
    }
}

fn default_of(option: &OptionSpec) -> String {
    if option.default.is_empty() {
        "none".to_owned()
    } else {
        format!("`{}`", option.default)
    }
}

fn push_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sources::{ConfigFile, Sources};

    #[test]
    fn the_document_in_the_repository_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let stored = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            stored == markdown(),
            "run: cargo run -p forebay -- internal config-reference > docs/configuration.md"
        );
    }

    #[test]
    fn the_example_file_is_valid() {
        let example = INTRODUCTION
            .split("```toml\n")
            .nth(1)
            .unwrap()
            .split("```")
            .next()
            .unwrap();
        let file = ConfigFile {
            path: "forebay.toml".into(),
            text: example.to_owned(),
        };
        Sources {
            file: Some(file),
            ..Sources::default()
        }
        .resolve()
        .unwrap();
    }
}
