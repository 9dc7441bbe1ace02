//! Messages that are taken for a time, by nobody who stays: whoever knows the lease may end or extend it, on
//! any connection (SQS receipt handles, Pub/Sub ack ids). What nobody ends comes back when its lock does.

use bytes::Bytes;
use forebay_record::Batches;
use forebay_storage::{Batches as Found, ColdRead, LogReader, Read};
use tokio::sync::oneshot;

use super::handle::Answer;
use super::{HostCommand, HostError, HostReply, QueueId, StoredMessage, VirtualHost};

/// Messages that are wanted.
#[derive(Clone, Debug)]
pub struct Receive {
    /// Of this queue.
    pub queue: Bytes,
    /// At most so many.
    pub messages_max: u32,
    /// For how many milliseconds they are locked, if not for as long as the queue's settings say.
    pub lock_ms: Option<u64>,
    /// The same for a queue whose locks do not end.
    pub default_lock_ms: u64,
    /// How many messages of the queue may be locked, at most, for there to be more.
    pub in_flight_max: Option<u64>,
}

/// Messages that were taken.
#[derive(Clone, Debug)]
pub struct Received {
    /// Reads them.
    pub log: LogReader,
    /// In the order in which they were delivered.
    pub messages: Vec<Leased>,
}

/// Bytes that are read first for each of messages that follow one another. If that was too little, twice as many are
/// read next: what is read beyond them is checked and thrown away.
const READ_BYTES_EACH: usize = 2 << 10;
/// How far apart two messages are that are read together.
const NEAR_OFFSETS: u64 = 8;
/// Bytes that are read at once, at most.
const READ_BYTES_MAX: usize = 256 << 10;

impl Received {
    /// The messages with their leases, if all of them are in memory: the log's, or the system's.
    pub fn read_at_hand(&self) -> Option<Vec<(Leased, StoredMessage)>> {
        self.read_with(|cold| match Read::Cold(cold).resident() {
            Ok(Read::Ready(found)) => Some(found),
            _ => None,
        })
    }

    /// The same, from disk where they are not in memory: this may block. What cannot be read is left out, and
    /// comes back when its lock ends.
    pub fn read(&self) -> Vec<(Leased, StoredMessage)> {
        let read = self.read_with(|cold| {
            Some(cold.run().unwrap_or_else(|error| {
                tracing::error!(%error, "messages that were received cannot be read");
                Found::default()
            }))
        });
        read.unwrap_or_default()
    }

    fn read_with(
        &self,
        run: impl Fn(ColdRead) -> Option<Found>,
    ) -> Option<Vec<(Leased, StoredMessage)>> {
        let mut found: Vec<Option<StoredMessage>> = vec![None; self.messages.len()];
        let mut bytes_each = READ_BYTES_EACH;
        for at in 0..self.messages.len() {
            if found[at].is_some() {
                continue;
            }
            let near = self.near(at);
            let (offset, last) = (near[0].lease.offset, near[near.len() - 1].lease.offset);
            let bytes = match last - offset {
                0 => 1,
                more => {
                    let bytes = bytes_each.saturating_mul(1 + more as usize);
                    bytes_each = (2 * bytes_each).min(READ_BYTES_MAX);
                    bytes.min(READ_BYTES_MAX)
                }
            };
            let read = match self.log.read(offset, bytes, true) {
                Ok(Read::Ready(read)) => read,
                Ok(Read::Cold(cold)) => run(cold)?,
                // It was settled by somebody else meanwhile, and its place given back.
                Err(_) => continue,
            };
            for part in &read.parts {
                let batches = Batches::new(part).map_while(Result::ok);
                let batches =
                    batches.take_while(|batch| batch.header().base_offset <= last.cast_signed());
                for batch in batches {
                    let batch = part.slice_ref(batch.bytes());
                    let place = |offset| near.binary_search_by_key(&offset, |it| it.lease.offset);
                    for message in StoredMessage::all_in(&batch, |offset| place(offset).is_ok()) {
                        if let Ok(place) = place(message.offset) {
                            found[at + place] = Some(message);
                        }
                    }
                }
            }
        }
        let messages = self.messages.iter().copied().zip(found);
        let read = messages.filter_map(|(leased, found)| Some((leased, found?)));
        Some(read.collect())
    }

