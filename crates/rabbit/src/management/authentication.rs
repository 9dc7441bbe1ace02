//! Who asks, and what they may.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Context;
use super::error::ApiError;

/// Who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Principal {
    pub(super) name: String,
    pub(super) tags: Vec<String>,
}

/// The only user there is, as RabbitMQ has it from the start.
const USER: &str = "guest";
const PASSWORD: &str = "guest";

/// Who the headers of a request say that it is.
pub(super) fn authenticate(headers: &HeaderMap) -> Result<Principal, ApiError> {
    let given = headers.get(header::AUTHORIZATION);
    let given = given.ok_or(ApiError::NoCredentials)?;
    let (user, password) = credentials(given.as_bytes()).ok_or(ApiError::LoginFailed)?;
    if user != USER || password != PASSWORD {
        return Err(ApiError::LoginFailed);
    }
    Ok(Principal {
        name: user,
        tags: vec!["administrator".to_owned()],
    })
}

/// RFC 7617: `Basic` and the base64 of `user:password`.
fn credentials(header: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Lets through who is logged in: before that nothing more is read of a request.
pub(super) async fn required(
    State(context): State<Context>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let known = authenticate(request.headers());
    context.logins.count(known.is_ok());
    request.extensions_mut().insert(known?);
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_in(header: &str) -> Result<Principal, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, header.parse().unwrap());
        authenticate(&headers)
    }

    #[test]
    fn guest_is_known_and_nobody_else() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(log_in(&basic("guest:guest")).unwrap().name, "guest");
        assert!(log_in(&basic("guest:guest").replace("Basic", "basic")).is_ok());
        for wrong in ["guest:wrong", "bob:guest", "guest", "", ":"] {
            assert_eq!(log_in(&basic(wrong)), Err(ApiError::LoginFailed), "{wrong}");
        }
        for wrong in ["Bearer x", "Basic", "Basic ???", "Basic /////w=="] {
            assert_eq!(log_in(wrong), Err(ApiError::LoginFailed), "{wrong}");
        }
        let nobody = authenticate(&HeaderMap::new());
        assert_eq!(nobody, Err(ApiError::NoCredentials));
    }
}
