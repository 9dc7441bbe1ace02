//! AddPermission, RemovePermission: statements of a queue's policy.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::attributes::alter;
use super::done;
use crate::auth::is_account;
use crate::gateway::Shared;
use crate::sqs::access::SHARED;
use crate::sqs::attributes::Attribute;
use crate::sqs::definition::Definition;
use crate::sqs::error::SqsError;
use crate::sqs::queues;
use crate::wire::{Call, Fault, List, Text};

const ACTIONS_MAX: usize = 7;
const STATEMENTS_MAX: usize = 20;
const LABEL_CHARS_MAX: usize = 80;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Add<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    label: Option<Text<'a>>,
    #[serde(borrow, rename = "AWSAccountIds", alias = "AWSAccountId")]
    accounts: List<Text<'a>>,
    #[serde(borrow, alias = "ActionName")]
    actions: List<Text<'a>>,
}

pub(super) async fn add(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: Add<'_> = call.input()?;
    let label = check_label(input.label.as_deref())?;
    if input.accounts.is_empty() {
        return Err(SqsError::MissingParameter("AWSAccountIds").into());
    }
    if input.actions.is_empty() {
        return Err(SqsError::MissingParameter("Actions").into());
    }
    if input.actions.len() > ACTIONS_MAX {
        let count = input.actions.len();
        let message = format!("{count} Actions were found, maximum allowed is {ACTIONS_MAX}.");
        return Err(SqsError::OverLimit(message).into());
    }
    if let Some(account) = input.accounts.iter().find(|account| !is_account(account)) {
        let reason = "Unable to verify.";
        return Err(SqsError::parameter(account, "PrincipalId", reason).into());
    }
    for action in input.actions.iter() {
        if **action != *"*" && !SHARED.contains(&&**action) {
            let reason = "Only the queue owner is allowed to invoke this action.";
            return Err(SqsError::parameter(action, "ActionName", reason).into());
        }
    }
    let queue = queues::find(shared, call, input.queue_url.as_ref()).await?;
    let arn = queue.arn().to_string();
    let accounts = input.accounts.iter();
    let principals = accounts.map(|account| format!("arn:aws:iam::{account}:root"));
    let actions = input.actions.iter().map(|action| format!("SQS:{action}"));
    let statement = json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": { "AWS": one_or_all(principals.collect()) },
        "Action": one_or_all(actions.collect()),
        "Resource": arn,
    });
    alter(shared, call, input.queue_url.as_ref(), |queue| {
        let mut policy = policy(queue).unwrap_or_else(|| {
            Map::from_iter([
                ("Version".to_owned(), json!("2008-10-17")),
                ("Id".to_owned(), json!(format!("{arn}/SQSDefaultPolicy"))),
            ])
        });
        let statements = statements(&mut policy);
        if statements.iter().any(|known| known["Sid"] == label) {
            let reason = "Already exists.";
            return Err(SqsError::parameter(label, "Label", reason));
        }
        if statements.len() >= STATEMENTS_MAX {
            let message = format!("A queue's policy has at most {STATEMENTS_MAX} statements.");
            return Err(SqsError::OverLimit(message));
        }
        statements.push(statement);
        queue
            .attributes
            .set(Attribute::Policy, Value::Object(policy).to_string());
        Ok(())
    })
    .await?;
    Ok(done(call))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Remove<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    label: Option<Text<'a>>,
}

pub(super) async fn remove(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: Remove<'_> = call.input()?;
    let label = check_label(input.label.as_deref())?;
    alter(shared, call, input.queue_url.as_ref(), |queue| {
        let mut policy = policy(queue).unwrap_or_default();
        let statements = statements(&mut policy);
        let before = statements.len();
        statements.retain(|known| known["Sid"] != label);
        if statements.len() == before {
            let reason = "can't find label on existing policy";
            return Err(SqsError::parameter(label, "Label", reason));
        }
        match statements.is_empty() {
            true => queue.attributes.remove(Attribute::Policy),
            false => {
                let policy = Value::Object(policy).to_string();
                queue.attributes.set(Attribute::Policy, policy);
            }
        }
        Ok(())
    })
    .await?;
    Ok(done(call))
}

fn check_label(label: Option<&str>) -> Result<&str, SqsError> {
    let label = label.ok_or(SqsError::MissingParameter("Label"))?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_label = (1..=LABEL_CHARS_MAX).contains(&label.len()) && label.chars().all(is_plain);
    is_label.then_some(label).ok_or_else(|| {
        let reason =
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
        SqsError::parameter(label, "Label", reason)
    })
}

fn policy(queue: &Definition) -> Option<Map<String, Value>> {
    let text = queue.attributes.get(Attribute::Policy)?;
    serde_json::from_str(text).ok()
}

/// The statements of a policy: one alone need not be a list.
fn statements(policy: &mut Map<String, Value>) -> &mut Vec<Value> {
    let statement = policy.entry("Statement").or_insert_with(|| json!([]));
    if !statement.is_array() {
        *statement = json!([statement.take()]);
    }
    statement.as_array_mut().expect("it was made one")
}

fn one_or_all(mut texts: Vec<String>) -> Value {
    match texts.len() {
        1 => json!(texts.remove(0)),
        _ => json!(texts),
    }
}
