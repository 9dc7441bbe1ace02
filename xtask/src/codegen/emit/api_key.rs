//! The enum of the APIs.

use std::fmt::Write;

use super::header;
use crate::codegen::model::Message;
use crate::codegen::schema::Kind;

/// The file of the enum.
pub(crate) fn api_key(messages: &[Message]) -> String {
    let requests = messages
        .iter()
        .filter(|message| message.kind == Kind::Request);
    let (mut variants, mut all, mut names) = (String::new(), String::new(), String::new());
    let (mut flexible, mut versions, mut from) = (String::new(), String::new(), String::new());
    for request in requests {
        let Some(api) = &request.api else { continue };
        let (name, key) = (api.name, api.key);
        let (first, last) = (request.versions.first, request.versions.last);
        // Writing to a String cannot fail.
        let _ = writeln!(variants, "/// {name}, key {key}.\n{name} = {key},");
        let _ = writeln!(all, "Self::{name},");
        let _ = writeln!(names, "Self::{name} => {name:?},");
        let _ = writeln!(flexible, "Self::{name} => {:?},", request.flexible_from());
        let _ = writeln!(versions, "Self::{name} => {first}..={last},");
        let _ = writeln!(from, "{key} => Ok(Self::{name}),");
    }
    let head = header("The APIs whose messages are here.");
    format!(
        "{head}
        use std::fmt;
        use std::ops::RangeInclusive;

        use crate::protocol::DecodeError;

        /// An API: a kind of request and its response.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ApiKey {{
            {variants}
        }}

        impl ApiKey {{
            /// Every API, in the order of their keys.
            pub const ALL: &[Self] = &[{all}];

            /// The name that Kafka's documentation and clients use.
            pub const fn name(self) -> &'static str {{
                match self {{ {names} }}
            }}

            /// The versions whose messages can be decoded and encoded.
            pub const fn versions(self) -> RangeInclusive<i16> {{
                match self {{ {versions} }}
            }}

            /// The first version with varint lengths and tagged fields, if there is one.
            pub const fn flexible_from(self) -> Option<i16> {{
                match self {{ {flexible} }}
            }}
        }}

        impl TryFrom<i16> for ApiKey {{
            type Error = DecodeError;

            fn try_from(key: i16) -> Result<Self, DecodeError> {{
                match key {{
                    {from}
                    _ => Err(DecodeError::UnknownApiKey(key)),
                }}
            }}
        }}

        impl From<ApiKey> for i16 {{
            fn from(key: ApiKey) -> Self {{
                key as Self
            }}
        }}

        impl fmt::Display for ApiKey {{
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{
                f.write_str(self.name())
            }}
        }}\n"
    )
}
