//! What requests bring as JSON, and what RabbitMQ says of it where it is wrong.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::json;
use crate::amqp091::ShortStr;
use crate::amqp091::table::Table;

/// A body that is an object. What is not there is an empty one.
#[derive(Debug)]
pub(super) struct Body(Map<String, Value>);

impl Body {
    pub(super) fn parse(bytes: &Bytes) -> Result<Self, ApiError> {
        if bytes.is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            _ => Err(ApiError::bad_request("not_json")),
        }
    }

    /// The objects of a list, if it is there.
    pub(super) fn objects(&self, name: &str) -> Result<Vec<Self>, ApiError> {
        let wrong = || ApiError::bad_request(format!("{name} should be a list of objects"));
        let values = match self.get(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(values)) => values,
            Some(_) => return Err(wrong()),
        };
        let each = values.iter().map(|value| match value {
            Value::Object(fields) => Ok(Self(fields.clone())),
            _ => Err(wrong()),
        });
        each.collect()
    }

    /// An object within, if it is there.
    pub(super) fn object(&self, name: &str) -> Option<Self> {
        match self.get(name) {
            Some(Value::Object(fields)) => Some(Self(fields.clone())),
            _ => None,
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Fields that have to be there.
    pub(super) fn require(&self, names: &[&str]) -> Result<(), ApiError> {
        let missing = names.iter().filter(|name| !self.0.contains_key(**name));
        let missing: Vec<_> = missing
            .map(|name| format!("{{key_missing,{name}}}"))
            .collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(ApiError::bad_request(format!("[{}]", missing.join(",")))),
        }
    }

    /// A switch; off where it is not there.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(bool)) => Ok(*bool),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" => Ok(false),
            Some(other) => Err(ApiError::bad_request(json!(["not_boolean", other]))),
        }
    }

    /// A text, if it is there.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ApiError::bad_request(json!(["not_string", name]))),
        }
    }

    /// The same as a short string.
    pub(super) fn short(&self, name: &str) -> Result<ShortStr, ApiError> {
        short(self.text(name)?.unwrap_or_default())
    }

    /// A whole number, also one that is written as a text.
    pub(super) fn integer(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let wrong = |value: &Value| ApiError::bad_request(json!(["not_integer", value]));
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value @ Value::String(text)) => text.parse().map(Some).map_err(|_| wrong(value)),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| wrong(value)),
        }
    }

    /// Arguments as a table of AMQP. Tools of languages with one kind of collection write none as `[]`.
    pub(super) fn arguments(&self) -> Result<Table, ApiError> {
        match self.get("arguments") {
            None | Some(Value::Null) => Ok(Table::default()),
            Some(Value::Array(values)) if values.is_empty() => Ok(Table::default()),
            Some(value) => table(value, "arguments"),
        }
    }
}

/// An object as a table.
pub(super) fn table(value: &Value, what: &str) -> Result<Table, ApiError> {
    let Value::Object(fields) = value else {
        return Err(ApiError::bad_request(json!(["not_object", what])));
    };
    json::table(fields).map_err(|why| ApiError::bad_request(why.to_string()))
}

/// A name as AMQP has it.
pub(super) fn short(text: &str) -> Result<ShortStr, ApiError> {
    let too_long = |_| ApiError::bad_request("a name is longer than 255 bytes");
    ShortStr::try_from(text).map_err(too_long)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &'static str) -> Body {
        Body::parse(&Bytes::from_static(text.as_bytes())).unwrap()
    }

    #[test]
    fn what_is_no_object_is_not_json() {
        assert!(Body::parse(&Bytes::new()).is_ok());
        for wrong in ["nonsense", "[]", "7", "{\"a\":}"] {
            let refused = Body::parse(&Bytes::from_static(wrong.as_bytes()));
            assert_eq!(refused.unwrap_err(), ApiError::bad_request("not_json"));
        }
    }

    #[test]
    fn fields_are_refused_in_rabbitmqs_words() {
        let body = body(r#"{"durable":"yes","yes":"true","count":"x","n":"7","key":1}"#);
        let refused = |reason: Value| ApiError::bad_request(reason);
        let wrong = body.flag("durable").unwrap_err();
        assert_eq!(wrong, refused(json!(["not_boolean", "yes"])));
        assert_eq!(body.flag("yes"), Ok(true));
        assert_eq!(body.flag("absent"), Ok(false));
        let wrong = body.integer("count").unwrap_err();
        assert_eq!(wrong, refused(json!(["not_integer", "x"])));
        assert_eq!(body.integer("n"), Ok(Some(7)));
        let wrong = body.text("key").unwrap_err();
        assert_eq!(wrong, refused(json!(["not_string", "key"])));
        let missing = body.require(&["ackmode", "n", "encoding"]).unwrap_err();
        let said = "[{key_missing,ackmode},{key_missing,encoding}]";
        assert_eq!(missing, refused(json!(said)));
    }

    #[test]
    fn no_arguments_are_written_in_many_ways() {
        for text in ["{}", r#"{"arguments":[]}"#, r#"{"arguments":null}"#] {
            assert!(body(text).arguments().unwrap().is_empty());
        }
        assert!(body(r#"{"arguments":7}"#).arguments().is_err());
    }
}
