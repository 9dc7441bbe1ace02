//! `/api/policies` and `/api/operator-policies`: what holds for queues and exchanges by their names.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use forebay_broker::access::{AccessChange, Pattern};
use forebay_broker::policy::{ApplyTo, Policy, PolicyKind};
use serde_json::{Map, Value, json};

use super::authentication::{Principal, Tag};
use super::body::Body;
use super::error::ApiError;
use super::listing::{ListQuery, Parameters};
use super::policy_rules::{erlang, invalid, not_for, rules};
use super::{Context, put_status};

/// `GET /policies`
pub(super) async fn list(principal: Principal, parameters: Parameters) -> Answer {
    answer(&principal, &parameters, PolicyKind::User, None)
}

/// `GET /policies/{vhost}`
pub(super) async fn of_virtual_host(
    principal: Principal,
    Path(vhost): Path<String>,
    parameters: Parameters,
) -> Answer {
    answer(&principal, &parameters, PolicyKind::User, Some(&vhost))
}

/// `GET /policies/{vhost}/{name}`
pub(super) async fn get(principal: Principal, path: Named) -> Result<Json<Value>, ApiError> {
    find(&principal, PolicyKind::User, path)
}

/// `PUT /policies/{vhost}/{name}`
pub(super) async fn put(
    State(context): State<Context>,
    principal: Principal,
    path: Named,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Policymaker)?;
    change(&context, &principal, PolicyKind::User, path, &bytes).await
}

/// `DELETE /policies/{vhost}/{name}`
pub(super) async fn delete(
    State(context): State<Context>,
    principal: Principal,
    path: Named,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Policymaker)?;
    remove(&context, &principal, PolicyKind::User, path).await
}

/// `GET /operator-policies`
pub(super) async fn list_of_operators(principal: Principal, parameters: Parameters) -> Answer {
    answer(&principal, &parameters, PolicyKind::Operator, None)
}

/// `GET /operator-policies/{vhost}`
pub(super) async fn of_operators_in(
    principal: Principal,
    Path(vhost): Path<String>,
    parameters: Parameters,
) -> Answer {
    answer(&principal, &parameters, PolicyKind::Operator, Some(&vhost))
}

/// `GET /operator-policies/{vhost}/{name}`
pub(super) async fn get_of_operators(
    principal: Principal,
    path: Named,
) -> Result<Json<Value>, ApiError> {
    find(&principal, PolicyKind::Operator, path)
}

/// `PUT /operator-policies/{vhost}/{name}`
pub(super) async fn put_of_operators(
    State(context): State<Context>,
    principal: Principal,
    path: Named,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    change(&context, &principal, PolicyKind::Operator, path, &bytes).await
}

/// `DELETE /operator-policies/{vhost}/{name}`
pub(super) async fn delete_of_operators(
    State(context): State<Context>,
    principal: Principal,
    path: Named,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    remove(&context, &principal, PolicyKind::Operator, path).await
}

type Answer = Result<Response, ApiError>;
/// A virtual host and the name of a policy.
type Named = Path<(String, String)>;

fn answer(
    principal: &Principal,
    parameters: &Parameters,
    kind: PolicyKind,
    only: Option<&str>,
) -> Answer {
    if let Some(vhost) = only {
        principal.virtual_host(vhost)?;
    }
    let all = principal.directory.policies(kind);
    let seen = all.filter(|(vhost, ..)| match only {
        Some(only) => only == *vhost,
        None => principal.uses(vhost),
    });
    let rows = seen.map(|(vhost, name, policy)| show(Some(vhost), name, policy));
    ListQuery::unpaged(parameters).answer(rows.collect())
}

fn find(
    principal: &Principal,
    kind: PolicyKind,
    Path((vhost, name)): Named,
) -> Result<Json<Value>, ApiError> {
    principal.virtual_host(&vhost)?;
    let policy = principal.directory.policy(kind, &vhost, &name);
    let policy = policy.ok_or(ApiError::NoObject)?;
    Ok(Json(show(Some(&vhost), &name, policy)))
}

