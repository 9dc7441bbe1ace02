//! What else has to be so for a statement to count.

use serde_json::Value as Json;

use super::Truth;
use super::operator::{Comparison, Operator};
use super::request::{Request, Value};

/// One key under one operator.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    operator: Operator,
    key: String,
    /// One of them has to hold; of an operator that says what is not, none may.
    wanted: Vec<Comparison>,
}

impl Condition {
    /// Reads all conditions of a statement: `{OPERATOR: {KEY: VALUES}}`. None if one is none.
    pub(super) fn parse_all(value: &Json) -> Option<Vec<Self>> {
        let mut conditions = Vec::new();
        for (name, keys) in value.as_object()? {
            let operator = Operator::named(name)?;
            for (key, values) in keys.as_object()? {
                let wanted = values_of(values)?;
                let wanted = wanted.iter().map(|value| operator.comparison(value));
                conditions.push(Self {
                    operator,
                    key: key.clone(),
                    wanted: wanted.collect::<Option<Vec<_>>>()?,
                });
            }
        }
        Some(conditions)
    }

    pub(super) fn holds(&self, request: &Request<'_>) -> Truth {
        let value = request.value(&self.key);
        let found = match (&value, self.operator.if_absent()) {
            (Value::Unknown, _) => return Truth::Unknown,
            // Whether it is there is all that is asked.
            (value, None) => {
                let is_absent = value.is_absent() == Truth::Yes;
                let mut wanted = self.wanted.iter();
                return wanted
                    .any(|wanted| matches!(wanted, Comparison::Absent(wanted) if *wanted == is_absent))
                    .into();
            }
            (Value::Absent, Some(holds)) => return holds.into(),
            (Value::Known(found), Some(_)) => found,
        };
        let is_one = self.wanted.iter().any(|wanted| wanted.holds_of(found));
        (is_one != self.operator.is_negated()).into()
    }
}

/// A value or a list of them, each a text, a number or a truth value.
fn values_of(json: &Json) -> Option<Vec<String>> {
    let one = |json: &Json| match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(value) => Some(value.to_string()),
        _ => None,
    };
    match json {
        Json::Array(values) => values.iter().map(one).collect(),
        value => one(value).map(|value| vec![value]),
    }
}
