//! Messages that operators look at.

use super::Host;
use crate::host::{ConnectionId, HostError, HostReply, Peek, Peeked, VirtualHostId};
use crate::limits::PEEKED_MESSAGES_MAX;
use crate::machine::command::HostResult;

impl Host {
    pub(super) fn peek(&self, vhost: VirtualHostId, peek: &Peek) -> HostResult {
        let id = self.queue_for(vhost, &peek.queue, ConnectionId::NOBODY)?;
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
}
