//! Tables of AMQP as JSON, and back.

use std::fmt;

use bytes::Bytes;
use forebay_broker::routing::{self, Arguments};
use serde_json::{Map, Number, Value as Json};

use crate::amqp091::table::{ArrayBuilder, ArrayView, Table, TableBuilder, TableView, Value};
use crate::limits::TABLE_DEPTH_MAX;

/// Why an object is no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotATable {
    NameTooLong,
    TooDeep,
}

impl fmt::Display for NotATable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameTooLong => "argument name too long",
            Self::TooDeep => "arguments nested too deep",
        })
    }
}

/// An object as a table, with the types that RabbitMQ gives to what comes as JSON.
pub(super) fn table(object: &Map<String, Json>) -> Result<Table, NotATable> {
    Ok(build(object, TABLE_DEPTH_MAX)?.build())
}

fn build(object: &Map<String, Json>, depth: usize) -> Result<TableBuilder, NotATable> {
    let depth = depth.checked_sub(1).ok_or(NotATable::TooDeep)?;
    let mut table = TableBuilder::new();
    for (name, value) in object {
        with_value(value, depth, |value| {
            let put = table.try_put(name.as_bytes(), value);
            put.map(drop).map_err(|_| NotATable::NameTooLong)
        })?;
    }
    Ok(table)
}

fn build_array(values: &[Json], depth: usize) -> Result<ArrayBuilder, NotATable> {
    let depth = depth.checked_sub(1).ok_or(NotATable::TooDeep)?;
    let mut array = ArrayBuilder::new();
    for value in values {
        with_value(value, depth, |value| {
            array.push(value);
            Ok(())
        })?;
    }
    Ok(array)
}

fn with_value(
    value: &Json,
    depth: usize,
    take: impl FnOnce(Value<'_>) -> Result<(), NotATable>,
) -> Result<(), NotATable> {
    match value {
        Json::Null => take(Value::Void),
        Json::Bool(bool) => take(Value::Bool(*bool)),
        Json::Number(number) => take(match number.as_i64() {
            Some(number) => Value::I64(number),
            None => Value::F64(number.as_f64().unwrap_or(0.0)),
        }),
        Json::String(text) => take(Value::LongStr(text.as_bytes())),
        Json::Array(values) => take(Value::Array(build_array(values, depth)?.view())),
        Json::Object(object) => take(Value::Table(build(object, depth)?.view())),
    }
}

/// A table as an object. Of several entries with the same name the first is shown.
pub(super) fn object(table: TableView<'_>) -> Json {
    let mut object = Map::new();
    for entry in table.entries() {
        let name = text(entry.name);
        object.entry(name).or_insert_with(|| shown(entry.value));
    }
    Json::Object(object)
}

fn array(values: ArrayView<'_>) -> Json {
    values.values().map(shown).collect()
}

fn shown(value: Value<'_>) -> Json {
    match value {
        Value::Bool(bool) => Json::Bool(bool),
        Value::F32(number) => float(number.into()),
        Value::F64(number) => float(number),
        Value::Decimal { scale, value } => decimal(scale, value),
        Value::LongStr(bytes) | Value::Binary(bytes) => Json::String(text(bytes)),
        Value::Array(values) => array(values),
        Value::Timestamp(seconds) => seconds.into(),
        Value::Table(table) => object(table),
        Value::Void => Json::Null,
        number => number.as_i64().map_or(Json::Null, Json::from),
    }
}

/// What an exchange, a queue or a binding was declared with.
pub(super) fn arguments(arguments: &Arguments) -> Json {
    let entries = arguments.iter();
    let entries = entries.map(|(name, value)| (text(name), argument(value)));
    Json::Object(entries.collect())
}

fn argument(value: &routing::Value) -> Json {
    match value {
        routing::Value::Void => Json::Null,
        routing::Value::Bool(bool) => Json::Bool(*bool),
        routing::Value::Integer(number) => match i64::try_from(*number) {
            Ok(number) => number.into(),
            Err(_) => u64::try_from(*number).map_or(Json::Null, Json::from),
        },
        routing::Value::Float(number) => float(*number),
        routing::Value::Decimal { scale, value } => decimal(*scale, *value),
        routing::Value::Bytes(bytes) => Json::String(text(bytes)),
        routing::Value::Nested(bytes) => nested(bytes),
    }
}

/// Whether it is a table or an array is not remembered. What can be read as a table to its end is one, as
/// hardly an array can.
fn nested(bytes: &Bytes) -> Json {
    match Table::parse(bytes.clone()) {
        Ok(table) => object(table.view()),
        Err(_) => ArrayView::parse(bytes).map_or(Json::Null, array),
    }
}

fn float(number: f64) -> Json {
    Number::from_f64(number).map_or(Json::Null, Json::Number)
}

fn decimal(scale: u8, value: u32) -> Json {
    float(f64::from(value) / 10_f64.powi(scale.into()))
}

/// Bytes that are mostly text.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::amqp091::routing::arguments as of;

    fn written(value: &Json) -> Result<Table, NotATable> {
        table(value.as_object().unwrap())
    }

    #[test]
    fn what_is_json_comes_back_as_it_was() {
        let all = json!({
            "bool": true, "integer": -5, "float": 1.5, "text": "x", "nothing": null,
            "array": [1, "two", [3]], "table": {"a": {"b": 1}}, "empty": {},
        });
        let table = written(&all).unwrap();
        assert_eq!(object(table.view()), all);
        assert_eq!(arguments(&of(&table)), all, "also as what is compared");
    }

    #[test]
    fn types_are_those_that_rabbitmq_gives() {
        let table = written(&json!({"n": 1, "f": 0.5, "s": "x", "v": null})).unwrap();
        let name = |of| table.get(of).unwrap().type_name();
        assert_eq!(
            ["n", "f", "s", "v"].map(name),
            ["long", "double", "longstr", "void"]
        );
    }

    #[test]
    fn what_no_table_can_hold_is_refused() {
        let deep = (0..TABLE_DEPTH_MAX).fold(json!({}), |within, _| json!({"a": within}));
        assert_eq!(written(&deep), Err(NotATable::TooDeep));
        let long = json!({"x".repeat(256): 1});
        assert_eq!(written(&long), Err(NotATable::NameTooLong));
    }
}
