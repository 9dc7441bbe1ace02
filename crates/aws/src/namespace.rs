//! Accounts and regions are virtual hosts.
//!
//! Those of the default account in the default region are the virtual host `/`, which clients of other protocols use,
//! too; every other pair is a virtual host `ACCOUNT/REGION`, which is founded by the first that makes something in it.

use forebay_broker::Broker;
use forebay_broker::access::{AccessChange, AccessError};
use forebay_broker::host::{VirtualHost, VirtualHostId};

use crate::auth::DEFAULT_ACCOUNT;

/// An account in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Namespace {
    pub(crate) account: String,
    pub(crate) region: String,
}

impl Namespace {
    /// The virtual host's name.
    fn name(&self, default_region: &str) -> Option<String> {
        let Self { account, region } = self;
        let is_default = account == DEFAULT_ACCOUNT && region == default_region;
        (!is_default).then(|| format!("{account}/{region}"))
    }

    /// Its virtual host, if there is one.
    pub(crate) fn find(&self, broker: &Broker, default_region: &str) -> Option<VirtualHost> {
        let Some(name) = self.name(default_region) else {
            return Some(broker.virtual_host(VirtualHostId::DEFAULT));
        };
        let entry = broker.directory().virtual_host(&name)?.id;
        Some(broker.virtual_host(entry))
    }

    /// Its virtual host, founded if need be.
    pub(crate) async fn found(
        &self,
        broker: &Broker,
        default_region: &str,
    ) -> Result<VirtualHost, AccessError> {
        if let Some(host) = self.find(broker, default_region) {
            return Ok(host);
        }
        if let Some(name) = self.name(default_region) {
            let put = AccessChange::PutVirtualHost {
                name,
                description: format!("AWS account {} in {}", self.account, self.region),
                tags: Vec::new(),
                default_queue_type: String::new(),
            };
            broker.change_access(vec![put]).await?;
        }
        // Somebody may have deleted it right away.
        self.find(broker, default_region)
            .ok_or(AccessError::NotFound)
    }
}
