//! A topic as it is kept, and as publishers need it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use forebay_broker::host::VirtualHostId;
use serde::{Deserialize, Serialize};

use super::SnsError;
use super::subscription::Subscription;
use crate::arn::Arn;
use crate::policy::Policy;

/// What ends the name of a FIFO topic.
pub(crate) const FIFO_SUFFIX: &str = ".fifo";
/// The longest name (AWS: 256). It is the name of a parameter of the broker.
const NAME_BYTES_MAX: usize = 255;

/// What is kept of a topic: the value of a parameter, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TopicRecord {
    pub(crate) account: String,
    pub(crate) region: String,
    /// As they were set; what was not has AWS's default.
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) data_protection_policy: Option<String>,
    /// How many subscriptions it had that it has no more.
    pub(crate) subscriptions_deleted: u64,
    /// The id of the log that was made for it, and ends with it. One that was there before does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<String>,
}

impl TopicRecord {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.attribute(name) == Some("true")
    }
}

/// A topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) virtual_host: VirtualHostId,
    pub(crate) record: Arc<TopicRecord>,
    pub(crate) is_fifo: bool,
    /// By their ids.
    pub(crate) subscriptions: Vec<Arc<Subscription>>,
    /// Its access policy, once somebody has asked for it.
    pub(super) policy: OnceLock<Option<Policy>>,
}

impl Topic {
    pub(crate) fn arn_of(record: &TopicRecord, name: &str) -> String {
        Arn::new("sns", &record.region, &record.account, name).to_string()
    }

    /// Its access policy, if it was given one. One that cannot be read allows nobody anything.
    pub(super) fn policy(&self) -> Option<&Policy> {
        let read = || Policy::parse(self.record.attribute("Policy")?, "sns").ok();
        self.policy.get_or_init(read).as_ref()
    }

    /// Messages of different groups may have the same deduplication id.
    pub(crate) fn deduplicates_by_group(&self) -> bool {
        let scope = self.record.attribute("FifoThroughputScope");
        scope.is_some_and(|scope| scope.eq_ignore_ascii_case("MessageGroup"))
    }

    /// A message's deduplication id is made from its body where it has none.
    pub(crate) fn deduplicates_by_content(&self) -> bool {
        self.record.has("ContentBasedDeduplication")
    }
}

/// # Errors
/// If no topic can have this name.
pub(crate) fn check_name(name: &str, is_fifo: bool) -> Result<(), SnsError> {
    let base = match is_fifo {
        true => name.strip_suffix(FIFO_SUFFIX),
        false => Some(name),
    };
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_name = base.is_some_and(|base| !base.is_empty() && base.bytes().all(legal));
    match is_name && name.len() <= NAME_BYTES_MAX {
        true => Ok(()),
        false => Err(SnsError::invalid("Topic Name")),
    }
}
