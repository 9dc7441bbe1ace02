//! Looking at all there is, a part at a time.

use bytes::Bytes;
use forebay_broker::host::{
    BindingDescription, BindingPlace, BindingsPart, ExchangeDescription, HostError, Part,
    QueueDescription, VirtualHost,
};
use serde_json::{Map, Value};

use super::Context;
use super::stats::Stats;
use crate::limits::{COUNTED_AT_ONCE, INSPECTED_AT_ONCE};

/// Queues from one after a name on; none when there are no more.
pub(super) async fn queues(
    host: &VirtualHost,
    after: Option<Bytes>,
) -> Result<Vec<QueueDescription>, HostError> {
    let limit = INSPECTED_AT_ONCE;
    host.queues(Part { after, limit }).await
}

/// All exchanges.
pub(super) async fn exchanges(host: &VirtualHost) -> Result<Vec<ExchangeDescription>, HostError> {
    let mut all: Vec<ExchangeDescription> = Vec::new();
    loop {
        let after = all.last().map(|found| found.definition.name.clone());
        let limit = INSPECTED_AT_ONCE;
        let part = host.exchanges(Part { after, limit }).await?;
        if part.is_empty() {
            return Ok(all);
        }
        all.extend(part);
    }
}

/// Bindings that are meant by `part`, from a place on, and where there may be more.
pub(super) async fn bindings(
    host: &VirtualHost,
    from: BindingPlace,
    part: &BindingsPart,
) -> Result<(Vec<BindingDescription>, Option<BindingPlace>), HostError> {
    let part = BindingsPart {
        from,
        limit: INSPECTED_AT_ONCE,
        ..part.clone()
    };
    let found = host.bindings(part).await?;
    Ok((found.bindings, found.next))
}

/// All of them.
pub(super) async fn all_bindings(
    host: &VirtualHost,
    part: &BindingsPart,
) -> Result<Vec<BindingDescription>, HostError> {
    let mut all = Vec::new();
    let mut next = Some(BindingPlace::default());
    while let Some(from) = next {
        let (found, more) = bindings(host, from, part).await?;
        all.extend(found);
        next = more;
    }
    Ok(all)
}

/// Messages in all queues.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MessageTotals {
    pub(super) ready: u64,
    pub(super) unacknowledged: u64,
}

impl MessageTotals {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            ready: self.ready + other.ready,
            unacknowledged: self.unacknowledged + other.unacknowledged,
        }
    }

    fn stats(self) -> Stats {
        Stats::new(&[
            ("messages", self.ready + self.unacknowledged),
            ("messages_ready", self.ready),
            ("messages_unacknowledged", self.unacknowledged),
        ])
    }

    pub(super) fn put(self, into: &mut Map<String, Value>, context: &Context, what: String) {
        self.stats().put(into, context, what);
    }

    pub(super) fn object(self, context: &Context, what: String) -> Value {
        self.stats().object(context, what)
    }
}

/// What is in all queues of a virtual host.
pub(super) async fn message_totals(host: &VirtualHost) -> Result<MessageTotals, HostError> {
    let mut sum = MessageTotals::default();
    let mut after = None;
    loop {
        let limit = COUNTED_AT_ONCE;
        let found = host.totals(Part { after, limit }).await?;
        // What is delayed is neither ready nor with a consumer. RabbitMQ has no such thing; a message that
        // is somewhere is shown as ready.
        sum.ready += found.ready + found.delayed;
        sum.unacknowledged += found.locked;
        after = found.last;
        if after.is_none() {
            return Ok(sum);
        }
    }
}
