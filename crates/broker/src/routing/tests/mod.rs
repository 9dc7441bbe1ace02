//! What exchanges promise, and models that are too simple to be wrong.

mod headers;
mod kinds;
mod topic;

use bytes::Bytes;

use super::{Arguments, Binding, Destinations, HashProperty, Message, Router, Value, ValueRef};

/// A message that is nothing but what routing looks at.
#[derive(Clone, Debug, Default)]
struct Sample {
    keys: Vec<&'static str>,
    headers: Vec<(String, Value)>,
    correlation_id: Option<&'static str>,
}

impl Sample {
    fn key(key: &'static str) -> Self {
        Self {
            keys: vec![key],
            ..Self::default()
        }
    }

    fn headers(headers: &[(&str, Value)]) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| (String::from(*name), value.clone()));
        Self {
            headers: headers.collect(),
            ..Self::key("")
        }
    }
}

impl Message for Sample {
    fn routing_keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|key| key.as_bytes())
    }

    fn headers(&self) -> impl Iterator<Item = (&[u8], ValueRef<'_>)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.view()))
    }

    fn property(&self, name: HashProperty) -> Option<Value> {
        match name {
            HashProperty::CorrelationId => self.correlation_id.map(text),
            HashProperty::MessageId | HashProperty::Timestamp => None,
        }
    }
}

fn text(text: &'static str) -> Value {
    Value::Bytes(Bytes::from_static(text.as_bytes()))
}

fn arguments(arguments: &[(&'static str, Value)]) -> Arguments {
    let arguments = arguments.iter();
    Arguments::new(arguments.map(|(name, value)| (Bytes::from(*name), value.clone())))
}

/// Where a message goes, in order of the destinations' numbers.
fn route(router: &Router<u32>, message: &impl Message) -> Vec<u32> {
    let mut to = Destinations::new();
    router.route(message, &mut to);
    let mut to: Vec<_> = to.iter().collect();
    to.sort_unstable();
    to
}

fn bind_all(router: &mut Router<u32>, bindings: impl IntoIterator<Item = Binding<u32>>) {
    for binding in bindings {
        router.bind(binding).unwrap();
    }
}
