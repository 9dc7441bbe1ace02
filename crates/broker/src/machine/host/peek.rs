//! Messages that operators look at.

use super::Host;
use crate::host::{HostError, HostReply, Peek, Peeked, QueueId, VirtualHostId};
use crate::limits::PEEKED_MESSAGES_MAX;
use crate::machine::command::HostResult;

impl Host {
    pub(super) fn peek(&self, vhost: VirtualHostId, peek: &Peek) -> HostResult {
        let id = self.queue_of_operators(vhost, &peek.queue)?;
        let state = self.queues.get(&id).ok_or(HostError::Stopped)?;
        let log = state.reader.clone().ok_or(HostError::Stopped)?;
        // What this very turn brought is not there to be read yet.
        let end = log.end_offset();
        let count_max = peek.limit.min(PEEKED_MESSAGES_MAX);
        let standings = state.queue.look(peek.from, peek.below.min(end), count_max);
        Ok(HostReply::Peeked(Peeked {
            standings,
            end,
            log,
        }))
    }

    /// A queue that operators may touch: not one that a connection has for itself.
    pub(super) fn queue_of_operators(
        &self,
        vhost: VirtualHostId,
        name: &bytes::Bytes,
    ) -> Result<QueueId, HostError> {
        let id = self.names(vhost)?.queues.get(name).copied();
        let id = id.ok_or_else(|| HostError::NoQueue(name.clone()))?;
        match self.queues.get(&id) {
            Some(state) if state.definition.exclusive.is_some() => {
                Err(HostError::ExclusiveToOther(name.clone()))
            }
            _ => Ok(id),
        }
    }
}
