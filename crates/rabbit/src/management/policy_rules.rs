//! What policies say: which settings there are, whose they are, and for which types of queues.

use bytes::Bytes;
use forebay_broker::policy::{PolicyKind, PolicyRules, QueueTypes};
use forebay_broker::queue::Overflow;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::amqp091::session::commands::stream_topic::{
    FILTER_BYTES, SEGMENT_BYTES_MAX, interval_ms, topic_segment_bytes,
};

/// What RabbitMQ knows that means nothing here: mirrors, places of one node, and federation.
const IGNORED: [&str; 16] = [
    "consumer-timeout",
    "dead-letter-strategy",
    "federation-upstream",
    "federation-upstream-set",
    "ha-mode",
    "ha-params",
    "ha-sync-mode",
    "initial-cluster-size",
    "max-in-memory-bytes",
    "max-in-memory-length",
    "queue-leader-locator",
    "queue-master-locator",
    "queue-mode",
    "queue-version",
    "target-group-size",
    "unclean-leader-election",
];

/// What only users' policies may say (`rabbit_policies:register`).
const USERS_ONLY: [&str; 11] = [
    "alternate-exchange",
    "consumer-timeout",
    "dead-letter-exchange",
    "dead-letter-routing-key",
    "dead-letter-strategy",
    "initial-cluster-size",
    "max-age",
    "queue-leader-locator",
    "queue-mode",
    "stream-filter-size-bytes",
    "stream-max-segment-size-bytes",
];

/// What classic queues do not have (`rabbit_classic_queue:capabilities`).
const NOT_FOR_CLASSIC: [&str; 8] = [
    "dead-letter-strategy",
    "delivery-limit",
    "initial-cluster-size",
    "max-age",
    "max-in-memory-bytes",
    "max-in-memory-length",
    "stream-max-segment-size-bytes",
    "target-group-size",
];

/// What quorum queues do not have (`rabbit_quorum_queue:capabilities`).
const NOT_FOR_QUORUM: [&str; 8] = [
    "ha-mode",
    "ha-params",
    "ha-sync-mode",
    "initial-cluster-size",
    "max-age",
    "queue-master-locator",
    "queue-mode",
    "stream-max-segment-size-bytes",
];

/// What streams do not have (`rabbit_stream_queue:capabilities`).
const NOT_FOR_STREAMS: [&str; 16] = [
    "dead-letter-exchange",
    "dead-letter-routing-key",
    "dead-letter-strategy",
    "delivery-limit",
    "expires",
    "ha-mode",
    "ha-params",
    "ha-sync-mode",
    "max-in-memory-bytes",
    "max-in-memory-length",
    "max-length",
    "message-ttl",
    "overflow",
    "queue-master-locator",
    "queue-mode",
    "target-group-size",
];

/// The types of queues that a policy is not for, because they do not have all that it says.
pub(super) fn not_for(definition: &Map<String, Value>) -> QueueTypes {
    let says = |names: &[&str]| definition.keys().any(|key| names.contains(&&**key));
    QueueTypes {
        classic: says(&NOT_FOR_CLASSIC),
        quorum: says(&NOT_FOR_QUORUM),
        streams: says(&NOT_FOR_STREAMS),
    }
}

/// What a policy of a kind says.
pub(super) fn rules(
    definition: &Map<String, Value>,
    kind: PolicyKind,
) -> Result<PolicyRules, ApiError> {
    let mut rules = PolicyRules::default();
    for (name, value) in definition {
        let wrong = |what: &str| invalid(&format!("{} is not a valid {what}", erlang(value)));
        let number = |least: u64, what: &str| {
            let number = value.as_u64().filter(|number| *number >= least);
            number.ok_or_else(|| wrong(what))
        };
        let text = || match value {
            Value::String(text) => Ok(Bytes::copy_from_slice(text.as_bytes())),
            _ => Err(wrong("name")),
        };
        if kind == PolicyKind::Operator && USERS_ONLY.contains(&&name[..]) {
            return Err(not_recognised(name, value));
        }
        match &name[..] {
            "message-ttl" => rules.ttl_ms = Some(number(0, "message TTL")?),
            "expires" => rules.expires_ms = Some(number(1, "queue expiry")?),
            "max-length" => rules.max_messages = Some(number(0, "maximum length")?),
            "max-length-bytes" => rules.max_bytes = Some(number(0, "maximum length in bytes")?),
            "overflow" => {
                rules.overflow = Some(match value.as_str() {
                    Some("drop-head") => Overflow::DropHead,
                    Some("reject-publish") => Overflow::RejectPublish,
                    Some("reject-publish-dlx") => Overflow::RejectPublishDeadLetter,
                    _ => return Err(wrong("overflow mode")),
                });
            }
            "dead-letter-exchange" => rules.dead_letter_exchange = Some(text()?),
            "dead-letter-routing-key" => rules.dead_letter_routing_key = Some(text()?),
            "alternate-exchange" => rules.alternate_exchange = Some(text()?),
            "delivery-limit" => {
                let limit = value.as_i64().ok_or_else(|| wrong("delivery limit"))?;
                rules.delivery_limit = Some(u32::try_from(limit).ok());
            }
            "max-age" => {
                let age = value.as_str().and_then(interval_ms);
                rules.max_age_ms = Some(age.ok_or_else(|| wrong("max age"))?);
            }
            "stream-max-segment-size-bytes" => {
                let bytes = number(0, "segment size")?;
                if bytes > SEGMENT_BYTES_MAX {
                    return Err(wrong("segment size"));
                }
                rules.segment_bytes = Some(topic_segment_bytes(bytes));
            }
            "stream-filter-size-bytes" => {
                let size = value.as_u64().filter(|size| FILTER_BYTES.contains(size));
                size.ok_or_else(|| wrong("filter size. Valid range is 16-255"))?;
            }
            known if IGNORED.contains(&known) => {}
            _ => return Err(not_recognised(name, value)),
        }
    }
    Ok(rules)
}

