//! What the broker may use of memory and descriptors: as configured, or as the machine allows.

use crate::cli::failure::Failure;
use crate::config::Settings;
use crate::config::setting::Auto;
use crate::config::units::ByteSize;
use crate::descriptors::Descriptors;
use crate::memory::{self, Budgets};

/// The shares of everything that wants some. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resources {
    pub(super) kafka_connections: usize,
    pub(super) admin_connections: usize,
    pub(super) open_segments: usize,
    pub(super) tail_cache: u64,
    pub(super) request_memory: u64,
    pub(super) answer_memory: u64,
    pub(super) compaction_keys: u64,
    pub(super) sort_index: u64,
}

impl Resources {
    /// Shares out what there is, and says where it is less than what is wanted.
    ///
    /// # Errors
    /// When there is too little to serve anybody.
    pub(super) fn share_out(settings: &Settings) -> Result<Self, Failure> {
        let descriptors = Descriptors::share_out()?;
        let limit = memory::limit();
        let resources = Self::of(settings, descriptors, Budgets::within(limit));
        if let Auto::Set(wanted) = settings.max_connections
            && resources.kafka_connections < wanted as usize
        {
            let allowed = resources.kafka_connections;
            tracing::warn!(
                wanted,
                allowed,
                "the limit of open files allows fewer connections than --max-connections; raise it \
                 with ulimit -n"
            );
        }
        tracing::debug!(memory_limit = limit, ?resources, "resources");
        Ok(resources)
    }

    fn of(settings: &Settings, descriptors: Descriptors, budgets: Budgets) -> Self {
        let size = |setting: &Auto<ByteSize>, auto: u64| match setting {
            Auto::Set(size) => size.0,
            Auto::Auto => auto,
        };
        let connections = match settings.max_connections {
            Auto::Set(wanted) => u64::from(wanted),
            Auto::Auto => budgets.connections,
        };
        let connections = usize::try_from(connections).unwrap_or(usize::MAX);
        Self {
            kafka_connections: connections.min(descriptors.kafka_connections),
            admin_connections: descriptors.admin_connections,
            open_segments: descriptors.open_segments,
            tail_cache: size(&settings.tail_cache_size, budgets.tail_cache),
            request_memory: size(&settings.request_memory, budgets.requests),
            answer_memory: size(&settings.answer_memory, budgets.answers),
            compaction_keys: budgets.compaction_keys,
            sort_index: budgets.sort_index,
        }
    }
}
