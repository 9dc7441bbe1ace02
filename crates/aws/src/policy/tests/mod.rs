//! Policies decide as their documentation says.

mod conditions;
mod properties;
mod refusals;
mod statements;

use serde_json::{Value, json};

use super::*;

const OWNER: &str = "111122223333";
const OTHER: &str = "444455556666";
const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:orders";
const TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:news";
/// 2026-01-02T03:04:05Z
const NOW_MS: i64 = 1_767_323_045_000;

fn key(account: &str) -> Asker<'_> {
    Asker::Key {
        account,
        access_key: "AKIA1",
        address: [203, 0, 113, 7].into(),
        is_secure: false,
        user_agent: Some("aws-cli/2.1"),
        referer: None,
    }
}

const SNS: Asker<'static> = Asker::Service {
    name: "sns.amazonaws.com",
    source_arn: TOPIC,
    source_account: OWNER,
};

/// An Allow of everything to everybody, with some elements changed. Null takes one away.
fn statement(changes: Value) -> Value {
    let mut statement =
        json!({"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"});
    let elements = statement.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => elements.remove(name),
            value => elements.insert(name.clone(), value.clone()),
        };
    }
    statement
}

fn policy(statements: &[Value]) -> Policy {
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    Policy::parse(&text, "sqs").unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn decide(policy: &Policy, asker: Asker<'_>) -> Decision {
    policy.decide(&Request {
        asker,
        action: "sqs:SendMessage",
        resource: QUEUE,
        now_ms: NOW_MS,
    })
}

/// Whether a statement with those changes allows somebody to send.
fn allows(changes: Value, asker: Asker<'_>) -> bool {
    decide(&policy(&[statement(changes)]), asker) == Decision::Allowed
}
