//! A message that is published: what it may be, and what each protocol is told.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;

use super::SnsError;
use super::filter::FilterableMessage;
use super::subscription::Protocol;
use super::topic::Topic;
use crate::limits::{ATTRIBUTE_NAME_BYTES_MAX, SNS_MESSAGE_BYTES_MAX, SNS_SUBJECT_CHARACTERS_MAX};
use crate::wire::{Entries, Text};

/// What a client sends: the parameters of `Publish`, and of each entry of `PublishBatch`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct MessageInput<'a> {
    /// Of an entry of a batch.
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    subject: Option<Text<'a>>,
    #[serde(borrow)]
    message_structure: Option<Text<'a>>,
    #[serde(borrow)]
    message_attributes: Entries<'a, AttributeInput<'a>>,
    #[serde(borrow)]
    message_deduplication_id: Option<Text<'a>>,
    #[serde(borrow)]
    message_group_id: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct AttributeInput<'a> {
    #[serde(borrow)]
    data_type: Option<Text<'a>>,
    #[serde(borrow)]
    string_value: Option<Text<'a>>,
    #[serde(borrow)]
    binary_value: Option<Text<'a>>,
}

/// A message that was found to be one.
#[derive(Debug)]
pub(crate) struct Message {
    /// What every protocol is told, or those that have no word of their own.
    pub(crate) body: String,
    /// What a protocol is told in its place (`MessageStructure` `json`).
    pub(crate) by_protocol: HashMap<String, String>,
    pub(crate) subject: Option<String>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) group: Option<String>,
    pub(crate) deduplication: Option<String>,
}

/// An attribute of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    /// `String`, `Number` or `Binary`, with a label of its own behind a dot.
    pub(crate) data_type: String,
    pub(crate) value: AttributeValue,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AttributeValue {
    Text(String),
    Binary(Bytes),
}

impl Attribute {
    /// As JSON has it.
    pub(crate) fn text(&self) -> String {
        match &self.value {
            AttributeValue::Text(text) => text.clone(),
            AttributeValue::Binary(bytes) => STANDARD.encode(bytes),
        }
    }

    fn bytes(&self) -> usize {
        let value = match &self.value {
            AttributeValue::Text(text) => text.len(),
            AttributeValue::Binary(bytes) => bytes.len(),
        };
        self.name.len() + self.data_type.len() + value
    }
}

impl MessageInput<'_> {
    /// What its body and its attributes take.
    pub(crate) fn bytes(&self) -> usize {
        let attributes = self.message_attributes.iter().map(|(name, input)| {
            let length = |text: &Option<Text<'_>>| text.as_deref().map_or(0, str::len);
            let binary = length(&input.binary_value) / 4 * 3;
            name.len() + length(&input.data_type) + length(&input.string_value) + binary
        });
        self.message.as_deref().map_or(0, str::len) + attributes.sum::<usize>()
    }

    /// The message, if it is one that this topic takes. `place` is where a batch has it.
    pub(crate) fn check(self, topic: Option<&Topic>, place: &str) -> Result<Message, SnsError> {
        let message = self.message.map(Text::into_string).unwrap_or_default();
        if message.is_empty() {
            return Err(SnsError::invalid("Empty message"));
        }
        let subject = self.subject.map(Text::into_string);
        if subject
            .as_deref()
            .is_some_and(|subject| !is_subject(subject))
        {
            return Err(SnsError::invalid("Subject"));
        }
        let attributes = attributes(self.message_attributes, place)?;
        let bytes = message.len() + attributes.iter().map(Attribute::bytes).sum::<usize>();
        if bytes > SNS_MESSAGE_BYTES_MAX {
            return Err(SnsError::invalid("Message too long"));
        }
        let group = self.message_group_id.map(Text::into_string);
        let deduplication = self.message_deduplication_id.map(Text::into_string);
        for (name, value) in [
            ("MessageGroupId", &group),
            ("MessageDeduplicationId", &deduplication),
        ] {
            if value.as_deref().is_some_and(|value| !is_fifo_id(value)) {
                return Err(SnsError::invalid(name));
            }
        }
        if let Some(topic) = topic {
            check_order(topic, group.as_deref(), deduplication.as_deref())?;
        }
        let (body, by_protocol) = match self.message_structure.as_deref() {
            Some("json") => by_protocol(&message)?,
            Some("") | None => (message, HashMap::new()),
            Some(_) => return Err(SnsError::invalid("MessageStructure")),
        };
        Ok(Message {
            body,
            by_protocol,
            subject,
            attributes,
            group,
            deduplication,
        })
    }
}

impl Message {
    /// What subscribers of a protocol are told.
    pub(crate) fn body_for(&self, protocol: Protocol) -> &str {
        let own = self.by_protocol.get(protocol.as_str());
        own.unwrap_or(&self.body)
    }