async fn change(
    context: &Context,
    principal: &Principal,
    kind: PolicyKind,
    Path((vhost, name)): Named,
    bytes: &Bytes,
) -> Result<StatusCode, ApiError> {
    principal.declaring_in(&vhost)?;
    let is_there = principal.directory.policy(kind, &vhost, &name).is_some();
    let change = AccessChange::PutPolicy {
        kind,
        virtual_host: vhost,
        name,
        policy: policy(&Body::parse(bytes)?, kind)?,
    };
    context.change_access(vec![change]).await?;
    Ok(put_status(is_there))
}

async fn remove(
    context: &Context,
    principal: &Principal,
    kind: PolicyKind,
    Path((virtual_host, name)): Named,
) -> Result<StatusCode, ApiError> {
    principal.virtual_host(&virtual_host)?;
    let change = AccessChange::DeletePolicy {
        kind,
        virtual_host,
        name,
    };
    context.change_access(vec![change]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A policy as RabbitMQ shows it; without a virtual host as its definitions have it.
pub(super) fn show(vhost: Option<&str>, name: &str, policy: &Policy) -> Value {
    let mut shown = json!({
        "name": name,
        "pattern": policy.pattern.as_str(),
        "apply-to": apply_to(policy.apply_to),
        "definition": definition(policy),
        "priority": policy.priority,
    });
    if let Some(vhost) = vhost {
        shown["vhost"] = json!(vhost);
    }
    shown
}

fn definition(policy: &Policy) -> Value {
    serde_json::from_str(&policy.definition).unwrap_or_else(|_| json!({}))
}

/// Those that count for a queue.
pub(super) struct Counting<'a> {
    users: Option<(&'a str, &'a Policy)>,
    operators: Option<(&'a str, &'a Policy)>,
}

impl<'a> Counting<'a> {
    pub(super) fn of(find: impl Fn(PolicyKind) -> Option<(&'a str, &'a Policy)>) -> Self {
        Self {
            users: find(PolicyKind::User),
            operators: find(PolicyKind::Operator),
        }
    }

    /// Puts them to what is shown of the queue.
    pub(super) fn put(&self, fields: &mut Map<String, Value>) {
        let (users, operators) = (self.users.unzip(), self.operators.unzip());
        let shown = [
            ("policy", json!(users.0)),
            ("operator_policy", json!(operators.0)),
            (
                "effective_policy_definition",
                effective(users.1, operators.1),
            ),
        ];
        fields.extend(shown.map(|(name, value)| (name.to_owned(), value)));
    }
}

/// What both kinds of policies come to together: of limits the smaller counts, of the rest the operator's
/// word.
fn effective(user: Option<&Policy>, operator: Option<&Policy>) -> Value {
    let fields = |policy: Option<&Policy>| match policy.map(definition) {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let mut effective = fields(user);
    for (name, value) in fields(operator) {
        let smaller = match (effective.get(&name), &value) {
            (Some(Value::Number(user)), Value::Number(operator)) => {
                user.as_f64() < operator.as_f64()
            }
            _ => false,
        };
        if !smaller {
            effective.insert(name, value);
        }
    }
    Value::Object(effective)
}

const APPLY_TO: [(ApplyTo, &str); 6] = [
    (ApplyTo::All, "all"),
    (ApplyTo::Queues, "queues"),
    (ApplyTo::ClassicQueues, "classic_queues"),
    (ApplyTo::QuorumQueues, "quorum_queues"),
    (ApplyTo::Streams, "streams"),
    (ApplyTo::Exchanges, "exchanges"),
];

fn apply_to(of: ApplyTo) -> &'static str {
    let found = APPLY_TO.iter().find(|(known, _)| *known == of);
    found.map_or("all", |(_, name)| name)
}

/// A policy as it is put.
pub(super) fn policy(body: &Body, kind: PolicyKind) -> Result<Policy, ApiError> {
    body.require(&["pattern", "definition"])?;
    let pattern = body.text("pattern")?.unwrap_or_default();
    let pattern = Pattern::new(pattern).map_err(|error| invalid(&error.to_string()))?;
    let given = body.text("apply-to")?.unwrap_or("all");
    let found = APPLY_TO.iter().find(|(_, name)| *name == given);
    let apply_to = found.map(|(apply_to, _)| *apply_to);
    let apply_to = apply_to.ok_or_else(|| {
        invalid(&format!(
            "apply-to '{given}' unrecognised; should be one of: 'queues', 'classic_queues',  \
             'quorum_queues', 'streams', 'exchanges', or 'all'"
        ))
    })?;
    let priority = match body.get("priority") {
        None | Some(Value::Null) => 0,
        Some(value) => value.as_i64().ok_or_else(|| {
            invalid(&format!(
                "priority should be a number, actually was {}",
                erlang(value)
            ))
        })?,
    };
    let Some(Value::Object(definition)) = body.get("definition") else {
        return Err(invalid("definition should be a JSON object"));
    };
    if definition.is_empty() {
        return Err(invalid("no policy provided"));
    }
    Ok(Policy {
        pattern,
        apply_to,
        priority,
        definition: Value::Object(definition.clone()).to_string(),
        rules: rules(definition, kind)?,
        not_for: not_for(definition),
    })
}

#[cfg(test)]
mod tests {
    use forebay_broker::queue::Overflow;

    use super::*;

    fn parse(value: &Value, kind: PolicyKind) -> Result<Policy, ApiError> {
        policy(&Body::parse(&Bytes::from(value.to_string())).unwrap(), kind)
    }

    #[test]
    fn a_policy_means_what_it_says_and_is_shown_as_it_was_put() {
        let given = json!({
            "pattern": "^a", "apply-to": "quorum_queues", "priority": 3,
            "definition": {"max-length": 10, "overflow": "reject-publish", "delivery-limit": -1,
                "dead-letter-exchange": "dlx", "ha-mode": "all"},
        });
        let policy = parse(&given, PolicyKind::User).unwrap();
        assert_eq!(policy.rules.max_messages, Some(10));
        assert_eq!(policy.rules.overflow, Some(Overflow::RejectPublish));
        assert_eq!(policy.rules.delivery_limit, Some(None));
        let mut expected = given;
        expected["name"] = json!("p");
        assert_eq!(show(None, "p", &policy), expected);
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for wrong in [
            json!({"pattern": "(", "definition": {"max-length": 1}}),
            json!({"pattern": "a", "definition": {"max-length": "1"}}),
            json!({"pattern": "a", "definition": {"no-such-thing": 1}}),
            json!({"pattern": "a", "definition": {}}),
            json!({"pattern": "a", "definition": {"expires": 0}}),
            json!({"pattern": "a", "definition": {"max-length": 1}, "apply-to": "all of it"}),
            json!({"pattern": "a", "definition": {"max-length": 1}, "priority": "high"}),
            json!({"definition": {"max-length": 1}}),
        ] {
            assert!(parse(&wrong, PolicyKind::User).is_err(), "{wrong}");
        }
        let dead = json!({"pattern": "a", "definition": {"dead-letter-exchange": "x"}});
        assert!(parse(&dead, PolicyKind::User).is_ok());
        assert!(parse(&dead, PolicyKind::Operator).is_err());
    }

    #[test]
    fn of_two_limits_the_smaller_counts() {
        let put = |definition: Value, kind| {
            parse(&json!({"pattern": "a", "definition": definition}), kind).unwrap()
        };
        let user = put(json!({"max-length": 5, "expires": 9}), PolicyKind::User);
        let operator = put(json!({"max-length": 7, "expires": 3}), PolicyKind::Operator);
        let expected = json!({"max-length": 5, "expires": 3});
        assert_eq!(effective(Some(&user), Some(&operator)), expected);
        assert_eq!(effective(None, None), json!({}));
    }
}
