//! What exchanges look at in a message of this protocol, and in the arguments of a binding.

use std::iter;

use bytes::Bytes;
use forebay_broker::routing::{self, Arguments, HashProperty, ValueRef};

use super::ShortStr;
use super::properties::Properties;
use super::table::{Table, Value};

/// The header with routing keys beside the publisher's own.
pub const CC: &str = "CC";
/// The same, but nobody who gets the message is to see it.
pub const BCC: &str = "BCC";

/// A message on its way through exchanges.
#[derive(Clone, Debug)]
pub struct RoutedMessage<'a> {
    routing_key: &'a [u8],
    properties: &'a Properties,
    headers: Table,
}

impl<'a> RoutedMessage<'a> {
    /// What was published with this key and these properties.
    pub fn new(routing_key: &'a [u8], properties: &'a Properties) -> Self {
        Self {
            routing_key,
            properties,
            headers: properties.headers().unwrap_or_default(),
        }
    }

    /// Routing keys in a header; what is no long string in there is for the session to refuse.
    fn keys_in(&self, header: &str) -> impl Iterator<Item = &[u8]> {
        let keys = self.headers.get(header).and_then(Value::as_array);
        let keys = keys.into_iter().flat_map(|keys| keys.values());
        keys.filter_map(Value::as_long_str)
    }
}

impl routing::Message for RoutedMessage<'_> {
    fn routing_keys(&self) -> impl Iterator<Item = &[u8]> {
        let own = iter::once(self.routing_key);
        own.chain(self.keys_in(CC)).chain(self.keys_in(BCC))
    }

    fn headers(&self) -> impl Iterator<Item = (&[u8], ValueRef<'_>)> {
        let entries = self.headers.entries();
        entries.map(|entry| (entry.name, entry.value.into()))
    }

    fn property(&self, name: HashProperty) -> Option<routing::Value> {
        let text = |text: ShortStr| routing::Value::Bytes(text.into_bytes());
        match name {
            HashProperty::CorrelationId => self.properties.correlation_id().map(text),
            HashProperty::MessageId => self.properties.message_id().map(text),
            HashProperty::Timestamp => {
                let seconds = self.properties.timestamp();
                seconds.map(|seconds| routing::Value::Integer(seconds.into()))
            }
        }
    }
}

impl<'a> From<Value<'a>> for ValueRef<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Bool(bool) => Self::Bool(bool),
            Value::I8(number) => Self::Integer(number.into()),
            Value::U8(number) => Self::Integer(number.into()),
            Value::I16(number) => Self::Integer(number.into()),
            Value::U16(number) => Self::Integer(number.into()),
            Value::I32(number) => Self::Integer(number.into()),
            Value::U32(number) => Self::Integer(number.into()),
            Value::I64(number) => Self::Integer(number.into()),
            Value::Timestamp(seconds) => Self::Integer(seconds.into()),
            Value::F32(number) => Self::Float(number.into()),
            Value::F64(number) => Self::Float(number),
            Value::Decimal { scale, value } => Self::Decimal { scale, value },
            Value::LongStr(bytes) | Value::Binary(bytes) => Self::Bytes(bytes),
            Value::Array(array) => Self::Nested(array.as_bytes()),
            Value::Table(table) => Self::Nested(table.as_bytes()),
            Value::Void => Self::Void,
        }
    }
}

/// The arguments of a binding, in memory of their own: bindings stay.
pub fn arguments(table: &Table) -> Arguments {
    let entries = table.entries();
    Arguments::new(entries.map(|entry| {
        let name = Bytes::copy_from_slice(entry.name);
        (name, ValueRef::from(entry.value).detached())
    }))
}

#[cfg(test)]
mod tests {
    use forebay_broker::routing::{Binding, Destinations, HashOn, Message, Router, RouterKind};

    use super::*;
    use crate::amqp091::properties::PropertyList;
    use crate::amqp091::table::{ArrayBuilder, TableBuilder};

    fn table(entries: &[(&'static str, Value<'_>)]) -> Table {
        let mut table = TableBuilder::new();
        for (name, value) in entries {
            table.put(name, *value);
        }
        table.build()
    }

    fn with_headers(entries: &[(&'static str, Value<'_>)]) -> Properties {
        let headers = Some(table(entries));
        let list = PropertyList {
            headers,
            correlation_id: Some(ShortStr::from_static("c")),
            timestamp: Some(7),
            ..PropertyList::default()
        };
        list.encode()
    }

    #[test]
    fn numbers_match_whatever_their_width_and_strings_by_their_bytes() {
        let mut router = Router::new(RouterKind::Headers);
        let wanted = [
            ("n", Value::I32(5)),
            ("f", Value::F32(1.5)),
            ("s", Value::LongStr(b"text")),
            ("t", Value::Timestamp(9)),
            ("v", Value::Void),
        ];
        let binding = Binding {
            arguments: arguments(&table(&wanted)),
            ..Binding::new("", 1)
        };
        router.bind(binding).unwrap();
        let sent = [
            ("v", Value::Bool(false)),
            ("t", Value::I64(9)),
            ("s", Value::Binary(b"text")),
            ("f", Value::F64(1.5)),
            ("n", Value::U8(5)),
        ];
        let goes = |properties: &Properties| {
            let mut to = Destinations::new();
            router.route(&RoutedMessage::new(b"", properties), &mut to);
            !to.is_empty()
        };
        assert!(goes(&with_headers(&sent)));
        assert!(!goes(&with_headers(&sent[..4])));
        assert!(!goes(&Properties::EMPTY));
    }

    #[test]
    fn keys_are_the_publishers_and_those_beside() {
        let mut more = ArrayBuilder::new();
        more.push(Value::LongStr(b"b")).push(Value::LongStr(b"c"));
        let mut hidden = ArrayBuilder::new();
        hidden.push(Value::LongStr(b"d")).push(Value::Void);
        let properties = with_headers(&[
            (CC, Value::Array(more.view())),
            (BCC, Value::Array(hidden.view())),
        ]);
        let message = RoutedMessage::new(b"a", &properties);
        let keys: Vec<_> = message.routing_keys().collect();
        assert_eq!(keys, [b"a", b"b", b"c", b"d"]);
    }

    #[test]
    fn properties_can_be_hashed() {
        let properties = with_headers(&[]);
        let message = RoutedMessage::new(b"a", &properties);
        let text = |text: &'static str| Some(routing::Value::Bytes(Bytes::from(text)));
        assert_eq!(message.property(HashProperty::CorrelationId), text("c"));
        assert_eq!(message.property(HashProperty::MessageId), None);
        let seconds = Some(routing::Value::<Bytes>::Integer(7));
        assert_eq!(message.property(HashProperty::Timestamp), seconds);
        let on = HashOn::Property(HashProperty::CorrelationId);
        let mut router = Router::new(RouterKind::ConsistentHash(on));
        router.bind(Binding::new("1", 1)).unwrap();
        let mut to = Destinations::new();
        router.route(&message, &mut to);
        assert_eq!(to.len(), 1);
    }
}
