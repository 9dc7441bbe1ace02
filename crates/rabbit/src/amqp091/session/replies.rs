//! Direct reply-to: an answer goes straight from the connection of who answers to the channel that waits for
//! it, past every queue. Nothing is stored.
//!
//! A consumer of the pseudo-queue [`REPLY_TO`] is given a name that nobody can guess. What its channel
//! publishes with the pseudo-queue in `reply_to` goes out with that name, and what anybody publishes to the
//! default exchange under it goes to the channel. A client that does not take its answers loses what comes
//! when [`limits::REPLY_BYTES_MAX`] wait for it: who answers is not to be held up by one of many who ask.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use forebay_broker::host::{Envelope, Publication, VirtualHostId};
use hashbrown::HashMap;
use parking_lot::RwLock;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Session;
use super::message;
use crate::amqp091::ShortStr;
use crate::limits;

/// The queue that is none: its consumers are given a name for answers.
pub(super) const REPLY_TO: &[u8] = b"amq.rabbitmq.reply-to";
/// What the names begin with.
pub(super) const REPLY_NAME_PREFIX: &str = "amq.rabbitmq.reply-to.";
/// What an answer on its way takes beside its bytes.
const REPLY_OVERHEAD_BYTES: usize = 128;

/// The channels of all connections that wait for answers, by their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplyAddresses(Arc<RwLock<HashMap<Bytes, Address>>>);

/// Where answers to one name go.
#[derive(Clone, Debug)]
struct Address {
    virtual_host: VirtualHostId,
    channel: u16,
    inbox: Arc<Inbox>,
}

/// Answers on their way to the channels of one connection.
#[derive(Debug)]
struct Inbox {
    sender: UnboundedSender<Reply>,
    waiting_bytes: AtomicUsize,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    channel: u16,
    /// The name that it was sent to: the channel may have another one by now.
    name: Bytes,
    /// The message: a batch of one record.
    batch: Bytes,
}

/// The end of an [`Inbox`] that the connection has.
#[derive(Debug)]
pub(super) struct Replies {
    inbox: Arc<Inbox>,
    incoming: UnboundedReceiver<Reply>,
}

/// A channel's consumer of answers. Its name ends with it.
#[derive(Debug)]
pub(super) struct ReplyConsumer {
    pub(super) tag: ShortStr,
    pub(super) name: Bytes,
    addresses: ReplyAddresses,
}

/// Whether a message may be an answer, by the looks of it.
pub(super) fn is_reply(envelope: &Envelope) -> bool {
    let is_name = |key: &Bytes| key.starts_with(REPLY_NAME_PREFIX.as_bytes());
    envelope.exchange.is_empty() && envelope.routing_keys.iter().any(is_name)
}

impl ReplyAddresses {
    /// Sends a message to those of its keys that are names of channels, and takes those keys from it.
    /// Returns whether anybody took it.
    pub(super) fn send(&self, virtual_host: VirtualHostId, publication: &mut Publication) -> bool {
        if !is_reply(&publication.envelope) {
            return false;
        }
        let envelope = &mut publication.envelope;
        let mut to: Vec<(Bytes, Address)> = Vec::new();
        let addresses = self.0.read();
        envelope.routing_keys.retain(|key| {
            let address = addresses.get(key);
            let Some(address) = address.filter(|found| found.virtual_host == virtual_host) else {
                return true;
            };
            if !to.iter().any(|(name, _)| name == key) {
                // What was received is a part of a larger buffer.
                let name = Bytes::copy_from_slice(key);
                to.push((name, address.clone()));
            }
            false
        });
        drop(addresses);
        if to.is_empty() {
            return false;
        }
        let batch = match envelope.routing_keys.is_empty() {
            true => mem::take(&mut publication.batch).freeze(),
            false => Bytes::copy_from_slice(&publication.batch),
        };
        let mut is_taken = false;
        for (name, address) in to {
            is_taken |= address.inbox.take(Reply {
                channel: address.channel,
                name,
                batch: batch.clone(),
            });
        }
        is_taken
    }
}

impl Inbox {
    /// Whether there is room for an answer, and somebody to give it to.
    fn take(&self, reply: Reply) -> bool {
        let bytes = reply.bytes();
        let before = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before < limits::REPLY_BYTES_MAX && self.sender.send(reply).is_ok() {
            return true;
        }
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        false
    }
}

impl Reply {
    fn bytes(&self) -> usize {
        self.batch.len() + REPLY_OVERHEAD_BYTES
    }
}

impl Replies {
    fn new() -> Self {
        let (sender, incoming) = unbounded_channel();
        let inbox = Arc::new(Inbox {
            sender,
            waiting_bytes: AtomicUsize::new(0),
        });
        Self { inbox, incoming }
    }

    /// The next answer. For ever, if none comes.
    pub(super) async fn next(&mut self) -> Option<Reply> {
        let reply = self.incoming.recv().await;
        self.taken(reply)
    }

    fn ready(&mut self) -> Option<Reply> {
        let reply = self.incoming.try_recv().ok();
        self.taken(reply)
    }

    fn taken(&self, reply: Option<Reply>) -> Option<Reply> {
        let bytes = reply.as_ref().map_or(0, Reply::bytes);
        self.inbox.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        reply
    }
}

impl Drop for ReplyConsumer {
    fn drop(&mut self) {
        self.addresses.0.write().remove(&self.name);
    }
}

impl Session<'_> {
    /// Has answers to `name` go to a channel, until the value is dropped.
    pub(super) fn wait_for_replies(
        &mut self,
        channel: u16,
        tag: ShortStr,
        name: Bytes,
    ) -> ReplyConsumer {
        let inbox = &self.replies.get_or_insert_with(Replies::new).inbox;
        let address = Address {
            virtual_host: self.host.id(),
            channel,
            inbox: Arc::clone(inbox),
        };
        let addresses = self.shared.replies.clone();
        addresses.0.write().insert(name.clone(), address);
        ReplyConsumer {
            tag,
            name,
            addresses,
        }
    }

    /// Whether a channel of the virtual host waits for answers under this name.
    pub(super) fn waits_for_replies(&self, name: &[u8]) -> bool {
        let addresses = self.shared.replies.0.read();
        let address = addresses.get(name);
        address.is_some_and(|address| address.virtual_host == self.host.id())
    }

    /// Writes the answers that there is room for.
    pub(super) fn deliver_replies(&mut self) {
        while self.may_write()
            && let Some(reply) = self.replies.as_mut().and_then(Replies::ready)
        {
            self.deliver_reply(&reply);
        }
    }

    pub(super) fn deliver_reply(&mut self, reply: &Reply) {
        let Some(channel) = self.channels.get_mut(&reply.channel) else {
            return;
        };
        let consumer = channel.replies.as_ref();
        let Some(consumer) = consumer.filter(|consumer| consumer.name == reply.name) else {
            return;
        };
        let Some((stored, body)) = message::published_alone(&reply.batch) else {
            return;
        };
        let delivery_tag = channel.unacked.next_tag();
        let stored = stored.view();
        let delivery = stored.delivery(&consumer.tag, delivery_tag, false, &body);
        delivery.write(&mut self.output, reply.channel, self.agreed.frame_max);
        self.shared.metrics.delivered.add(1);
    }
}
