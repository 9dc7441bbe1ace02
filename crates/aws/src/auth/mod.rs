//! Who asks: AWS Signature Version 4, verified where access keys are configured, and read for its scope everywhere.
//!
//! | module | what it is |
//! |---|---|
//! | `claim` | what a request says of its signer: a header or a query string |
//! | `canonical` | the request in the form that is signed |
//! | `signature` | keys derived, signatures compared |
//! | `time` | `20150830T123600Z` |
//! | `keys` | the access keys of an operator |
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

mod canonical;
mod claim;
mod keys;
mod signature;
mod time;

pub(crate) use canonical::SignedRequest;
pub(crate) use claim::{Claim, claim};
pub use keys::{AccessKeys, KeysError};
pub(crate) use signature::hex;

use crate::limits;
use crate::wire::{Caller, Fault, faults};

/// The account of everybody whose access key names none, as local emulators have it.
pub const DEFAULT_ACCOUNT: &str = "000000000000";

/// Who may ask.
#[derive(Clone, Debug)]
pub enum Access {
    /// Anybody, with any credentials or none.
    Open,
    /// Who signs with one of these.
    Keys(AccessKeys),
}

impl Access {
    /// Who sends a request, if it may be sent. `now_ms` is in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// If keys are configured, and the request is not signed with one of them or not of this time.
    pub(crate) fn admit(
        &self,
        claim: Option<&Claim<'_>>,
        request: &SignedRequest<'_>,
        default_region: &str,
        now_ms: i64,
    ) -> Result<Caller, Fault> {
        let mut account = None;
        if let Self::Keys(keys) = self {
            let claim = claim.ok_or_else(faults::missing_authentication)?;
            let key = keys.find(claim.access_key);
            let key = key.ok_or_else(faults::unknown_access_key)?;
            verify(claim, request, key.secret(), now_ms)?;
            account = Some(key.account().to_owned());
        }
        let access_key = claim.map(|claim| claim.access_key);
        let named = access_key.filter(|id| is_account(id)).map(str::to_owned);
        let region = claim.map(|claim| claim.region);
        let region = region.filter(|region| is_region(region));
        Ok(Caller {
            account: account
                .or(named)
                .unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned()),
            region: region.unwrap_or(default_region).to_owned(),
            access_key: access_key.map(str::to_owned),
        })
    }

    /// Whether callers are who they say.
    pub fn is_verified(&self) -> bool {
        matches!(self, Self::Keys(_))
    }
}

