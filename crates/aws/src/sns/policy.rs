//! A topic's access policy as it is set and shown.

use serde_json::{Value, json};

use super::SnsError;

/// What owners may do to a topic of which nothing is said, and what others can be allowed.
pub(super) const ACTIONS: [&str; 8] = [
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
];

/// The policy of a topic of which nothing is said.
pub(crate) fn default_policy(topic_arn: &str, owner: &str) -> Value {
    let actions = ACTIONS.map(|action| format!("SNS:{action}"));
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": actions,
            "Resource": topic_arn,
            "Condition": {"StringEquals": {"AWS:SourceOwner": owner}},
        }],
    })
}

/// The policy with a statement more, which allows accounts to do something.
pub(crate) fn with_permission(
    mut policy: Value,
    label: &str,
    accounts: &[&str],
    actions: &[&str],
    topic_arn: &str,
) -> Result<Value, SnsError> {
    if actions
        .iter()
        .any(|action| *action != "*" && !ACTIONS.contains(action))
    {
        return Err(SnsError::invalid(
            "Policy statement action out of service scope!",
        ));
    }
    let one_or_many = |mut texts: Vec<String>| match texts.len() {
        1 => Value::from(texts.remove(0)),
        _ => Value::from(texts),
    };
    let accounts = accounts
        .iter()
        .map(|account| format!("arn:aws:iam::{account}:root"));
    let actions = actions.iter().map(|action| format!("SNS:{action}"));
    let statement = json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": one_or_many(accounts.collect())},
        "Action": one_or_many(actions.collect()),
        "Resource": topic_arn,
    });
    let statements = policy["Statement"].as_array_mut();
    let statements = statements.ok_or_else(|| SnsError::invalid("Policy"))?;
    if statements.iter().any(|statement| statement["Sid"] == label) {
        return Err(SnsError::invalid("Statement already exists"));
    }
    statements.push(statement);
    Ok(policy)
}

/// The policy without the statement of this label; the same if there is none.
pub(crate) fn without_permission(mut policy: Value, label: &str) -> Value {
    if let Some(statements) = policy["Statement"].as_array_mut() {
        statements.retain(|statement| statement["Sid"] != label);
    }
    policy
}
