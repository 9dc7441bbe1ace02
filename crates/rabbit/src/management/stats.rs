//! Counters as RabbitMQ shows them: each with how fast it grows beside it.

use serde_json::{Map, Value, json};

use super::Context;
use crate::registry::Counts;

/// What is shown of something that counts.
pub(super) struct Stats {
    names: Vec<&'static str>,
    values: Vec<u64>,
}

impl Stats {
    pub(super) fn new(counters: &[(&'static str, u64)]) -> Self {
        let (names, values) = counters.iter().copied().unzip();
        Self { names, values }
    }

    /// What a channel counts, or all of them.
    pub(super) fn of_channels(counts: &Counts) -> Self {
        let delivered = counts.delivered + counts.delivered_no_ack;
        Self::new(&[
            ("publish", counts.published),
            ("confirm", counts.confirmed),
            ("return_unroutable", counts.returned),
            ("drop_unroutable", counts.dropped),
            ("deliver", counts.delivered),
            ("deliver_no_ack", counts.delivered_no_ack),
            ("get", counts.got),
            ("get_no_ack", counts.got_no_ack),
            ("get_empty", counts.got_nothing),
            ("deliver_get", delivered + counts.got + counts.got_no_ack),
            ("redeliver", counts.redelivered),
            ("ack", counts.acknowledged),
        ])
    }

    /// Adds them to an object, with the rates of what is called `what`.
    pub(super) fn put(self, into: &mut Map<String, Value>, context: &Context, what: String) {
        let rates = context.rates.of(what, context.now(), &self.values);
        for ((name, value), rate) in self.names.iter().zip(&self.values).zip(rates) {
            into.insert((*name).to_owned(), json!(value));
            into.insert(format!("{name}_details"), json!({"rate": rate}));
        }
    }

    /// The same as an object of their own.
    pub(super) fn object(self, context: &Context, what: String) -> Value {
        let mut object = Map::new();
        self.put(&mut object, context, what);
        Value::Object(object)
    }
}