    /// A message and those behind it that are read with it: each is a little further on in the log.
    fn near(&self, at: usize) -> &[Leased] {
        let behind = self.messages[at..].windows(2);
        let near = behind.take_while(|pair| {
            let further = pair[1].lease.offset.checked_sub(pair[0].lease.offset);
            further.is_some_and(|further| (1..=NEAR_OFFSETS).contains(&further))
        });
        let count = 1 + near.count();
        &self.messages[at..at + count]
    }
}

/// A message that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leased {
    /// What it is settled by.
    pub lease: Lease,
    /// How often it came back before.
    pub deliveries: u32,
    /// When it was taken first, in milliseconds since the Unix epoch.
    pub first_ms: i64,
}

/// Names one delivery of a message. Good until its lock ends, also over restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The queue.
    pub queue: QueueId,
    /// Which of its deliveries it was.
    pub number: u64,
    /// The message.
    pub offset: u64,
}

/// What becomes of a message that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// It is consumed.
    Delete {
        /// Also if the lock has ended meanwhile, and even if somebody else has the message now.
        even_if_stale: bool,
    },
    /// Its lock ends so many milliseconds from now. 0: it comes back at once.
    Extend {
        /// In milliseconds.
        lock_ms: u64,
    },
}

/// Why nothing became of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// Its lock has ended, and the message is still there.
    #[error("the lease has ended")]
    Stale,
    /// The message is not there any more.
    #[error("the message is gone")]
    Gone,
    /// It is of another queue.
    #[error("the lease is of another queue")]
    Unknown,
}

impl VirtualHost {
    /// Takes messages of a queue. None if there are none.
    pub async fn take(&self, receive: Receive) -> Answer<Option<Received>> {
        let command = HostCommand::Receive {
            receive,
            waiter: None,
        };
        match self.host(command).await? {
            HostReply::Received(received) => Ok(Some(received)),
            HostReply::Waiting(_) => Ok(None),
            _ => Err(HostError::Stopped),
        }
    }

    /// The same, and waits for the first of them as long as there are none and `until` is not over. To be
    /// dropped is to wait no longer; messages that were on their way just then come back when their locks end.
    pub async fn receive(
        &self,
        receive: Receive,
        until: impl Future<Output = ()> + Send,
    ) -> Answer<Option<Received>> {
        let (waiter, mut told) = oneshot::channel();
        let queue = receive.queue.clone();
        let command = HostCommand::Receive {
            receive,
            waiter: Some(waiter),
        };
        let waiter = match self.host(command).await? {
            HostReply::Received(received) => return Ok(Some(received)),
            HostReply::Waiting(waiter) => waiter,
            _ => return Err(HostError::Stopped),
        };
        let mut waiting = Waiting {
            virtual_host: self,
            queue: queue.clone(),
            waiter: Some(waiter),
        };
        tokio::select! {
            biased;
            received = &mut told => {
                waiting.waiter = None;
                // Nobody is told any more of a queue that is gone.
                received.map(Some).map_err(|_| HostError::NoQueue(queue))
            }
            () = until => {
                told.close();
                let received = told.try_recv().ok();
                if received.is_some() {
                    waiting.waiter = None;
                }
                Ok(received)
            }
        }
    }

    /// Says what becomes of messages of a queue that were taken, with a result for each. That they are consumed is
    /// as durable as the queue when this is answered.
    pub async fn settle_leases(
        &self,
        queue: Bytes,
        leases: Vec<(Lease, LeaseOutcome)>,
    ) -> Answer<Vec<Result<(), LeaseError>>> {
        match self.host(HostCommand::Leases { queue, leases }).await? {
            HostReply::Leases(results) => Ok(results),
            _ => Err(HostError::Stopped),
        }
    }
}

/// Says so when somebody waits no longer.
struct Waiting<'a> {
    virtual_host: &'a VirtualHost,
    queue: Bytes,
    waiter: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            let queue = std::mem::take(&mut self.queue);
            // It is on its way; nobody waits for the answer.
            drop(
                self.virtual_host
                    .host(HostCommand::StopWaiting { queue, waiter }),
            );
        }
    }
}
