//! A message as people read it.

use std::fmt::Write;

use serde_json::Value;

use super::number;
use crate::cli::format_string::show_time;
use crate::cli::progress::grouped;

/// How many characters of a body stand on a line.
const BODY_SHOWN: usize = 200;

/// A message with everything that is known of it: a head, and an indented line a death.
pub(super) fn report(message: &Value) -> String {
    let mut text = format!(
        "#{} {}{}  {}  {} B  to {}\n",
        number(&message["offset"]),
        message["state"].as_str().unwrap_or_default(),
        came_back(message),
        show_time(message["timestamp_ms"].as_i64().unwrap_or(-1)),
        grouped(number(&message["body_bytes"])),
        published_to(&message["exchange"], &message["routing_key"]),
    );
    for death in message["deaths"].as_array().into_iter().flatten() {
        let times = match number(&death["count"]) {
            1 => String::new(),
            count => format!(" {} times", grouped(count)),
        };
        let line = format!(
            "   died in {} ({}){times}, {}, sent to {}",
            clean(death["queue"].as_str().unwrap_or_default()),
            death["reason"].as_str().unwrap_or_default(),
            show_time(death["last_ms"].as_i64().unwrap_or(-1)),
            published_to(&death["exchange"], &death["routing_keys"][0]),
        );
        writeln!(text, "{line}").expect("strings take all that is written");
    }
    writeln!(text, "   {}", body(message)).expect("strings take all that is written");
    text
}

fn came_back(message: &Value) -> String {
    match number(&message["deliveries"]) {
        0 => String::new(),
        1 => ", came back once".to_owned(),
        times => format!(", came back {} times", grouped(times)),
    }
}

fn published_to(exchange: &Value, key: &Value) -> String {
    let (exchange, key) = (exchange.as_str(), key.as_str().unwrap_or_default());
    match exchange {
        None | Some("") => clean(key),
        Some(exchange) => clean(format!("{exchange} {key}").trim_end()),
    }
}

/// The beginning of the body on one line.
fn body(message: &Value) -> String {
    let (bytes, prefix) = match message["body"].as_str() {
        Some(text) => (text, ""),
        None => (
            message["body_base64"].as_str().unwrap_or_default(),
            "base64 ",
        ),
    };
    let shown: String = bytes.chars().take(BODY_SHOWN).collect();
    let goes_on = shown.len() < bytes.len() || message["truncated"].as_bool() == Some(true);
    format!(
        "{prefix}{}{}",
        clean(&shown),
        if goes_on { " ..." } else { "" }
    )
}

/// What a client sent must not forge lines or colours.
fn clean(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(clean).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_tells_its_deaths_and_forges_nothing() {
        let message = json!({
            "offset": 7, "state": "ready", "deliveries": 2, "timestamp_ms": 1_700_000_000_000_i64,
            "body_bytes": 1234, "exchange": "", "routing_key": "dead", "truncated": true,
            "body": "two\nlines\u{1b}[31m",
            "deaths": [{ "queue": "work", "reason": "rejected", "count": 3,
                "last_ms": 1_700_000_001_000_i64, "exchange": "x", "routing_keys": ["k"] }],
        });
        assert_eq!(
            report(&message),
            "\
#7 ready, came back 2 times  2023-11-14T22:13:20.000Z  1,234 B  to dead
   died in work (rejected) 3 times, 2023-11-14T22:13:21.000Z, sent to x k
   two lines [31m ...
"
        );
    }
}
