//! What a client says of a message.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use forebay_broker::host::header;
use forebay_broker::routing::Value;
use forebay_broker::storage::codec::{DecodeError, Decoder, Encoder};
use serde::Deserialize;

use crate::sqs::error::SqsError;
use crate::wire::{Entries, List, Text};

/// An attribute as it is sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct AttributeInput<'a> {
    #[serde(borrow)]
    data_type: Option<Text<'a>>,
    #[serde(borrow)]
    string_value: Option<Text<'a>>,
    #[serde(borrow)]
    binary_value: Option<Text<'a>>,
    #[serde(borrow, alias = "StringListValue")]
    string_list_values: List<Text<'a>>,
    #[serde(borrow, alias = "BinaryListValue")]
    binary_list_values: List<Text<'a>>,
}

/// An attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessageAttribute {
    pub(crate) name: String,
    /// `String`, `Number` or `Binary`, and what the client adds to it behind a dot.
    pub(crate) data_type: String,
    /// Text, or whatever a binary one has.
    pub(crate) value: Vec<u8>,
}

/// Attributes in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MessageAttributes(Vec<MessageAttribute>);

/// Attributes of one message.
pub(super) const ATTRIBUTES_MAX: usize = 10;
const NAME_CHARS_MAX: usize = 256;
const TYPE_CHARS_MAX: usize = 256;
/// The first byte of the stored form.
const VERSION: u8 = 1;
/// The one system attribute that a client may send.
pub(crate) const TRACE_HEADER: &str = "AWSTraceHeader";

fn invalid(message: String) -> SqsError {
    SqsError::InvalidParameterValue(message)
}

impl MessageAttribute {
    pub(crate) fn is_binary(&self) -> bool {
        kind(&self.data_type) == "Binary"
    }

    /// Whether its value is a header of its own. Names of the broker's headers would be taken for them, and trace
    /// headers are AWS's own.
    fn is_shown(&self) -> bool {
        !self.name.starts_with(header::RESERVED) && self.name != TRACE_HEADER
    }

    /// What counts towards a message's size.
    fn bytes(&self) -> usize {
        self.name.len() + self.data_type.len() + self.value.len()
    }

    fn of(name: &str, input: &AttributeInput<'_>) -> Result<Self, SqsError> {
        let data_type = input.data_type.as_deref().unwrap_or_default();
        if data_type.is_empty() {
            return Err(invalid(format!(
                "The message attribute '{name}' must contain a non-empty attribute type."
            )));
        }
        if data_type.chars().count() > TYPE_CHARS_MAX {
            return Err(invalid(format!(
                "The length of message attribute '{name}' type must be at most {TYPE_CHARS_MAX} characters."
            )));
        }
        if !input.string_list_values.is_empty() || !input.binary_list_values.is_empty() {
            return Err(SqsError::UnsupportedOperation(
                "Message attribute list values in SendMessage operation are not supported.",
            ));
        }
        let kind = kind(data_type);
        let empty = || {
            invalid(format!(
                "The message attribute '{name}' must contain a non-empty message attribute value for message attribute \
                 type '{kind}'."
            ))
        };
        let value = match kind {
            "String" | "Number" => {
                let text = input.string_value.as_deref().unwrap_or_default();
                if text.is_empty() {
                    return Err(empty());
                }
                if kind == "Number" && !is_number(text) {
                    return Err(invalid(format!(
                        "Can't cast the value of message (system) attribute '{name}' to a number."
                    )));
                }
                super::check_body(text)?;
                text.as_bytes().to_vec()
            }
            "Binary" => {
                let text = input.binary_value.as_deref().unwrap_or_default();
                let value = STANDARD.decode(text).map_err(|_| {
                    invalid(format!(
                        "The message attribute '{name}' has a binary value that is not Base64."
                    ))
                })?;
                if value.is_empty() {
                    return Err(empty());
                }
                value
            }
            _ => {
                return Err(invalid(format!(
                    "The message attribute '{name}' has an invalid message attribute type, the set of supported type \
                     prefixes is Binary, Number, and String."
                )));
            }
        };
        Ok(Self {
            name: name.to_owned(),
            data_type: data_type.to_owned(),
            value,
        })
    }
}

/// The type without what a client adds to it.
fn kind(data_type: &str) -> &str {
    let (kind, _) = data_type.split_once('.').unwrap_or((data_type, ""));
    kind
}

/// Digits with a sign, a point and an exponent, as far as they go.
fn is_number(text: &str) -> bool {
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    let is_numeric = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    has_digit && text.bytes().all(is_numeric) && text.parse::<f64>().is_ok()
}

