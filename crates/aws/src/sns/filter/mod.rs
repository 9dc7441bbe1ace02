//! Filter policies: which messages of a topic a subscription wants.
//!
//! A policy is compiled when it is set, and held against every message. Sources:
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html>,
//! <https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html>. Beyond them, what Amazon
//! EventBridge's patterns have in the same language: `wildcard`, and `anything-but` with `suffix`,
//! `equals-ignore-case` and `wildcard`.
//!
//! | module | what it is |
//! |---|---|
//! | `tokens` | JSON with the places that errors name |
//! | `compile` | policies, read and checked |
//! | `pattern`, `number` | what is wanted of a value |
//! | `evaluate` | messages, held against a policy |

mod compile;
mod evaluate;
mod number;
mod pattern;
#[cfg(test)]
mod tests;
mod tokens;

use std::cell::OnceCell;

use serde_json::{Map, Value};

use self::evaluate::AttributeValues;
use self::number::Number;
use self::pattern::Pattern;
use self::tokens::{Token, Tokens};

/// Keys of a policy; of nested ones the outermost (AWS: the same).
pub const KEYS_MAX: usize = 5;
/// Combinations of values that a policy allows (AWS: the same).
pub const COMBINATIONS_MAX: usize = 150;
/// Values at different paths that have to hold together. What AWS allows is less: each below another key doubles
/// the combinations.
const RULES_MAX: usize = 16;

/// What a policy looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilterScope {
    /// The attributes.
    #[default]
    MessageAttributes,
    /// The body, which is JSON.
    MessageBody,
}

impl FilterScope {
    /// As SNS names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MessageAttributes => "MessageAttributes",
            Self::MessageBody => "MessageBody",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let both = [Self::MessageAttributes, Self::MessageBody];
        both.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// Why a policy is refused, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// It is not what a policy is.
    #[error("FilterPolicy: {0}")]
    Policy(String),
    /// It looks into values, and attributes have no inside.
    #[error("Filter policy scope MessageAttributes does not support nested filter policy")]
    Nested,
}

impl FilterError {
    fn too_complex() -> Self {
        Self::Policy("Filter policy is too complex".to_owned())
    }
}

/// What is wrong with a text that is to be JSON, as AWS says it of policies of all kinds. None if it is JSON.
pub(crate) fn why_no_json(text: &str) -> Option<String> {
    let mut tokens = Tokens::new(text);
    loop {
        match tokens.next() {
            Ok(Token::End) => return None,
            Ok(_) => {}
            Err(FilterError::Policy(why)) => return Some(why),
            Err(error) => return Some(error.to_string()),
        }
    }
}

/// A policy that messages are held against.
#[derive(Clone, Debug)]
pub struct FilterPolicy {
    scope: FilterScope,
    /// The ways in which it can hold.
    alternatives: Vec<Vec<Rule>>,
}

/// What is wanted at one place of a message: one of the patterns.
#[derive(Clone, Debug, PartialEq)]
struct Rule {
    /// An attribute, or the keys that lead to a value, with dots between them.
    path: String,
    /// How many keys.
    depth: u32,
    /// The first of them.
    root: String,
    patterns: Vec<Pattern>,
}

impl FilterPolicy {
    /// Reads a policy.
    ///
    /// # Errors
    /// If it is none, or more than a policy may be.
    pub fn compile(text: &str, scope: FilterScope) -> Result<Self, FilterError> {
        let alternatives = compile::compile(text)?;
        let is_nested = alternatives.iter().flatten().any(|rule| rule.depth > 1);
        if scope == FilterScope::MessageAttributes && is_nested {
            return Err(FilterError::Nested);
        }
        Ok(Self {
            scope,
            alternatives,
        })
    }

    /// Whether the message is wanted.
    pub fn accepts(&self, message: &FilterableMessage<'_>) -> bool {
        let mut alternatives = self.alternatives.iter();
        match self.scope {
            FilterScope::MessageAttributes => {
                alternatives.any(|rules| evaluate::accepts_attributes(rules, message))
            }
            FilterScope::MessageBody => {
                // A policy that wants nothing takes a body that is no JSON, too.
                alternatives.any(|rules| {
                    let body = message.body();
                    rules.is_empty() || body.is_some_and(|body| evaluate::accepts_body(rules, body))
                })
            }
        }
    }
}

/// A message, for all the policies that it is held against: what several look at is read once.
#[derive(Debug)]
pub struct FilterableMessage<'a> {
    attributes: Vec<(&'a str, AttributeValues<'a>)>,
    body: &'a str,
    parsed: OnceCell<Option<Map<String, Value>>>,
}

impl<'a> FilterableMessage<'a> {
    /// A message with attributes: name, type, text. Those that are binary have no text, and policies do not see
    /// them.
    pub fn new(
        attributes: impl Iterator<Item = (&'a str, &'a str, &'a str)>,
        body: &'a str,
    ) -> Self {
        let read = attributes.filter_map(|(name, data_type, text)| {
            let values = match data_type {
                // What is no array of JSON matches nothing.
                "String.Array" => AttributeValues::Array(serde_json::from_str(text).ok()?),
                other if other.split('.').next() == Some("Number") => {
                    AttributeValues::Number(Number::parse(text)?)
                }
                _ => AttributeValues::Text(text),
            };
            Some((name, values))
        });
        Self {
            attributes: read.collect(),
            body,
            parsed: OnceCell::new(),
        }
    }

    fn attribute(&self, name: &str) -> Option<&AttributeValues<'a>> {
        let mut attributes = self.attributes.iter();
        attributes
            .find(|(found, _)| *found == name)
            .map(|(_, values)| values)
    }

    fn body(&self) -> Option<&Map<String, Value>> {
        let parsed = || serde_json::from_str(self.body).ok();
        self.parsed.get_or_init(parsed).as_ref()
    }
}
