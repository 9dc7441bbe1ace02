//! One file an API key: from a decoded request to broker calls and to the response.

pub(crate) mod alter_configs;
pub(crate) mod api_versions;
mod assignment;
mod authorized_operations;
mod broker_configs;
mod config_resource;
mod coordinator;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
pub(crate) mod delete_groups;
pub(crate) mod delete_records;
pub(crate) mod delete_topics;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_groups;
pub(crate) mod describe_log_dirs;
pub(crate) mod describe_topic_partitions;
pub(crate) mod fetch;
pub(crate) mod find_coordinator;
pub(crate) mod heartbeat;
pub(crate) mod incremental_alter_configs;
pub(crate) mod init_producer_id;
pub(crate) mod join_group;
pub(crate) mod leave_group;
pub(crate) mod list_config_resources;
pub(crate) mod list_groups;
pub(crate) mod list_offsets;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_delete;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod produce;
pub(crate) mod sync_group;

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