impl MessageAttributes {
    /// Attributes that a client sends.
    pub(crate) fn read(input: &Entries<'_, AttributeInput<'_>>) -> Result<Self, SqsError> {
        if input.len() > ATTRIBUTES_MAX {
            return Err(invalid(format!(
                "Number of message attributes [{}] exceeds the allowed maximum [{ATTRIBUTES_MAX}].",
                input.len()
            )));
        }
        let mut attributes = Vec::with_capacity(input.len());
        for (name, input) in input.iter() {
            check_name(name)?;
            attributes.push(MessageAttribute::of(name, input)?);
        }
        let attributes = Self::of(attributes);
        let mut pairs = attributes.0.windows(2);
        match pairs.find(|pair| pair[0].name == pair[1].name) {
            Some(pair) => Err(invalid(format!(
                "Message attribute name '{}' already exists.",
                pair[0].name
            ))),
            None => Ok(attributes),
        }
    }

    /// System attributes that a client sends.
    pub(crate) fn read_system(input: &Entries<'_, AttributeInput<'_>>) -> Result<Self, SqsError> {
        let mut attributes = Vec::with_capacity(input.len());
        for (name, input) in input.iter() {
            if **name != *TRACE_HEADER {
                return Err(invalid(format!(
                    "Message system attribute name '{name}' is invalid."
                )));
            }
            let attribute = MessageAttribute::of(name, input)?;
            if kind(&attribute.data_type) != "String" {
                return Err(invalid(format!(
                    "Message system attribute '{name}' has to be of type String."
                )));
            }
            attributes.push(attribute);
        }
        Ok(Self::of(attributes))
    }

    /// These, in the order of their names.
    pub(crate) fn of(mut attributes: Vec<MessageAttribute>) -> Self {
        attributes.sort_by(|a, b| a.name.cmp(&b.name));
        Self(attributes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &MessageAttribute> {
        self.0.iter()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&MessageAttribute> {
        self.iter().find(|attribute| attribute.name == name)
    }

    /// What counts towards a message's size.
    pub(crate) fn bytes(&self) -> usize {
        self.iter().map(MessageAttribute::bytes).sum()
    }

    /// Those that somebody wants.
    pub(crate) fn retain(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.0.retain(|attribute| is_wanted(&attribute.name));
    }

    /// What a message has that came by another protocol, as far as attributes can be called and be so.
    pub(crate) fn foreign(headers: impl Iterator<Item = (Bytes, Value)>) -> Self {
        let mut attributes: Vec<MessageAttribute> = Vec::new();
        for (name, value) in headers {
            let (data_type, value) = match value {
                Value::Bytes(bytes) => match std::str::from_utf8(&bytes) {
                    Ok(text) if super::check_body(text).is_ok() => ("String", bytes.to_vec()),
                    _ => ("Binary", bytes.to_vec()),
                },
                Value::Integer(number) => ("Number", number.to_string().into_bytes()),
                Value::Float(number) if number.is_finite() => {
                    ("Number", number.to_string().into_bytes())
                }
                Value::Bool(value) => ("String", value.to_string().into_bytes()),
                _ => continue,
            };
            let name = String::from_utf8(name.to_vec()).unwrap_or_default();
            let is_new = attributes.iter().all(|known| known.name != name);
            let has_room = attributes.len() < ATTRIBUTES_MAX;
            if is_new && has_room && !value.is_empty() && check_name(&name).is_ok() {
                attributes.push(MessageAttribute {
                    name,
                    data_type: data_type.to_owned(),
                    value,
                });
            }
        }
        Self::of(attributes)
    }

    /// Those whose values are headers of their own, for everybody to see.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let shown = self.iter().filter(|attribute| attribute.is_shown());
        shown.map(|attribute| (&*attribute.name, &*attribute.value))
    }

    /// The stored form: `version u8, (name, type, value (presence))*`. Those that are [shown](Self::shown) have their
    /// value elsewhere.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder.u8(VERSION).list(&self.0, |encoder, attribute| {
            let hidden = (!attribute.is_shown()).then_some(&attribute.value);
            encoder
                .str(&attribute.name)
                .str(&attribute.data_type)
                .option(hidden, |encoder, value| {
                    encoder.bytes(value);
                });
        });
        encoder.finish()
    }

    /// Reads the stored form. `value_of` finds what is elsewhere.
    pub(crate) fn decode(
        bytes: &[u8],
        value_of: impl Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(bytes);
        if decoder.u8()? != VERSION {
            let what = "version of message attributes";
            return Err(DecodeError::Invalid { what });
        }
        let attributes = decoder.list(|decoder| {
            let (name, data_type) = (decoder.str()?.to_owned(), decoder.str()?.to_owned());
            let hidden = decoder.option(|decoder| Ok(decoder.bytes()?.to_vec()))?;
            let what = "attribute without a value";
            let value = hidden
                .or_else(|| value_of(&name))
                .ok_or(DecodeError::Invalid { what })?;
            Ok(MessageAttribute {
                name,
                data_type,
                value,
            })
        })?;
        decoder.finish()?;
        Ok(Self(attributes))
    }
}

