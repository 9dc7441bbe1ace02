//! The headers of messages that died: `x-death` and its summary, as consumers of RabbitMQ know them.

use forebay_broker::host::{Death, Deaths};
use forebay_broker::queue::DeathReason;

use crate::amqp091::properties::Properties;
use crate::amqp091::table::{ArrayBuilder, TableBuilder, Value};

/// Headers that only the broker says. What a client says by these names is not believed.
const OWN: [&str; 7] = [
    "x-death",
    "x-first-death-exchange",
    "x-first-death-queue",
    "x-first-death-reason",
    "x-last-death-exchange",
    "x-last-death-queue",
    "x-last-death-reason",
];

/// The properties of a message that died: with its deaths, and without the time to live that it lost.
pub(super) fn shown(properties: &Properties, deaths: &Deaths) -> Properties {
    let mut list = properties.to_list();
    // Of two in the same millisecond the older one is further behind.
    let first = deaths.0.iter().rev().min_by_key(|death| death.time_ms);
    let mut array = ArrayBuilder::new();
    for death in &deaths.0 {
        // The log has the properties as they were published: what they say ended with the first death.
        let is_first = first.is_some_and(|first| std::ptr::eq(first, death));
        let expiration = list.expiration.as_deref().filter(|_| is_first);
        array.push(Value::Table(entry(death, expiration).view()));
    }
    list.expiration = None;
    list.encode().with_headers(&OWN, |headers| {
        headers.put("x-death", Value::Array(array.view()));
        if let Some(death) = first {
            headers
                .put("x-first-death-exchange", Value::LongStr(&death.exchange))
                .put("x-first-death-queue", Value::LongStr(&death.queue))
                .put("x-first-death-reason", Value::LongStr(reason(death.reason)));
        }
        if let Some(death) = deaths.0.first() {
            headers
                .put("x-last-death-exchange", Value::LongStr(&death.exchange))
                .put("x-last-death-queue", Value::LongStr(&death.queue))
                .put("x-last-death-reason", Value::LongStr(reason(death.reason)));
        }
    })
}

fn entry(death: &Death, expiration: Option<&[u8]>) -> TableBuilder {
    let mut keys = ArrayBuilder::new();
    for key in &death.routing_keys {
        keys.push(Value::LongStr(key));
    }
    let mut table = TableBuilder::new();
    table
        .put(
            "count",
            Value::I64(death.count.try_into().unwrap_or(i64::MAX)),
        )
        .put("reason", Value::LongStr(reason(death.reason)))
        .put("queue", Value::LongStr(&death.queue))
        .put(
            "time",
            Value::Timestamp((death.time_ms / 1000).try_into().unwrap_or(0)),
        )
        .put("exchange", Value::LongStr(&death.exchange))
        .put("routing-keys", Value::Array(keys.view()));
    let known = death.original_expiration_ms.map(|time| time.to_string());
    let expiration = known.as_ref().map(String::as_bytes).or(expiration);
    if let Some(expiration) = expiration {
        table.put("original-expiration", Value::LongStr(expiration));
    }
    table
}

fn reason(reason: DeathReason) -> &'static [u8] {
    match reason {
        DeathReason::Expired => b"expired",
        DeathReason::Rejected => b"rejected",
        DeathReason::MaxLength => b"maxlen",
        DeathReason::DeliveryLimit => b"delivery_limit",
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::amqp091::properties::PropertyList;

    fn death(queue: &'static str, time_ms: i64) -> Death {
        Death {
            queue: Bytes::from_static(queue.as_bytes()),
            reason: DeathReason::Expired,
            count: 2,
            time_ms,
            exchange: Bytes::from_static(b"x"),
            routing_keys: vec![Bytes::from_static(b"k")],
            original_expiration_ms: None,
        }
    }

    #[test]
    fn a_dead_message_tells_its_deaths_and_nobody_elses() {
        let mut forged = TableBuilder::new();
        forged
            .put("x-death", Value::LongStr(b"forged"))
            .put("mine", Value::I32(1));
        let properties = PropertyList {
            headers: Some(forged.build()),
            expiration: Some("50".try_into().unwrap()),
            ..PropertyList::default()
        };
        let deaths = Deaths(vec![death("second", 9_000), death("first", 7_000)]);
        let shown = shown(&properties.encode(), &deaths);
        assert_eq!(shown.expiration(), None);
        let headers = shown.headers().unwrap();
        assert_eq!(headers.get("mine"), Some(Value::I32(1)));
        assert_eq!(
            headers.get("x-first-death-queue"),
            Some(Value::LongStr(b"first"))
        );
        assert_eq!(
            headers.get("x-last-death-queue"),
            Some(Value::LongStr(b"second"))
        );
        let entries = headers.get("x-death").unwrap().as_array().unwrap();
        let newest = entries.values().next().unwrap().as_table().unwrap();
        assert_eq!(newest.get("count"), Some(Value::I64(2)));
        assert_eq!(newest.get("time"), Some(Value::Timestamp(9)));
        assert_eq!(newest.get("original-expiration"), None);
        let oldest = entries.values().nth(1).unwrap().as_table().unwrap();
        assert_eq!(
            oldest.get("original-expiration"),
            Some(Value::LongStr(b"50"))
        );
        let keys = newest.get("routing-keys").unwrap().as_array().unwrap();
        assert_eq!(keys.values().collect::<Vec<_>>(), [Value::LongStr(b"k")]);
    }
}
