//! What the broker may use of memory and descriptors: as configured, or as the machine allows.

use crate::cli::failure::Failure;
use crate::config::Settings;
use crate::config::address::Listen;
use crate::config::setting::Auto;
use crate::config::units::ByteSize;
use crate::descriptors::Descriptors;
use crate::memory::Budgets;

/// Threads that reads of older messages leave to others: a disk that hangs keeps all of theirs, and just
/// then metrics and health are asked for.
const BLOCKING_THREADS_SPARED: usize = 2;

/// The shares of everything that wants some. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resources {
    pub(super) kafka_connections: usize,
    pub(super) amqp_connections: usize,
    pub(super) aws_connections: usize,
    pub(super) admin_connections: usize,
    pub(super) open_segments: usize,
    pub(super) tail_cache: u64,
    pub(super) request_memory: u64,
    pub(super) answer_memory: u64,
    pub(super) journal_file: u64,
    pub(super) compaction_keys: u64,
    pub(super) sort_index: u64,
    pub(super) blocking_threads: usize,
    /// Of those, for reads of older messages.
    pub(super) disk_reads: usize,
}

impl Resources {
    /// Shares out what there is of descriptors and `memory`, and says where it is less than what is wanted.
    ///
    /// # Errors
    /// When there is too little to serve anybody.
    pub(super) fn share_out(settings: &Settings, memory: Option<u64>) -> Result<Self, Failure> {
        let descriptors = Descriptors::share_out()?;
        let resources = Self::of(settings, descriptors, Budgets::within(memory));
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
        tracing::debug!(memory_limit = memory, ?resources, "resources");
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
        let gateways = [&settings.kafka, &settings.amqp, &settings.aws];
        let gateways = gateways.iter().filter(|listen| ***listen != Listen::Off);
        let share = descriptors.client_connections / gateways.count().max(1);
        let blocking_threads = usize::try_from(budgets.blocking_threads).unwrap_or(1);
        Self {
            kafka_connections: connections.min(share),
            amqp_connections: connections.min(share),
            aws_connections: connections.min(share),
            admin_connections: descriptors.admin_connections,
            open_segments: descriptors.open_segments,
            tail_cache: size(&settings.tail_cache_size, budgets.tail_cache),
            request_memory: size(&settings.request_memory, budgets.requests),
            answer_memory: size(&settings.answer_memory, budgets.answers),
            journal_file: size(&settings.journal_file_size, budgets.journal_file),
            compaction_keys: budgets.compaction_keys,
            sort_index: budgets.sort_index,
            blocking_threads,
            disk_reads: blocking_threads.saturating_sub(BLOCKING_THREADS_SPARED),
        }
    }
}
