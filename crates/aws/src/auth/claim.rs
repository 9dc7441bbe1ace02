//! What a request says of its signer.

use std::borrow::Cow;

use crate::http::readable;
use crate::wire::query::pairs;
use crate::wire::{Fault, faults};

/// The signature of a request, with all that it was made of beside the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim<'a> {
    /// The id of the access key.
    pub(crate) access_key: &'a str,
    /// The day of the scope: `20150830`.
    pub(crate) date: &'a str,
    /// The region of the scope.
    pub(crate) region: &'a str,
    /// The service of the scope.
    pub(crate) service: &'a str,
    /// Names of headers, with semicolons between them.
    pub(crate) signed_headers: &'a str,
    /// Hexadecimal digits.
    pub(crate) signature: &'a str,
    /// When it was signed: `20150830T123600Z`.
    pub(crate) timestamp: &'a str,
    /// For how long it is good from then on, if it stands in the query string.
    pub(crate) expires_seconds: Option<i64>,
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The longest that a presigned request may be good for.
const EXPIRES_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;

/// Finds what a request says of its signer, in its fields `authorization` and `x-amz-date` or in its query string.
///
/// # Errors
/// If there is something, and it is not whole.
pub(crate) fn claim<'a>(
    authorization: Option<&'a [u8]>,
    date: Option<&'a [u8]>,
    query: &'a str,
) -> Result<Option<Claim<'a>>, Fault> {
    if let Some(authorization) = authorization {
        let unreadable = || faults::incomplete_signature("Authorization header is no text");
        let authorization = readable(authorization).ok_or_else(unreadable)?;
        return in_header(authorization, date.and_then(readable).unwrap_or_default());
    }
    if query.contains("X-Amz-Credential=") {
        return in_query(query).map(Some);
    }
    Ok(None)
}

/// Other schemes say nothing here.
fn in_header<'a>(authorization: &'a str, date: &'a str) -> Result<Option<Claim<'a>>, Fault> {
    let Some(parts) = authorization.trim().strip_prefix(ALGORITHM) else {
        return Ok(None);
    };
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for part in parts.split(',') {
        match part.trim().split_once('=') {
            Some(("Credential", value)) => credential = Some(value),
            Some(("SignedHeaders", value)) => signed_headers = Some(value),
            Some(("Signature", value)) => signature = Some(value),
            _ => {}
        }
    }
    let missing = |what| {
        let why = format!("Authorization header requires '{what}' parameter.");
        faults::incomplete_signature(why)
    };
    let scope = Scope::of(credential.ok_or_else(|| missing("Credential"))?)?;
    Ok(Some(Claim {
        access_key: scope.access_key,
        date: scope.date,
        region: scope.region,
        service: scope.service,
        signed_headers: signed_headers.ok_or_else(|| missing("SignedHeaders"))?,
        signature: signature.ok_or_else(|| missing("Signature"))?,
        timestamp: date,
        expires_seconds: None,
    }))
}

fn in_query(query: &str) -> Result<Claim<'_>, Fault> {
    let find = |name: &str| {
        let values = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut named = values.filter(|(found, _)| *found == name);
        let (_, value) = named.next()?;
        (!value.is_empty()).then_some(value)
    };
    let need = |name: &str| {
        let missing = || {
            let why = format!("AWS query-string parameters must include '{name}'.");
            faults::incomplete_signature(why)
        };
        find(name).ok_or_else(missing)
    };
    if find("X-Amz-Algorithm") != Some(ALGORITHM) {
        let why = "Unsupported AWS 'algorithm'.";
        return Err(faults::incomplete_signature(why));
    }
    let scope = Scope::of(need("X-Amz-Credential")?)?;
    let expires = need("X-Amz-Expires")?.parse();
    let expires = expires
        .ok()
        .filter(|s| (1..=EXPIRES_SECONDS_MAX).contains(s));
    let wrong = || faults::incomplete_signature("X-Amz-Expires must be between 1 and 604800.");
    Ok(Claim {
        access_key: scope.access_key,
        date: scope.date,
        region: scope.region,
        service: scope.service,
        signed_headers: need("X-Amz-SignedHeaders")?,
        signature: need("X-Amz-Signature")?,
        timestamp: need("X-Amz-Date")?,
        expires_seconds: Some(expires.ok_or_else(wrong)?),
    })
}

/// `AKIDEXAMPLE/20150830/us-east-1/sqs/aws4_request`, of which slashes may be escaped.
struct Scope<'a> {
    access_key: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
}

impl<'a> Scope<'a> {
    fn of(credential: &'a str) -> Result<Self, Fault> {
        let slash = match credential.contains("%2F") {
            true => "%2F",
            false => "/",
        };
        // Ids of access keys may have slashes of their own.
        let mut parts = credential.rsplitn(5, slash);
        let mut next = || parts.next();
        let (end, service, region, date) = (next(), next(), next(), next());
        match (end, service, region, date, next()) {
            (Some("aws4_request"), Some(service), Some(region), Some(date), Some(access_key)) => {
                Ok(Self {
                    access_key,
                    date,
                    region,
                    service,
                })
            }
            _ => Err(faults::incomplete_signature(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term",
            )),
        }
    }
}

/// The names of signed headers; the query string writes the semicolons as `%3B`.
pub(super) fn names_of(signed_headers: &str) -> Cow<'_, str> {
    let mut decoded = pairs(signed_headers);
    match decoded.next() {
        Some(Ok((names, _))) => names,
        _ => Cow::Borrowed(""),
    }
}
