//! `/api/users`: who may log in.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use forebay_broker::access::{AccessChange, HashAlgorithm, PasswordHash, User};
use serde_json::{Value, json};

use super::authentication::{Principal, Tag};
use super::body::Body;
use super::error::ApiError;
use super::listing::{ListQuery, Parameters};
use super::{Context, limits, put_status};

/// RabbitMQ's names of hash algorithms.
const ALGORITHMS: [(HashAlgorithm, &str); 2] = [
    (HashAlgorithm::Sha256, "rabbit_password_hashing_sha256"),
    (HashAlgorithm::Sha512, "rabbit_password_hashing_sha512"),
];

/// `GET /users`
pub(super) async fn list(
    principal: Principal,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    answer(&principal, &parameters, |_| true)
}

/// `GET /users/without-permissions`
pub(super) async fn without_permissions(
    principal: Principal,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    answer(&principal, &parameters, |user| user.permissions.is_empty())
}

/// `GET /users/{name}`
pub(super) async fn get(
    principal: Principal,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    principal.require(Tag::Administrator)?;
    let user = principal.directory.user(&name);
    let user = user.ok_or(ApiError::NoObject)?;
    Ok(Json(show(&name, user)))
}

/// `PUT /users/{name}`
pub(super) async fn put(
    State(context): State<Context>,
    principal: Principal,
    Path(name): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    let is_there = principal.directory.user(&name).is_some();
    let changes = changes(&context, name, &Body::parse(&bytes)?)?;
    context.change_access(changes).await?;
    Ok(put_status(is_there))
}

/// `DELETE /users/{name}`
pub(super) async fn delete(
    State(context): State<Context>,
    principal: Principal,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    let change = AccessChange::DeleteUser { name };
    context.change_access(vec![change]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /users/bulk-delete`: those of them that there are.
pub(super) async fn delete_all(
    State(context): State<Context>,
    principal: Principal,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    let body = Body::parse(&bytes)?;
    body.require(&["users"])?;
    let Some(Value::Array(names)) = body.get("users") else {
        return Err(ApiError::bad_request("users should be a list"));
    };
    let mut changes = Vec::new();
    for name in names.iter().filter_map(Value::as_str) {
        let name = name.to_owned();
        let known = principal.directory.user(&name).is_some();
        let change = AccessChange::DeleteUser { name };
        if known && !changes.contains(&change) {
            changes.push(change);
        }
    }
    context.change_access(changes).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /auth/hash_password/{password}`
pub(super) async fn hash_password(
    State(context): State<Context>,
    principal: Principal,
    Path(password): Path<String>,
) -> Result<Json<Value>, ApiError> {
    principal.require(Tag::Administrator)?;
    let hash = hashed(&context, &password);
    Ok(Json(json!({"ok": STANDARD.encode(hash.as_bytes())})))
}

fn hashed(context: &Context, password: &str) -> PasswordHash {
    let [a, b, c, d, ..] = context.gateway.broker.random();
    PasswordHash::new(password.as_bytes(), [a, b, c, d])
}

fn answer(
    principal: &Principal,
    parameters: &Parameters,
    is_meant: impl Fn(&User) -> bool,
) -> Result<Response, ApiError> {
    principal.require(Tag::Administrator)?;
    let query = ListQuery::parse(parameters)?;
    let users = principal.directory.users();
    let meant = users.filter(|(_, user)| is_meant(user));
    query.answer(meant.map(|(name, user)| show(name, user)).collect())
}

/// A user as RabbitMQ shows it, also in its definitions.
pub(super) fn show(name: &str, user: &User) -> Value {
    let (hash, algorithm) = match &user.password {
        Some(hash) => (STANDARD.encode(hash.as_bytes()), hash.algorithm()),
        None => (String::new(), HashAlgorithm::Sha256),
    };
    let found = ALGORITHMS.iter().find(|(known, _)| *known == algorithm);
    json!({
        "name": name,
        "password_hash": hash,
        "hashing_algorithm": found.map_or("", |(_, name)| name),
        "tags": user.tags,
        "limits": limits::shown(&user.limits),
    })
}

/// A user as it is put: with a password, with the hash of one, or with neither.
pub(super) fn changes(
    context: &Context,
    name: String,
    body: &Body,
) -> Result<Vec<AccessChange>, ApiError> {
    let given = body.get("tags");
    let given = given.ok_or_else(|| ApiError::bad_request("tags_not_present"))?;
    let password = match (body.text("password")?, body.text("password_hash")?) {
        (Some(password), _) => Some(hashed(context, password)),
        (None, None | Some("")) => None,
        (None, Some(hash)) => Some(parse_hash(hash, body.text("hashing_algorithm")?)?),
    };
    let limits = match body.get("limits") {
        Some(Value::Object(given)) => limits::user_changes(&name, given)?,
        _ => Vec::new(),
    };
    let put = AccessChange::PutUser {
        name,
        password,
        tags: tags(given)?,
    };
    Ok([put].into_iter().chain(limits).collect())
}

fn parse_hash(hash: &str, algorithm: Option<&str>) -> Result<PasswordHash, ApiError> {
    let decoded = STANDARD.decode(hash);
    let decoded = decoded.map_err(|_| ApiError::bad_request(json!(["not_base64", hash])))?;
    let algorithm = match algorithm {
        None => HashAlgorithm::Sha256,
        Some(given) => {
            let found = ALGORITHMS.iter().find(|(_, name)| *name == given);
            let found = found.map(|(algorithm, _)| *algorithm);
            found.ok_or_else(|| {
                ApiError::bad_request(format!("hashing algorithm {given} is not supported"))
            })?
        }
    };
    let hash = PasswordHash::from_parts(algorithm, decoded);
    hash.ok_or_else(|| ApiError::bad_request("password_hash has a wrong length"))
}

/// Tags as a list, or as a text with commas.
pub(super) fn tags(value: &Value) -> Result<Vec<String>, ApiError> {
    let tags: Vec<_> = match value {
        Value::Array(tags) => tags.iter().filter_map(Value::as_str).collect(),
        Value::String(tags) => tags.split(',').collect(),
        _ => return Err(ApiError::bad_request("tags should be a list")),
    };
    let tags = tags
        .into_iter()
        .map(str::trim)
        .filter(|tag| !tag.is_empty());
    Ok(tags.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_a_list_or_a_text() {
        assert_eq!(tags(&json!("a, b")).unwrap(), ["a", "b"]);
        assert_eq!(tags(&json!(["a", "b"])).unwrap(), ["a", "b"]);
        assert!(tags(&json!("")).unwrap().is_empty());
        assert!(tags(&json!(7)).is_err());
    }

    #[test]
    fn hashes_of_rabbitmq_are_taken() {
        let documented = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR";
        let hash = parse_hash(documented, Some("rabbit_password_hashing_sha256")).unwrap();
        assert!(hash.verifies(b"test12"));
        assert!(parse_hash(documented, Some("rabbit_password_hashing_md5")).is_err());
        assert!(parse_hash("AAAA", None).is_err());
        let expected = ApiError::bad_request(json!(["not_base64", "z"]));
        assert_eq!(parse_hash("z", None).unwrap_err(), expected);
    }
}
