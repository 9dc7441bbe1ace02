//! Addresses: `host:port` as listeners and clients write it, and a listener that may be `off`.

use std::fmt;
use std::net::IpAddr;

/// A host name or address literal, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostPort {
    /// Without the brackets of an IPv6 literal.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl HostPort {
    /// Reads `localhost:9092`, `0.0.0.0:0` or `[::1]:9092`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.trim().rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(bracketed) => {
                let inner = bracketed.strip_suffix(']')?;
                inner.parse::<std::net::Ipv6Addr>().ok()?;
                inner
            }
            None => host,
        };
        let is_name = host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        // A colon is left only in an IPv6 literal without brackets, where the port is ambiguous.
        let is_literal = text.trim().starts_with('[');
        if host.is_empty() || !(is_name || is_literal) {
            return None;
        }
        // `u16::from_str` takes a leading plus sign; an address has none.
        if !port.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            host: host.to_owned(),
            port: port.parse().ok()?,
        })
    }

    /// Whether the host is a literal that stands for every address of the machine.
    pub(crate) fn is_wildcard(&self) -> bool {
        self.host
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_unspecified())
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Where a listener binds, or that it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    Off,
    At(HostPort),
}

impl Listen {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "off" => Some(Self::Off),
            address => HostPort::parse(address).map(Self::At),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str, port: u16) -> Option<Listen> {
        Some(Listen::At(HostPort {
            host: host.to_owned(),
            port,
        }))
    }

    #[test]
    fn a_listener_is_an_address_or_off() {
        assert_eq!(Listen::parse("off"), Some(Listen::Off));
        assert_eq!(Listen::parse("127.0.0.1:9092"), at("127.0.0.1", 9092));
        assert_eq!(Listen::parse("localhost:0"), at("localhost", 0));
        assert_eq!(Listen::parse("[::1]:9092"), at("::1", 9092));
        assert_eq!(
            Listen::parse("kafka-0.broker.svc:65535"),
            at("kafka-0.broker.svc", 65535)
        );
    }

    #[test]
    fn half_an_address_is_refused() {
        let wrong = [
            "",
            "9092",
            ":9092",
            "localhost",
            "localhost:",
            "localhost:65536",
            "localhost:+1",
            "::1:9092",
            "[localhost]:1",
            "[::1]",
            "http://localhost:9092",
            "a b:1",
            "OFF",
        ];
        for text in wrong {
            assert_eq!(Listen::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        for text in ["off", "127.0.0.1:9092", "[::]:0"] {
            assert_eq!(Listen::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn wildcards_are_known_in_both_families() {
        let wildcard = |text| HostPort::parse(text).unwrap().is_wildcard();
        assert!(wildcard("0.0.0.0:1") && wildcard("[::]:1"));
        assert!(!wildcard("localhost:1") && !wildcard("10.0.0.1:1"));
    }
}
