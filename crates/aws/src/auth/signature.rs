//! Keys derived from a secret, and signatures compared.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::claim::Claim;

/// Whether the claim's signature is the one that the secret makes. Takes the same time wherever they differ.
pub(super) fn matches(claim: &Claim<'_>, secret: &str, string_to_sign: &str) -> bool {
    let Some(signature) = unhex(claim.signature) else {
        return false;
    };
    let date = mac(format!("AWS4{secret}").as_bytes(), claim.date);
    let region = mac(&finished(date), claim.region);
    let service = mac(&finished(region), claim.service);
    let key = mac(&finished(service), "aws4_request");
    mac(&finished(key), string_to_sign)
        .verify_slice(&signature)
        .is_ok()
}

fn mac(key: &[u8], text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    mac.update(text.as_bytes());
    mac
}

fn finished(mac: Hmac<Sha256>) -> [u8; 32] {
    mac.finalize().into_bytes().into()
}

/// Hexadecimal digits, in small letters.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let value = |digit: u8| {
        let value = char::from(digit).to_digit(16)?;
        u8::try_from(value).ok()
    };
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}
