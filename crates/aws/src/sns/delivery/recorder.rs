//! What was not sent, because nothing here can: the last of it, in memory.

use std::collections::VecDeque;

use parking_lot::Mutex;
use serde::Serialize;

use crate::limits::{SNS_RECORDED_BYTES_MAX, SNS_RECORDED_MAX};
use crate::sns::envelope::Stamp;
use crate::sns::subscription::Subscription;

/// A delivery that was not made.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// Whose it would have been.
    subscription_arn: String,
    protocol: &'static str,
    endpoint: String,
    message_id: String,
    /// In milliseconds since the Unix epoch.
    timestamp_ms: i64,
    body: String,
}

/// The last deliveries that were not made.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    recorded: Mutex<Deliveries>,
}

#[derive(Debug, Default)]
struct Deliveries {
    last: VecDeque<Recorded>,
    bytes: usize,
}

impl Recorder {
    pub(crate) fn record(&self, subscription: &Subscription, stamp: &Stamp, body: &str) {
        let recorded = Recorded {
            subscription_arn: subscription.arn.clone(),
            protocol: subscription.record.protocol.as_str(),
            endpoint: subscription.record.endpoint.clone(),
            message_id: stamp.message_id.clone(),
            timestamp_ms: stamp.timestamp_ms,
            body: body.to_owned(),
        };
        let mut deliveries = self.recorded.lock();
        deliveries.bytes += recorded.body.len();
        deliveries.last.push_back(recorded);
        while deliveries.last.len() > SNS_RECORDED_MAX || deliveries.bytes > SNS_RECORDED_BYTES_MAX
        {
            let Some(oldest) = deliveries.last.pop_front() else {
                break;
            };
            deliveries.bytes -= oldest.body.len();
        }
    }

    /// All of them, the oldest first; of one subscription if one is named.
    pub(crate) fn all(&self, subscription_arn: Option<&str>) -> Vec<Recorded> {
        let deliveries = self.recorded.lock();
        let all = deliveries.last.iter();
        all.filter(|recorded| subscription_arn.is_none_or(|arn| arn == recorded.subscription_arn))
            .cloned()
            .collect()
    }
}
