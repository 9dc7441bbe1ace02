//! Queue URLs.
//!
//! Forebay gives out `http://HOST/ACCOUNT/NAME`, with the host by which the client came. It takes also what other
//! servers and older SDKs say: `/queue/NAME`, `REGION.queue.HOST` and `sqs.REGION.HOST`, and a bare name.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::error::SqsError;
use crate::auth::{is_account, is_region};

/// What a queue URL says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address<'a> {
    /// The caller's own, if it says none.
    pub(super) account: Option<&'a str>,
    /// The caller's own, if it says none.
    pub(super) region: Option<&'a str>,
    pub(super) name: Cow<'a, str>,
}

/// What is escaped in a path: queues of other protocols have names that those of SQS may not have.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

impl<'a> Address<'a> {
    /// Takes a queue URL apart, or the path that a request was sent to.
    pub(super) fn parse(url: &'a str) -> Result<Self, SqsError> {
        let invalid = || SqsError::InvalidAddress(url.to_owned());
        let (host, path) = match url.split_once("://") {
            Some((_, rest)) => rest.split_once('/').ok_or_else(invalid)?,
            None => ("", url.strip_prefix('/').unwrap_or(url)),
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        let (account, name) = match path.rsplit_once('/') {
            None => (None, path),
            Some(("queue", name)) => (None, name),
            Some((account, name)) => {
                let account = account.rsplit('/').next().unwrap_or(account);
                let account = is_account(account).then_some(account);
                (Some(account.ok_or_else(invalid)?), name)
            }
        };
        let name = percent_decode_str(name).decode_utf8();
        let name = name.map_err(|_| invalid())?;
        match name.is_empty() {
            true => Err(invalid()),
            false => Ok(Self {
                account,
                region: region_of(host),
                name,
            }),
        }
    }
}

/// The region that a host is of.
fn region_of(host: &str) -> Option<&str> {
    let mut labels = host.split('.');
    let region = match (labels.next(), labels.next()) {
        (Some("sqs"), Some(region)) => region,
        (Some(region), Some("queue")) => region,
        _ => return None,
    };
    // `sqs.example.com` is a host like any other: a region's name has hyphens.
    (region.contains('-') && is_region(region)).then_some(region)
}

/// The URL that a client is given.
pub(super) fn url(endpoint: &str, account: &str, name: &str) -> String {
    format!(
        "{endpoint}/{account}/{}",
        utf8_percent_encode(name, ESCAPED)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_say_where_a_queue_is() {
        for (url, account, region, name) in [
            (
                "http://localhost:4566/000000000000/jobs",
                Some("000000000000"),
                None,
                "jobs",
            ),
            (
                "https://sqs.eu-west-1.amazonaws.com/123456789012/a.fifo",
                Some("123456789012"),
                Some("eu-west-1"),
                "a.fifo",
            ),
            (
                "http://eu-west-1.queue.localhost:4566/123456789012/a",
                Some("123456789012"),
                Some("eu-west-1"),
                "a",
            ),
            ("http://localhost:9324/queue/jobs", None, None, "jobs"),
            (
                "http://localhost:4566/queue/eu-west-1/123456789012/jobs",
                Some("123456789012"),
                None,
                "jobs",
            ),
            (
                "http://sqs.example.com/000000000000/jobs/",
                Some("000000000000"),
                None,
                "jobs",
            ),
            ("/123456789012/jobs", Some("123456789012"), None, "jobs"),
            ("jobs", None, None, "jobs"),
            (
                "http://h/000000000000/a%20b%2Fc",
                Some("000000000000"),
                None,
                "a b/c",
            ),
        ] {
            let address = Address::parse(url).unwrap();
            let expected = Address {
                account,
                region,
                name: name.into(),
            };
            assert_eq!(address, expected, "{url}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for wrong in [
            "",
            "/",
            "http://localhost:4566",
            "http://localhost:4566/",
            "http://h/12/jobs",
            "http://h/000000000000/%FF",
        ] {
            assert!(
                matches!(Address::parse(wrong), Err(SqsError::InvalidAddress(_))),
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_is_given_out_is_understood() {
        for name in ["jobs", "jobs.fifo", "ein name/mit ä"] {
            let url = url("http://localhost:4566", "000000000000", name);
            assert_eq!(Address::parse(&url).unwrap().name, name);
        }
    }
}