fn check_name(name: &str) -> Result<(), SqsError> {
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(invalid(format!(
            "Message (system) attribute name must have 1 to {NAME_CHARS_MAX} characters."
        )));
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !name.bytes().all(is_plain)
        || name.starts_with('.')
        || name.ends_with('.')
        || name.contains("..")
    {
        return Err(invalid(
            "Message (system) attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.) \
             characters. It must not start or end with a period, or have periods in succession."
                .to_owned(),
        ));
    }
    let small = name.to_ascii_lowercase();
    if small.starts_with("aws.") || small.starts_with("amazon.") {
        return Err(invalid(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for \
             internal use."
                .to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<MessageAttributes, SqsError> {
        MessageAttributes::read(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let attributes = read(
            r#"{"b": {"DataType": "Number.int", "StringValue": "-1.5e3"},
                "a": {"DataType": "String", "StringValue": "ä"},
                "c": {"DataType": "Binary", "BinaryValue": "AAH/"}}"#,
        )
        .unwrap();
        let names: Vec<&str> = attributes.iter().map(|it| &*it.name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(attributes.get("c").unwrap().value, [0, 1, 255]);
        let stored = attributes.encode();
        let shown: Vec<_> = attributes.shown().collect();
        assert_eq!(shown.len(), 3);
        let value_of = |name: &str| {
            let found = shown.iter().find(|(shown, _)| *shown == name);
            found.map(|(_, value)| value.to_vec())
        };
        assert_eq!(
            MessageAttributes::decode(&stored, value_of),
            Ok(attributes.clone())
        );
        for end in 0..stored.len() {
            assert!(MessageAttributes::decode(&stored[..end], value_of).is_err());
        }
        assert!(MessageAttributes::decode(&stored, |_| None).is_err());
    }

    #[test]
    fn what_would_be_taken_for_the_brokers_own_is_hidden() {
        let attributes =
            read(r#"{"forebay.group": {"DataType": "String", "StringValue": "g"}}"#).unwrap();
        assert_eq!(attributes.shown().count(), 0);
        let stored = attributes.encode();
        assert_eq!(MessageAttributes::decode(&stored, |_| None), Ok(attributes));
    }

    #[test]
    fn what_other_protocols_have_is_shown_as_far_as_it_can_be() {
        let bytes = |value: &'static [u8]| Value::Bytes(Bytes::from_static(value));
        let headers = [
            ("text", bytes(b"a")),
            ("binary", bytes(&[0xff])),
            ("number", Value::Integer(-3)),
            ("yes", Value::Bool(true)),
            ("nothing", Value::Void),
            ("no name", bytes(b"a")),
            ("text", bytes(b"again")),
            ("empty", bytes(b"")),
        ];
        let headers = headers.map(|(name, value)| (Bytes::from_static(name.as_bytes()), value));
        let shown = MessageAttributes::foreign(headers.into_iter());
        let shown: Vec<_> = shown.iter().map(|it| (&*it.name, &*it.data_type)).collect();
        let expected = [
            ("binary", "Binary"),
            ("number", "Number"),
            ("text", "String"),
            ("yes", "String"),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_aws_refuses_is_refused() {
        for wrong in [
            r#"{"": {"DataType": "String", "StringValue": "v"}}"#,
            r#"{"a b": {"DataType": "String", "StringValue": "v"}}"#,
            r#"{".a": {"DataType": "String", "StringValue": "v"}}"#,
            r#"{"a..b": {"DataType": "String", "StringValue": "v"}}"#,
            r#"{"AWS.a": {"DataType": "String", "StringValue": "v"}}"#,
            r#"{"amazon.a": {"DataType": "String", "StringValue": "v"}}"#,
            r#"{"a": {"StringValue": "v"}}"#,
            r#"{"a": {"DataType": "Text", "StringValue": "v"}}"#,
            r#"{"a": {"DataType": "String", "StringValue": ""}}"#,
            r#"{"a": {"DataType": "String", "StringValue": "\u0001"}}"#,
            r#"{"a": {"DataType": "Number", "StringValue": "one"}}"#,
            r#"{"a": {"DataType": "Number", "StringValue": "inf"}}"#,
            r#"{"a": {"DataType": "Binary", "BinaryValue": "?"}}"#,
            r#"{"a": {"DataType": "Binary", "StringValue": "v"}}"#,
            r#"{"a": {"DataType": "String", "StringValue": "v"}, "a": {"DataType": "String", "StringValue": "v"}}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let one = |at: usize| format!(r#""n{at}": {{"DataType": "String", "StringValue": "v"}}"#);
        let many = |count| (0..count).map(one).collect::<Vec<_>>().join(",");
        assert!(read(&format!("{{{}}}", many(10))).is_ok());
        assert!(read(&format!("{{{}}}", many(11))).is_err());
    }

    #[test]
    fn a_trace_header_is_the_one_system_attribute() {
        let system =
            |json: &str| MessageAttributes::read_system(&serde_json::from_str(json).unwrap());
        assert!(
            system(r#"{"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}}"#)
                .is_ok()
        );
        assert!(
            system(r#"{"AWSTraceHeader": {"DataType": "Number", "StringValue": "1"}}"#).is_err()
        );
        assert!(system(r#"{"SenderId": {"DataType": "String", "StringValue": "me"}}"#).is_err());
    }
}
