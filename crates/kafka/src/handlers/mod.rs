//! One file an API key: from a decoded request to broker calls and to the response.

pub(crate) mod api_versions;
mod authorized_operations;
pub(crate) mod fetch;
pub(crate) mod find_coordinator;
pub(crate) mod init_producer_id;
pub(crate) mod list_offsets;
pub(crate) mod metadata;
pub(crate) mod produce;

use std::sync::Arc;

use forebay_broker::Broker;

use crate::gateway::Shared;
use crate::session::Context;

/// A request's surroundings.
pub(crate) struct Call<'a> {
    pub(crate) context: &'a Context,
    /// The version of the request, and so of the response.
    pub(crate) version: i16,
    /// What the client calls itself.
    pub(crate) client_id: Option<&'a str>,
}

impl Call<'_> {
    pub(crate) fn broker(&self) -> &Broker {
        &self.context.shared.broker
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.context.shared
    }
}