fn not_recognised(name: &str, value: &Value) -> ApiError {
    let value = erlang(value);
    invalid(&format!(
        "[{{<<\"{name}\">>,{value}}}] are not recognised policy settings"
    ))
}

/// A value as RabbitMQ writes it in its refusals.
pub(super) fn erlang(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "<<>>".to_owned(),
        Value::String(text) => format!("<<\"{text}\">>"),
        value => value.to_string(),
    }
}

pub(super) fn invalid(why: &str) -> ApiError {
    ApiError::bad_request(format!("Validation failed\n\n{why}\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(definition: &Value, kind: PolicyKind) -> Result<PolicyRules, ApiError> {
        rules(definition.as_object().unwrap(), kind)
    }

    #[test]
    fn what_a_policy_says_of_streams_is_in_the_units_of_topics() {
        let all = json!({
            "max-age": "2h", "max-length-bytes": 7, "stream-max-segment-size-bytes": 3_000_000_000u64,
            "stream-filter-size-bytes": 16,
        });
        let expected = PolicyRules {
            max_bytes: Some(7),
            max_age_ms: Some(7_200_000),
            segment_bytes: Some(2_147_483_647),
            ..PolicyRules::default()
        };
        assert_eq!(parsed(&all, PolicyKind::User).unwrap(), expected);
        let none = json!({"stream-max-segment-size-bytes": 0});
        let none = parsed(&none, PolicyKind::User).unwrap();
        assert_eq!(none.segment_bytes, Some(14));
    }

    #[test]
    fn operators_bound_the_size_of_streams_and_nothing_else_of_them() {
        let size = json!({"max-length-bytes": 7});
        assert!(parsed(&size, PolicyKind::Operator).is_ok());
        for (key, value) in [
            ("max-age", json!("1h")),
            ("stream-max-segment-size-bytes", json!(1_000)),
            ("stream-filter-size-bytes", json!(16)),
        ] {
            let said = json!({key: value});
            assert!(parsed(&said, PolicyKind::User).is_ok(), "{key}");
            assert!(parsed(&said, PolicyKind::Operator).is_err(), "{key}");
        }
    }

    /// As the management API of RabbitMQ 4.3.6 shows it.
    #[test]
    fn a_policy_is_for_no_type_of_queue_that_lacks_something_of_it() {
        let every = [
            ("max-length-bytes", true, true, true),
            ("stream-filter-size-bytes", true, true, true),
            ("consumer-timeout", true, true, true),
            ("max-length", true, true, false),
            ("message-ttl", true, true, false),
            ("overflow", true, true, false),
            ("queue-mode", true, false, false),
            ("delivery-limit", false, true, false),
            ("target-group-size", false, true, false),
            ("dead-letter-strategy", false, true, false),
            ("max-in-memory-length", false, true, false),
            ("max-age", false, false, true),
            ("stream-max-segment-size-bytes", false, false, true),
            ("initial-cluster-size", false, false, true),
        ];
        for (key, classic, quorum, streams) in every {
            let definition = json!({"max-length-bytes": 1, key: 1});
            let expected = QueueTypes {
                classic: !classic,
                quorum: !quorum,
                streams: !streams,
            };
            let found = not_for(definition.as_object().unwrap());
            assert_eq!(found, expected, "{key}");
        }
    }
}