/// Whether that is an account's id.
pub fn is_account(text: &str) -> bool {
    text.len() == DEFAULT_ACCOUNT.len() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether that can be a region's name. It becomes a part of the name of a namespace.
pub fn is_region(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=limits::REGION_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

fn verify(
    claim: &Claim<'_>,
    request: &SignedRequest<'_>,
    secret: &str,
    now_ms: i64,
) -> Result<(), Fault> {
    let unreadable = || {
        faults::incomplete_signature(
            "Date must be in ISO-8601 'basic format', such as 20150830T123600Z",
        )
    };
    let signed_at = time::parse(claim.timestamp).ok_or_else(unreadable)?;
    if !claim.timestamp.starts_with(claim.date) {
        return Err(faults::wrong_signature(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP",
        ));
    }
    let now = now_ms.div_euclid(1_000);
    let skew = limits::CLOCK_SKEW_SECONDS;
    if signed_at > now + skew {
        let why = format!("Signature not yet current: {}", claim.timestamp);
        return Err(faults::wrong_signature(why));
    }
    match claim.expires_seconds {
        Some(expires) if signed_at + expires < now => {
            return Err(faults::expired_request("Request has expired."));
        }
        None if signed_at < now - skew => {
            let why = format!("Signature expired: {}", claim.timestamp);
            return Err(faults::wrong_signature(why));
        }
        _ => {}
    }
    // What is not signed could be exchanged on the way: the address at least is always to be.
    let mut signed = claim.signed_headers.split(';');
    if !signed.any(|name| name == "host") {
        let why = "'Host' must be a 'SignedHeader' in the AWS Authorization.";
        return Err(faults::wrong_signature(why));
    }
    let to_sign = canonical::string_to_sign(claim, request);
    if signature::matches(claim, secret, &to_sign) {
        return Ok(());
    }
    Err(faults::wrong_signature(
        "The request signature we calculated does not match the signature you provided. Check your AWS \
         Secret Access Key and signing method. Consult the service documentation for details.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::FieldLines;

    const NOW_MS: i64 = 1_440_938_160_000;
    const HOST: &str = "example.amazonaws.com";
    const DATE: &str = "20150830T123600Z";
    const SCOPE: &str = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";

    fn keys() -> Access {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let text = format!("# Amazon's example\nAKIDEXAMPLE {secret} 123456789012\n");
        Access::Keys(AccessKeys::parse(&text).unwrap())
    }

    struct Example {
        method: &'static str,
        target: &'static str,
        headers: &'static [(&'static str, &'static str)],
        body: &'static [u8],
        signed: &'static str,
        signature: &'static str,
    }

    impl Example {
        fn admit(&self, now_ms: i64) -> Result<Caller, Fault> {
            let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
            let mut lines = format!("Host: {HOST}\r\nX-Amz-Date:{DATE}\r\n");
            for (name, value) in self.headers {
                lines.push_str(&format!("{name}: {value}\r\n"));
            }
            let authorization = format!(
                "AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders={}, Signature={}",
                self.signed, self.signature
            );
            let is_presigned = query.contains("X-Amz-Signature");
            let authorization = (!is_presigned).then_some(authorization.as_bytes());
            let request = SignedRequest {
                method: self.method,
                path,
                query,
                fields: FieldLines::new(lines.as_bytes()),
                body: self.body,
            };
            let claim = claim(authorization, Some(DATE.as_bytes()), query)?;
            keys().admit(claim.as_ref(), &request, "eu-west-1", now_ms)
        }
    }

    /// From Amazon's Signature Version 4 test suite.
    const EXAMPLES: &[Example] = &[
        Example {
            method: "GET",
            target: "/",
            headers: &[],
            body: b"",
            signed: "host;x-amz-date",
            signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        },
        Example {
            method: "POST",
            target: "/",
            headers: &[],
            body: b"",
            signed: "host;x-amz-date",
            signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        },
        Example {
            method: "GET",
            target: "/?Param2=value2&Param1=value1",
            headers: &[],
            body: b"",
            signed: "host;x-amz-date",
            signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        },
        Example {
            method: "GET",
            target: "/?%E1%88%B4=bar",
            headers: &[],
            body: b"",
            signed: "host;x-amz-date",
            signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        },
        Example {
            method: "GET",
            target: "/",
            headers: &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
            body: b"",
            signed: "host;my-header1;my-header2;x-amz-date",
            signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        },
        Example {
            method: "POST",
            target: "/",
            headers: &[("content-type", "application/x-www-form-urlencoded")],
            body: b"Param1=value1",
            signed: "content-type;host;x-amz-date",
            signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        },
    ];

    #[test]
    fn requests_of_amazons_test_suite_are_who_they_say() {
        for example in EXAMPLES {
            let caller = example.admit(NOW_MS);
            let caller = caller.unwrap_or_else(|fault| panic!("{}: {fault:?}", example.target));
            assert_eq!(caller.account, "123456789012");
            assert_eq!(caller.region, "us-east-1");
        }
    }

    #[test]
    fn what_is_changed_on_the_way_is_refused() {
        for example in EXAMPLES {
            let changed = Example {
                body: b"Param1=value2",
                ..*example
            };
            assert_eq!(
                changed.admit(NOW_MS).unwrap_err().code,
                "SignatureDoesNotMatch"
            );
            let elsewhere = Example {
                target: "/other",
                ..*example
            };
            assert_eq!(
                elsewhere.admit(NOW_MS).unwrap_err().code,
                "SignatureDoesNotMatch"
            );
        }
    }

    #[test]
    fn a_request_is_good_for_a_quarter_of_an_hour() {
        let quarter = 15 * 60 * 1_000;
        for skew in [-quarter, quarter] {
            assert!(EXAMPLES[0].admit(NOW_MS + skew).is_ok());
        }
        for skew in [-quarter - 1_000, quarter + 1_000] {
            let fault = EXAMPLES[0].admit(NOW_MS + skew).unwrap_err();
            assert_eq!(fault.code, "SignatureDoesNotMatch");
        }
    }

    #[test]
    fn without_keys_anybody_is_who_they_say() {
        let request = SignedRequest {
            method: "GET",
            path: "/",
            query: "",
            fields: FieldLines::new(b""),
            body: b"",
        };
        let nobody = Access::Open.admit(None, &request, "eu-west-1", NOW_MS);
        let nobody = nobody.unwrap();
        assert_eq!(
            (&nobody.account[..], &nobody.region[..]),
            (DEFAULT_ACCOUNT, "eu-west-1")
        );
        let authorization = "AWS4-HMAC-SHA256 Credential=123456789012/20150830/ap-south-1/sqs/aws4_request, \
                             SignedHeaders=host, Signature=none";
        let claim = claim(Some(authorization.as_bytes()), None, "").unwrap();
        let known = Access::Open.admit(claim.as_ref(), &request, "eu-west-1", NOW_MS);
        let known = known.unwrap();
        assert_eq!(
            (&known.account[..], &known.region[..]),
            ("123456789012", "ap-south-1")
        );
    }

    #[test]
    fn who_does_not_sign_is_refused_where_there_are_keys() {
        let request = SignedRequest {
            method: "GET",
            path: "/",
            query: "",
            fields: FieldLines::new(b""),
            body: b"",
        };
        let fault = keys().admit(None, &request, "eu-west-1", NOW_MS);
        assert_eq!(fault.unwrap_err().code, "MissingAuthenticationToken");
    }

    /// Signed by botocore's `SigV4QueryAuth` with a time that stands still.
    #[test]
    fn presigned_requests_are_good_until_they_expire() {
        let presigned = Example {
            method: "GET",
            target: PRESIGNED,
            headers: &[],
            body: b"",
            signed: "",
            signature: "",
        };
        assert!(presigned.admit(NOW_MS).is_ok());
        assert!(presigned.admit(NOW_MS + 3_600_000).is_ok());
        let late = presigned.admit(NOW_MS + 3_601_000).unwrap_err();
        assert_eq!(late.code, "RequestExpired");
    }

    const PRESIGNED: &str = "/000000000000/a%20queue?Action=ReceiveMessage&MessageAttributeName.1=a%20b%2A~&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Security-Token=a%2Fsession%2Btoken%3D%3D&X-Amz-Signature=41f053d9502f087bb5096dddf2cc6de0ec111508e4f41ac8a9226ce749d3c8cf";
}