    /// The message as filter policies see it. They see what is told those who have no word of their own.
    pub(crate) fn filterable(&self) -> FilterableMessage<'_> {
        let texts = self.attributes.iter().filter_map(|attribute| {
            let AttributeValue::Text(text) = &attribute.value else {
                return None;
            };
            Some((&*attribute.name, &*attribute.data_type, &**text))
        });
        FilterableMessage::new(texts, &self.body)
    }
}

/// What each protocol is told, and what the others.
fn by_protocol(message: &str) -> Result<(String, HashMap<String, String>), SnsError> {
    let wrong = |why: &str| SnsError::invalid(format!("Message Structure - {why}"));
    let read: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(message).map_err(|_| wrong("JSON message body failed to parse"))?;
    let texts = read
        .into_iter()
        .filter_map(|(protocol, value)| match value {
            serde_json::Value::String(text) => Some((protocol, text)),
            _ => None,
        });
    let mut texts: HashMap<String, String> = texts.collect();
    let default = texts.remove("default");
    let default = default.ok_or_else(|| wrong("No default entry in JSON message body"))?;
    Ok((default, texts))
}

fn check_order(
    topic: &Topic,
    group: Option<&str>,
    deduplication: Option<&str>,
) -> Result<(), SnsError> {
    if !topic.is_fifo {
        return match deduplication {
            None => Ok(()),
            Some(_) => Err(SnsError::parameter(
                "MessageDeduplicationId",
                "The request includes MessageDeduplicationId parameter that is not valid for this topic type",
            )),
        };
    }
    if group.is_none() {
        let why = "The MessageGroupId parameter is required for FIFO topics";
        return Err(SnsError::invalid(why));
    }
    if deduplication.is_none() && !topic.deduplicates_by_content() {
        return Err(SnsError::invalid(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ));
    }
    Ok(())
}

/// ASCII without line breaks and control characters, and does not begin with a space (API_Publish, `Subject`).
fn is_subject(subject: &str) -> bool {
    let printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    let begins = subject.bytes().next();
    begins.is_some_and(|byte| byte.is_ascii_graphic())
        && subject.len() <= SNS_SUBJECT_CHARACTERS_MAX
        && subject.bytes().all(printable)
}

/// 1 to 128 of letters, digits and punctuation (API_Publish, `MessageGroupId`).
fn is_fifo_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

fn attributes(
    inputs: Entries<'_, AttributeInput<'_>>,
    place: &str,
) -> Result<Vec<Attribute>, SnsError> {
    let inputs = inputs.0.into_iter();
    inputs
        .map(|(name, input)| attribute(name.into_string(), input, place))
        .collect()
}

fn attribute(name: String, input: AttributeInput<'_>, place: &str) -> Result<Attribute, SnsError> {
    check_attribute_name(&name)?;
    let refuse = |why: String| SnsError::ParameterValueInvalid(why);
    let data_type = input.data_type.map(Text::into_string).unwrap_or_default();
    if data_type.is_empty() {
        let path = format!("{place}messageAttributes.{name}.member.dataType");
        return Err(SnsError::missing(&path));
    }
    let kind = data_type.split('.').next().unwrap_or_default();
    let (wanted, value) = match kind {
        "String" | "Number" => ("String", input.string_value),
        "Binary" => ("Binary", input.binary_value),
        _ => {
            return Err(refuse(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
            )));
        }
    };
    let Some(value) = value else {
        return Err(refuse(format!(
            "The message attribute '{name}' with type '{kind}' must use field '{wanted}'."
        )));
    };
    if value.is_empty() {
        return Err(refuse(format!(
            "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{data_type}'."
        )));
    }
    let value = match wanted {
        "String" => AttributeValue::Text(value.into_string()),
        _ => {
            let decoded = STANDARD.decode(value.as_bytes());
            let decoded = decoded.map_err(|_| refuse(format!(
                "The message attribute '{name}' has an invalid value for the message attribute type '{data_type}'."
            )))?;
            AttributeValue::Binary(decoded.into())
        }
    };
    Ok(Attribute {
        name,
        data_type,
        value,
    })
}

fn check_attribute_name(name: &str) -> Result<(), SnsError> {
    let refuse = |why: &str| Err(SnsError::ParameterValueInvalid(why.to_owned()));
    let legal = |character: &char| {
        character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
    };
    if name.len() > ATTRIBUTE_NAME_BYTES_MAX {
        return refuse("Length of message attribute name must be less than 256 bytes.");
    }
    if let Some(other) = name.chars().find(|character| !legal(character)) {
        return refuse(&format!(
            "Invalid non-alphanumeric character '#x{:X}' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.",
            u32::from(other)
        ));
    }
    if name.starts_with('.') {
        return refuse("Invalid message attribute name starting with character '.' was found.");
    }
    if name.ends_with('.') {
        return refuse("Invalid message attribute name ending with character '.' was found.");
    }
    if name.contains("..") {
        return refuse("Message attribute name can not have successive '.' character.");
    }
    Ok(())
}
