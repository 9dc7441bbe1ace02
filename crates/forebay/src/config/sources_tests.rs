//! Promises of the layers: who wins, and what every mistake is told.

use super::*;
use crate::config::setting::{Auto, Durability, Limit};
use crate::config::units::ByteSize;

fn file(text: &str) -> Option<ConfigFile> {
    Some(ConfigFile {
        path: "forebay.toml".into(),
        text: text.to_owned(),
    })
}

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn value<'a>(resolved: &'a Resolved, name: &str) -> (&'a str, &'a Origin) {
    let value = resolved
        .iter()
        .find(|value| value.option.name == name)
        .unwrap();
    (&value.shown.text, &value.origin)
}

fn problems_of(sources: Sources) -> Vec<String> {
    sources.resolve().unwrap_err().0
}

fn problem_in_file(text: &str) -> String {
    let mut problems = problems_of(Sources {
        file: file(text),
        ..Sources::default()
    });
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

#[test]
fn flags_win_over_environment_over_file_over_default() {
    let text =
        "data = 'file'\nretention = 'unlimited'\n\nnum-partitions = 3\ndurability = \"os\"\n";
    let sources = Sources {
        file: file(text),
        env: env(&[("FOREBAY_DATA", "env"), ("FOREBAY_NUM_PARTITIONS", "4")]),
        flags: vec![("data", "flag".to_owned())],
    };
    let resolved = sources.resolve().unwrap();
    let in_file = |line| Origin::File {
        path: "forebay.toml".into(),
        line,
    };
    assert_eq!(value(&resolved, "data"), ("flag", &Origin::Flag("data")));
    let from_env = Origin::Env("FOREBAY_NUM_PARTITIONS".to_owned());
    assert_eq!(value(&resolved, "num-partitions"), ("4", &from_env));
    assert_eq!(value(&resolved, "retention"), ("unlimited", &in_file(2)));
    assert_eq!(value(&resolved, "durability"), ("os", &in_file(5)));
    assert_eq!(
        value(&resolved, "kafka"),
        ("127.0.0.1:9092", &Origin::Default)
    );

    let settings = resolved.settings();
    assert_eq!(settings.num_partitions, 4);
    assert_eq!(settings.retention, Limit::Unlimited);
    assert_eq!(settings.durability, Durability::Os);
    assert_eq!(settings.worker_threads, Auto::Auto);
}

#[test]
fn toml_values_may_be_numbers_booleans_and_text() {
    let text = "auto-create-topics = false\ntail-cache-size = 0x200_0000\nrequest-memory = '1GB'";
    let settings = Sources {
        file: file(text),
        ..Sources::default()
    }
    .resolve()
    .unwrap()
    .settings();
    assert!(!settings.auto_create_topics);
    assert_eq!(settings.tail_cache_size, Auto::Set(ByteSize(32 << 20)));
    assert_eq!(settings.request_memory, Auto::Set(ByteSize(1_000_000_000)));
}

#[test]
fn an_unknown_key_is_an_error_with_a_suggestion() {
    assert_eq!(
        problem_in_file("# note\nretenton = '7d'"),
        "unknown option retenton in forebay.toml:2; did you mean retention?"
    );
    assert_eq!(
        problem_in_file("num_partitions = 2"),
        "unknown option num_partitions in forebay.toml:1; did you mean num-partitions?"
    );
    assert_eq!(
        problem_in_file("zookeeper = 1"),
        "unknown option zookeeper in forebay.toml:1"
    );
}

#[test]
fn a_key_of_kafka_is_told_its_name_here() {
    assert_eq!(
        problem_in_file("log.retention.ms = 1000"),
        "unknown option log.retention.ms in forebay.toml:1; Forebay calls it retention"
    );
    assert_eq!(
        problem_in_file("[advertised]\nlisteners = 'x'"),
        "unknown option advertised.listeners in forebay.toml:1; Forebay calls it kafka-advertised"
    );
}

#[test]
fn an_unknown_variable_is_an_error_but_a_service_link_is_not() {
    let sources = Sources {
        env: env(&[
            ("FOREBAY_KAFKA_PORT", "tcp://10.0.0.7:9092"),
            ("FOREBAY_SERVICE_HOST", "10.0.0.7"),
            ("FOREBAY_SERVER", "broker:9092"),
            ("FOREBAY_RETENTON", "7d"),
        ]),
        ..Sources::default()
    };
    assert_eq!(
        problems_of(sources),
        ["unknown environment variable FOREBAY_RETENTON; did you mean FOREBAY_RETENTION?"]
    );
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let sources = Sources {
        env: env(&[("FOREBAY_KAFKA", "")]),
        ..Sources::default()
    };
    assert_eq!(
        value(&sources.resolve().unwrap(), "kafka").1,
        &Origin::Default
    );
}

#[test]
fn a_bad_value_names_key_origin_and_form() {
    assert_eq!(
        problem_in_file("retention = \"7 dayz\""),
        "invalid retention \"7 dayz\" from forebay.toml:1: expected a duration with its unit, such \
         as 200ms, 30s or 7d, or unlimited"
    );
    assert_eq!(
        problem_in_file("kafka = ['a:1', 'b:2']"),
        "invalid kafka from forebay.toml:1: expected host:port such as 127.0.0.1:9092 (port 0 for \
         any free one), or off, found a list"
    );
    assert_eq!(
        problem_in_file("ready-file = {}"),
        "invalid ready-file from forebay.toml:1: expected a path, found a table"
    );
    let sources = Sources {
        env: env(&[("FOREBAY_MAX_CONNECTIONS", "0")]),
        flags: vec![("durability", "sync".to_owned())],
        ..Sources::default()
    };
    assert_eq!(
        problems_of(sources),
        [
            "invalid max-connections \"0\" from FOREBAY_MAX_CONNECTIONS: expected 1 to 1000000",
            "invalid durability \"sync\" from --durability: expected fsync, os or memory",
        ]
    );
}

#[test]
fn a_file_that_is_not_toml_names_the_line() {
    let problem = problem_in_file("data = 'x'\nretention 7d\n");
    assert!(problem.starts_with("forebay.toml:2: "), "{problem}");
    assert!(!problem.contains('\n'), "{problem}");
}

#[test]
fn a_file_that_was_named_must_exist_the_default_one_need_not() {
    let missing = Path::new("/nonexistent/forebay.toml");
    let error = ConfigFile::find(Some(missing)).unwrap_err().to_string();
    assert!(error.starts_with("cannot read configuration file /nonexistent/forebay.toml: "));
}
