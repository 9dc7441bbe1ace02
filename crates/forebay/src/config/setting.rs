//! The types an option can have: how each is read, shown and bounded.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::address::{HostPort, Listen};
use super::log_filter::LogFilter;
use super::units::{ByteSize, parse_duration, show_duration};

/// A value that an option can hold.
pub(crate) trait Setting: Sized {
    /// What stands for the value in help texts.
    const PLACEHOLDER: &'static str;
    /// The form that an error message asks for.
    const EXPECTED: &'static str;

    /// Reads the value from a flag, a variable or a TOML string.
    fn parse(text: &str) -> Option<Self>;

    /// The value as it can be written in a configuration file.
    fn show(&self) -> String;

    /// The value for machines.
    fn json(&self) -> Value {
        Value::String(self.show())
    }

    /// The number that an option's bounds apply to (bytes, milliseconds, a count), if there is one.
    fn magnitude(&self) -> Option<u64> {
        None
    }

    /// Such a number in the unit that people write.
    fn show_magnitude(magnitude: u64) -> String {
        magnitude.to_string()
    }
}

impl Setting for bool {
    const PLACEHOLDER: &'static str = "true|false";
    const EXPECTED: &'static str = "true or false";

    fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn json(&self) -> Value {
        (*self).into()
    }
}

impl Setting for u32 {
    const PLACEHOLDER: &'static str = "N";
    const EXPECTED: &'static str = "a whole number";

    fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn json(&self) -> Value {
        (*self).into()
    }

    fn magnitude(&self) -> Option<u64> {
        Some(u64::from(*self))
    }
}

/// A region of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region(pub(crate) String);

impl Setting for Region {
    const PLACEHOLDER: &'static str = "REGION";
    const EXPECTED: &'static str = "a region such as eu-west-1";

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        forebay_aws::auth::is_region(text).then(|| Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

impl Setting for ByteSize {
    const PLACEHOLDER: &'static str = "SIZE";
    const EXPECTED: &'static str = "a size such as 128MiB, 1GB or plain bytes";

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn json(&self) -> Value {
        self.0.into()
    }

    fn magnitude(&self) -> Option<u64> {
        Some(self.0)
    }

    fn show_magnitude(magnitude: u64) -> String {
        Self(magnitude).to_string()
    }
}

impl Setting for Duration {
    const PLACEHOLDER: &'static str = "DURATION";
    const EXPECTED: &'static str = "a duration with its unit, such as 200ms, 30s or 7d";

    fn parse(text: &str) -> Option<Self> {
        parse_duration(text)
    }

    fn show(&self) -> String {
        show_duration(*self)
    }

    fn magnitude(&self) -> Option<u64> {
        u64::try_from(self.as_millis()).ok()
    }

    fn show_magnitude(magnitude: u64) -> String {
        show_duration(Self::from_millis(magnitude))
    }
}

impl Setting for PathBuf {
    const PLACEHOLDER: &'static str = "PATH";
    const EXPECTED: &'static str = "a path";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

/// A path that need not be given; written as an empty string when it is not.
impl Setting for Option<PathBuf> {
    const PLACEHOLDER: &'static str = "PATH";
    const EXPECTED: &'static str = "a path";

    fn parse(text: &str) -> Option<Self> {
        Some((!text.is_empty()).then(|| PathBuf::from(text)))
    }

    fn show(&self) -> String {
        self.as_ref().map(Setting::show).unwrap_or_default()
    }

    fn json(&self) -> Value {
        self.as_ref().map_or(Value::Null, Setting::json)
    }
}

impl Setting for Listen {
    const PLACEHOLDER: &'static str = "HOST:PORT";
    const EXPECTED: &'static str =
        "host:port such as 127.0.0.1:9092 (port 0 for any free one), or off";

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for HostPort {
    const PLACEHOLDER: &'static str = "HOST:PORT";
    const EXPECTED: &'static str = "host:port such as broker.example.com:9092";

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for LogFilter {
    const PLACEHOLDER: &'static str = "FILTER";
    const EXPECTED: &'static str =
        "error, warn, info, debug or trace, also by module as in info,forebay_storage=debug";

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// A bound that may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit<T> {
    Unlimited,
    At(T),
}

impl Setting for Limit<ByteSize> {
    const PLACEHOLDER: &'static str = "SIZE";
    const EXPECTED: &'static str = "a size such as 128MiB, 1GB or plain bytes, or unlimited";

    fn parse(text: &str) -> Option<Self> {
        parse_limit(text)
    }

    fn show(&self) -> String {
        show_limit(self)
    }

    fn json(&self) -> Value {
        match self {
            Self::Unlimited => Value::String(self.show()),
            Self::At(size) => size.json(),
        }
    }
}

impl Setting for Limit<Duration> {
    const PLACEHOLDER: &'static str = "DURATION";
    const EXPECTED: &'static str =
        "a duration with its unit, such as 200ms, 30s or 7d, or unlimited";

    fn parse(text: &str) -> Option<Self> {
        parse_limit(text)
    }

    fn show(&self) -> String {
        show_limit(self)
    }
}

/// Kafka writes "no limit" as -1; both spellings are read.
fn parse_limit<T: Setting>(text: &str) -> Option<Limit<T>> {
    match text.trim() {
        "unlimited" | "-1" => Some(Limit::Unlimited),
        bound => T::parse(bound).map(Limit::At),
    }
}

fn show_limit<T: Setting>(limit: &Limit<T>) -> String {
    match limit {
        Limit::Unlimited => "unlimited".to_owned(),
        Limit::At(bound) => bound.show(),
    }
}

/// A value that is found out at start unless it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Auto<T> {
    Auto,
    Set(T),
}

impl<T: Setting> Setting for Auto<T> {
    const PLACEHOLDER: &'static str = T::PLACEHOLDER;
    const EXPECTED: &'static str = T::EXPECTED;

    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "auto" => Some(Self::Auto),
            value => T::parse(value).map(Self::Set),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Auto => "auto".to_owned(),
            Self::Set(value) => value.show(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Auto => Value::String(self.show()),
            Self::Set(value) => value.json(),
        }
    }

    fn magnitude(&self) -> Option<u64> {
        match self {
            Self::Auto => None,
            Self::Set(value) => value.magnitude(),
        }
    }

    fn show_magnitude(magnitude: u64) -> String {
        T::show_magnitude(magnitude)
    }
}

/// What a producer's acknowledgement promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    Memory,
    Os,
    Fsync,
}

impl Durability {
    /// The promise in a few words, for the banner.
    pub(crate) fn promise(self) -> &'static str {
        match self {
            Self::Memory => "acknowledged messages are gone after a restart",
            Self::Os => "acknowledged messages survive a crash of the broker, not of the machine",
            Self::Fsync => "acknowledged messages survive power loss",
        }
    }
}

impl Setting for Durability {
    const PLACEHOLDER: &'static str = "fsync|os|memory";
    const EXPECTED: &'static str = "fsync, os or memory";

    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "memory" => Some(Self::Memory),
            "os" => Some(Self::Os),
            "fsync" => Some(Self::Fsync),
            _ => None,
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Memory => "memory",
            Self::Os => "os",
            Self::Fsync => "fsync",
        }
        .to_owned()
    }
}

/// The shape of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Setting for LogFormat {
    const PLACEHOLDER: &'static str = "text|json";
    const EXPECTED: &'static str = "text or json";

    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
        .to_owned()
    }
}
