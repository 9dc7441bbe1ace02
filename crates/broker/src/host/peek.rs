//! Messages that are looked at, and stay as they are.

use std::collections::HashMap;

use bytes::Bytes;
use forebay_record::Batches;
use forebay_storage::{LogReader, Read, ReadError};

use super::handle::Answer;
use super::stored::StoredMessage;
use super::{HostCommand, HostError, HostReply, VirtualHost};
use crate::queue::Standing;

/// Bytes of batches that are read at once.
const READ_BYTES: usize = 256 << 10;

/// Which messages are looked at.
#[derive(Clone, Debug)]
pub struct Peek {
    /// The queue's name.
    pub queue: Bytes,
    /// The first offset.
    pub from: u64,
    /// The offset after the last.
    pub below: u64,
    /// How many messages, at most.
    pub limit: usize,
}

/// Where messages stand, and how to read them.
#[derive(Clone, Debug)]
pub struct Peeked {
    /// Where each stands, in the order in which they came in.
    pub standings: Vec<Standing>,
    /// The offset after the last message of the queue.
    pub end: u64,
    /// Reads them.
    pub log: LogReader,
}

/// Messages that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeekedMessages {
    /// Those that are there still.
    pub messages: Vec<(Standing, StoredMessage)>,
    /// The first that was not read because there were enough bytes already.
    pub next: Option<u64>,
}

impl Peeked {
    /// Reads messages until their bodies are so many bytes, at least one. Blocks on the disk. What is
    /// consumed in the meantime is left out.
    ///
    /// # Errors
    /// If the queue was deleted, the disk failed, or its data is damaged.
    pub fn read(&self, bytes_max: usize) -> Result<PeekedMessages, ReadError> {
        let mut found = PeekedMessages::default();
        let mut bytes = 0;
        let mut left = self.standings.iter().peekable();
        while let Some(first) = left.peek() {
            if bytes >= bytes_max {
                found.next = Some(first.offset);
                break;
            }
            let from = first.offset;
            let read = match self.log.read(from, READ_BYTES, true).and_then(Read::run) {
                Ok(read) => read,
                // Its front was given back: what was there is consumed.
                Err(ReadError::OutOfRange { start, .. }) if start > from => {
                    while left.next_if(|next| next.offset < start).is_some() {}
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut here = HashMap::new();
            for part in &read.parts {
                for batch in Batches::new(part).map_while(Result::ok) {
                    let batch = part.slice_ref(batch.bytes());
                    let messages = StoredMessage::all_in(&batch, |offset| offset >= from);
                    here.extend(
                        messages
                            .into_iter()
                            .map(|message| (message.offset, message)),
                    );
                }
            }
            let end = read.next.max(from + 1);
            while let Some(standing) = left.next_if(|next| next.offset < end && bytes < bytes_max) {
                if let Some(message) = here.remove(&standing.offset) {
                    bytes += message.body.len();
                    found.messages.push((*standing, message));
                }
            }
        }
        Ok(found)
    }
}

impl VirtualHost {
    /// Looks at messages of a queue. Nothing happens to them.
    pub async fn peek(&self, peek: Peek) -> Answer<Peeked> {
        match self.host(HostCommand::Peek(peek)).await? {
            HostReply::Peeked(peeked) => Ok(peeked),
            _ => Err(HostError::Stopped),
        }
    }
}
