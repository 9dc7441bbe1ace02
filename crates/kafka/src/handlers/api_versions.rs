//! ApiVersions (key 18): what the broker speaks.
//!
//! | version | change |
//! |---|---|
//! | 3 | flexible; the client names its software (KIP-511); features (KIP-584) |
//! | 4 | features with minimum version 0 are shown (KIP-1022) |

use crate::protocol::generated::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use crate::protocol::generated::{ApiVersionsRequest, ApiVersionsResponse};
use crate::protocol::{ErrorCode, Rope, api};
use crate::session::SessionError;
use crate::versions::{is_served, served_apis};

/// Answers an ApiVersions request, whatever its version: a client that speaks a newer one is told
/// so in version 0, which every client understands, with the list that lets it try again.
pub(crate) fn answer(head: api::RequestHead<'_>) -> Result<Rope, SessionError> {
    let (version, correlation_id) = (head.version, head.header.correlation_id);
    if !is_served(head.key, version) {
        let response = response(0, ErrorCode::UnsupportedVersion);
        return Ok(api::encode_response(0, correlation_id, &response)?);
    }
    let request: ApiVersionsRequest<'_> = head.decode_body()?;
    let error = if version >= 3 && !is_named(&request) {
        ErrorCode::InvalidRequest
    } else {
        ErrorCode::None
    };
    Ok(api::encode_response(
        version,
        correlation_id,
        &response(version, error),
    )?)
}

fn response(version: i16, error: ErrorCode) -> ApiVersionsResponse<'static> {
    let mut response = ApiVersionsResponse {
        error_code: error as i16,
        api_keys: served_apis()
            .map(|api| ApiVersion {
                api_key: api.key.into(),
                min_version: *api.advertised.start(),
                max_version: *api.advertised.end(),
            })
            .collect(),
        ..ApiVersionsResponse::default()
    };
    if version >= 3 {
        // What clients gate behaviour on: no transactions (v2), no new group protocol and no share
        // groups yet. A level of 0 is said by leaving the feature out of the finalized ones.
        let level = |name, max_version| SupportedFeatureKey {
            name: str_of(name),
            min_version: 1,
            max_version,
        };
        response.supported_features = vec![level("metadata.version", METADATA_VERSION)];
        response.finalized_features_epoch = 0;
        response.finalized_features = vec![FinalizedFeatureKey {
            name: str_of("metadata.version"),
            max_version_level: METADATA_VERSION,
            min_version_level: METADATA_VERSION,
        }];
    }
    response
}

/// The `metadata.version` of Kafka 4.3 (IV0), which tools show as the release.
const METADATA_VERSION: i16 = 30;

fn str_of(text: &'static str) -> crate::protocol::Str<'static> {
    text.into()
}

/// KIP-511: letters, digits, dots and dashes, beginning and ending with a letter or digit.
fn is_named(request: &ApiVersionsRequest<'_>) -> bool {
    let legal = |name: &str| {
        let bytes = name.as_bytes();
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        edge(bytes.first())
            && edge(bytes.last())
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
    };
    legal(&request.client_software_name) && legal(&request.client_software_version)
}
