//! What queues were given of the topics that they are subscribed to.

use forebay_broker::forwarding::ForwardMetrics;

use super::page::{Metric, Page};

const MESSAGES: Metric = Metric::counter(
    "forebay_forwarded_messages",
    "Records of topics that queues were given.",
);
const SKIPPED: Metric = Metric::counter(
    "forebay_forward_skipped_offsets",
    "Offsets of topics that retention took before queues were given what they had.",
);
const LEFT_OUT: Metric = Metric::counter(
    "forebay_forward_left_out_records",
    "Records of topics that no queue can be given: too large, or in a batch that does not open.",
);

pub(super) fn read(forwarded: &ForwardMetrics, page: &mut Page) {
    page.put(&MESSAGES, Vec::new(), forwarded.messages.value());
    page.put(&SKIPPED, Vec::new(), forwarded.skipped.value());
    page.put(&LEFT_OUT, Vec::new(), forwarded.left_out.value());
}
