//! `serve --print-config`: every option's final value and where it came from.

use serde_json::{Value, json};

use super::origin::Origin;
use super::sources::Resolved;
use crate::cli::table::Table;

/// The configuration as a table for people.
pub(crate) fn as_table(resolved: &Resolved) -> Table {
    let mut table = Table::new(["OPTION", "VALUE", "FROM"]);
    for value in resolved.iter() {
        let text = if value.shown.text.is_empty() {
            "-"
        } else {
            &value.shown.text
        };
        table.row([value.option.name, text, &value.origin.to_string()]);
    }
    table
}

/// The configuration for machines: a list, because its order is that of the documents.
pub(crate) fn as_json(resolved: &Resolved) -> Value {
    let entry = |value: &super::sources::ResolvedOption| {
        let mut origin = json!({ "source": value.origin.kind() });
        match &value.origin {
            Origin::Default => {}
            Origin::File { path, line } => {
                origin["path"] = path.display().to_string().into();
                origin["line"] = (*line).into();
            }
            Origin::Env(name) => origin["name"] = name.as_str().into(),
            Origin::Flag(name) => origin["name"] = format!("--{name}").into(),
        }
        json!({ "name": value.option.name, "value": value.shown.json, "origin": origin })
    };
    resolved.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sources::{ConfigFile, Sources};

    fn resolved() -> Resolved {
        let text = "\nretention = '36h'\ntail-cache-size = '1GB'".to_owned();
        let sources = Sources {
            file: Some(ConfigFile {
                path: "/etc/forebay.toml".into(),
                text,
            }),
            env: vec![("FOREBAY_KAFKA".to_owned(), "off".to_owned())],
            flags: vec![("data", "/srv/forebay".to_owned())],
        };
        sources.resolve().unwrap()
    }

    #[test]
    fn the_table_names_value_and_origin() {
        let text = as_table(&resolved()).to_string();
        let row = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            row("retention "),
            ["retention", "36h", "/etc/forebay.toml:2"]
        );
        assert_eq!(row("kafka "), ["kafka", "off", "FOREBAY_KAFKA"]);
        assert_eq!(row("data "), ["data", "/srv/forebay", "--data"]);
        assert_eq!(row("ready-file"), ["ready-file", "-", "default"]);
    }

    #[test]
    fn json_has_numbers_for_sizes_and_null_for_nothing() {
        let list = as_json(&resolved());
        let find = |name: &str| {
            list.as_array()
                .unwrap()
                .iter()
                .find(|entry| entry["name"] == name)
                .unwrap()
                .clone()
        };
        assert_eq!(find("tail-cache-size")["value"], 1_000_000_000);
        assert_eq!(
            find("tail-cache-size")["origin"],
            json!({ "source": "file", "path": "/etc/forebay.toml", "line": 3 })
        );
        assert_eq!(find("ready-file")["value"], Value::Null);
        assert_eq!(find("auto-create-topics")["value"], true);
    }
}
