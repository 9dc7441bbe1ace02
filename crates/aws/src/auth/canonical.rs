//! A request in the form that is signed.

use std::borrow::Cow;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::claim::{Claim, names_of};
use super::signature::hex;
use crate::http::FieldLines;

/// A request as it arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedRequest<'a> {
    /// `POST`
    pub(crate) method: &'a str,
    /// As it was written, escapes and all.
    pub(crate) path: &'a str,
    /// What comes after the question mark, as it was written.
    pub(crate) query: &'a str,
    /// Its fields.
    pub(crate) fields: FieldLines<'a>,
    /// Its body.
    pub(crate) body: &'a [u8],
}

/// What a client says in place of the hash of a body that it does not sign.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";

/// What the signature is of.
pub(super) fn string_to_sign(claim: &Claim<'_>, request: &SignedRequest<'_>) -> String {
    let hash = hex(&Sha256::digest(canonical_request(claim, request)));
    let (date, region, service) = (claim.date, claim.region, claim.service);
    let timestamp = claim.timestamp;
    format!("AWS4-HMAC-SHA256\n{timestamp}\n{date}/{region}/{service}/aws4_request\n{hash}")
}

fn canonical_request(claim: &Claim<'_>, request: &SignedRequest<'_>) -> String {
    let mut canonical = String::with_capacity(512);
    canonical.push_str(request.method);
    canonical.push('\n');
    // Every service but S3 signs the path escaped once more than it is sent.
    escape(request.path, true, &mut canonical);
    canonical.push('\n');
    canonical_query(request.query, &mut canonical);
    canonical.push('\n');
    let names = names_of(claim.signed_headers);
    for name in names.split(';') {
        canonical.push_str(name);
        canonical.push(':');
        for (at, value) in request.fields.values(name).enumerate() {
            if at > 0 {
                canonical.push(',');
            }
            let words = String::from_utf8_lossy(value);
            for (at, word) in words.split_ascii_whitespace().enumerate() {
                if at > 0 {
                    canonical.push(' ');
                }
                canonical.push_str(word);
            }
        }
        canonical.push('\n');
    }
    canonical.push('\n');
    canonical.push_str(&names);
    canonical.push('\n');
    let said = request.fields.values("x-amz-content-sha256").next();
    if said == Some(UNSIGNED_PAYLOAD.as_bytes()) {
        canonical.push_str(UNSIGNED_PAYLOAD);
    } else {
        canonical.push_str(&hex(&Sha256::digest(request.body)));
    }
    canonical
}

fn canonical_query(query: &str, out: &mut String) {
    let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| *name != SIGNATURE_PARAMETER)
        .map(|(name, value)| (escaped_once(name), escaped_once(value)))
        .collect();
    pairs.sort_unstable();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push('&');
        }
        let _ = write!(out, "{name}={value}");
    }
}

/// Escaped as signers do it: all that need not be is not, and hexadecimal digits are capitals.
fn escaped_once(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_unreserved) {
        return Cow::Borrowed(text);
    }
    let plain = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    let mut escaped = String::with_capacity(text.len());
    escape(&plain, false, &mut escaped);
    Cow::Owned(escaped)
}

fn escape(text: &str, is_path: bool, out: &mut String) {
    for byte in text.bytes() {
        if is_unreserved(byte) || (is_path && byte == b'/') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}
