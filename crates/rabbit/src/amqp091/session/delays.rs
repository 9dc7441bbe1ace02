//! The header of messages that wait in an exchange: `x-delay`, as RabbitMQ's plugin has it.

use crate::amqp091::properties::Properties;
use crate::amqp091::table::{Table, Value};
use crate::limits;

const DELAY: &str = "x-delay";

/// For how many milliseconds a message waits; none for what is no time, and for what has waited.
pub(super) fn delay_ms(headers: &Table) -> Option<u64> {
    let ms = number(headers.get(DELAY)?)?;
    (1..=limits::DELAY_MS_MAX)
        .contains(&ms)
        .then_some(ms.unsigned_abs())
}

/// The properties of a message that has waited: the time is negated, so that it waits no more.
pub(super) fn shown(properties: &Properties) -> Properties {
    let headers = properties.headers();
    let delay = headers.as_ref().and_then(|headers| headers.get(DELAY));
    let Some(ms) = delay.and_then(number) else {
        return properties.clone();
    };
    properties.with_headers(&[DELAY], |headers| {
        headers.put(DELAY, Value::I64(-ms));
    })
}

/// A whole number, however it is written.
fn number(value: Value<'_>) -> Option<i64> {
    match value {
        Value::F32(number) => Some(number as i64),
        Value::F64(number) => Some(number as i64),
        Value::LongStr(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        value => value.as_i64(),
    }
    .filter(|number| *number != i64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp091::properties::PropertyList;
    use crate::amqp091::table::TableBuilder;

    fn headers(value: Value<'_>) -> Table {
        let mut headers = TableBuilder::new();
        headers.put("a", Value::Bool(true)).put(DELAY, value);
        headers.build()
    }

    #[test]
    fn a_delay_is_a_number_above_zero_however_it_is_written() {
        let expected = [
            (Value::I32(5000), Some(5000)),
            (Value::U8(7), Some(7)),
            (Value::F64(2.9), Some(2)),
            (Value::LongStr(b"60"), Some(60)),
            (Value::I64(4_294_967_295), Some(4_294_967_295)),
            (Value::I64(4_294_967_296), None),
            (Value::I32(0), None),
            (Value::I32(-5), None),
            (Value::LongStr(b"soon"), None),
            (Value::Bool(true), None),
        ];
        for (value, delay) in expected {
            assert_eq!(delay_ms(&headers(value)), delay, "{value:?}");
        }
    }

    #[test]
    fn what_has_waited_says_so_and_waits_no_more() {
        let sent = PropertyList {
            headers: Some(headers(Value::LongStr(b"60"))),
            ..PropertyList::default()
        };
        let shown = shown(&sent.encode()).headers().unwrap();
        assert_eq!(shown.get(DELAY), Some(Value::I64(-60)));
        assert_eq!(shown.get("a"), Some(Value::Bool(true)));
        assert_eq!(delay_ms(&shown), None);
    }
}
