//! What handlers take from a request, with refusals in the API's own shape.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::ApiError;

/// The JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => {
                let (status, code) = match rejection.status() {
                    status @ StatusCode::PAYLOAD_TOO_LARGE => (status, "body_too_large"),
                    status @ StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                        (status, "unsupported_media_type")
                    }
                    // Broken JSON and JSON that says something else are one mistake to a caller.
                    _ => (StatusCode::BAD_REQUEST, "invalid_body"),
                };
                Err(ApiError::new(status, code, rejection.body_text()))
            }
        }
    }
}

/// The query.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => {
                let status = StatusCode::BAD_REQUEST;
                Err(ApiError::new(
                    status,
                    "invalid_query",
                    rejection.body_text(),
                ))
            }
        }
    }
}

/// The name in the path, percent-decoded.
pub(super) struct Name(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        path(parts, state).await.map(Self)
    }
}

/// Both names in the path.
pub(super) struct Names(pub(super) String, pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Names {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let (first, second) = path(parts, state).await?;
        Ok(Self(first, second))
    }
}

async fn path<S, T>(parts: &mut Parts, state: &S) -> Result<T, ApiError>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    match Path::from_request_parts(parts, state).await {
        Ok(Path(found)) => Ok(found),
        Err(rejection) => {
            let status = StatusCode::BAD_REQUEST;
            Err(ApiError::new(status, "invalid_path", rejection.body_text()))
        }
    }
}
