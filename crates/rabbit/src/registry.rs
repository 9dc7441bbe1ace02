//! Who is connected: what operators are shown of connections, their channels and consumers.
//!
//! A session owns what it counts, so counting is a load and a store ([`Tally`]); whoever asks reads along.
//! What changes rarely (channels, consumers) is behind locks that a session takes when it changes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use bytes::Bytes;
use forebay_broker::host::ConnectionId;
use forebay_broker::queue::HolderId;
use forebay_broker::storage::shard::Counter;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::amqp091::table::Table;

/// A number that one task writes and others read.
#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Only for the one that writes it: there is no lock in this.
    pub(crate) fn add(&self, amount: u64) {
        self.0
            .store(self.value().wrapping_add(amount), Ordering::Relaxed);
    }

    /// The same.
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// All connections that are open.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    connections: Mutex<BTreeMap<u64, Arc<ConnectionEntry>>>,
    /// Connections and channels that there have been.
    pub(crate) churn: Churn,
    /// What channels have counted that are closed.
    past: Mutex<Counts>,
}

/// What has come and gone since the start.
#[derive(Debug, Default)]
pub(crate) struct Churn {
    pub(crate) connections_created: Counter,
    pub(crate) connections_closed: Counter,
    pub(crate) channels_created: Counter,
    pub(crate) channels_closed: Counter,
}

impl Registry {
    /// Takes a connection in, for as long as what is returned lives.
    pub(crate) fn connected(self: &Arc<Self>, id: ConnectionId, facts: Facts) -> Registration {
        let entry = Arc::new(ConnectionEntry {
            id,
            name: format!("{} -> {}", facts.peer, facts.local),
            facts,
            received_bytes: Tally::default(),
            received_packets: Tally::default(),
            sent_bytes: Tally::default(),
            sent_packets: Tally::default(),
            channels: Mutex::default(),
            close_reason: Mutex::default(),
            close: Notify::new(),
        });
        self.connections.lock().insert(id.0, Arc::clone(&entry));
        self.churn.connections_created.add(1);
        Registration {
            registry: Arc::clone(self),
            entry,
        }
    }

    /// All of them, the oldest first.
    pub(crate) fn connections(&self) -> Vec<Arc<ConnectionEntry>> {
        self.connections.lock().values().cloned().collect()
    }

    /// What all channels have counted, also those that are closed.
    pub(crate) fn counts(&self) -> Counts {
        // In this order, so that what closes in between is not missed; it may be counted twice.
        let open = self.connections();
        let open = open.iter().flat_map(|connection| connection.channels());
        let open = open.fold(Counts::default(), |sum, (_, channel)| {
            sum.plus(channel.counts.read())
        });
        self.past.lock().plus(open)
    }

    /// How many there are.
    pub(crate) fn connection_count(&self) -> usize {
        self.connections.lock().len()
    }

    /// The one of this name.
    pub(crate) fn connection(&self, name: &str) -> Option<Arc<ConnectionEntry>> {
        let connections = self.connections.lock();
        let mut all = connections.values();
        all.find(|entry| entry.name == name).cloned()
    }

    /// What a channel has counted that is no more.
    fn remember(&self, channel: &ChannelEntry) {
        self.churn.channels_closed.add(1);
        let mut past = self.past.lock();
        *past = past.plus(channel.counts.read());
    }
}

/// A connection that is known, until this is dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    registry: Arc<Registry>,
    entry: Arc<ConnectionEntry>,
}

impl Registration {
    pub(crate) fn entry(&self) -> &ConnectionEntry {
        &self.entry
    }

    /// A channel was opened.
    pub(crate) fn opened(&self, number: u16) -> Arc<ChannelEntry> {
        let channel = Arc::new(ChannelEntry::default());
        let known = Arc::clone(&channel);
        self.entry.channels.lock().insert(number, known);
        self.registry.churn.channels_created.add(1);
        channel
    }

    /// A channel was closed.
    pub(crate) fn closed(&self, number: u16) {
        if let Some(channel) = self.entry.channels.lock().remove(&number) {
            self.registry.remember(&channel);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.connections.lock().remove(&self.entry.id.0);
        self.registry.churn.connections_closed.add(1);
        for channel in std::mem::take(&mut *self.entry.channels.lock()).values() {
            self.registry.remember(channel);
        }
    }
}

/// What is known of a connection from its start.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) user: String,
    pub(crate) virtual_host: String,
    pub(crate) mechanism: String,
    pub(crate) client_properties: Table,
    pub(crate) frame_max: u32,
    pub(crate) channel_max: u16,
    /// Seconds; 0 for none.
    pub(crate) heartbeat: u16,
    /// When it was opened, in milliseconds since 1970.
    pub(crate) connected_at_ms: i64,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct ConnectionEntry {
    pub(crate) id: ConnectionId,
    /// `peer -> local`, as RabbitMQ has it.
    pub(crate) name: String,
    pub(crate) facts: Facts,
    pub(crate) received_bytes: Tally,
    /// Reads of the socket that brought something.
    pub(crate) received_packets: Tally,
    pub(crate) sent_bytes: Tally,
    pub(crate) sent_packets: Tally,
    channels: Mutex<BTreeMap<u16, Arc<ChannelEntry>>>,
    close_reason: Mutex<Option<String>>,
    close: Notify,
}

impl ConnectionEntry {
    /// Its channels, in order of their numbers.
    pub(crate) fn channels(&self) -> Vec<(u16, Arc<ChannelEntry>)> {
        let channels = self.channels.lock();
        let each = channels.iter();
        each.map(|(number, channel)| (*number, Arc::clone(channel)))
            .collect()
    }

    /// How many there are.
    pub(crate) fn channel_count(&self) -> usize {
        self.channels.lock().len()
    }

    /// Has the connection close, and tells its client why.
    pub(crate) fn request_close(&self, reason: String) {
        *self.close_reason.lock() = Some(reason);
        self.close.notify_one();
    }

    /// Waits until somebody wants it closed.
    pub(crate) async fn close_requested(&self) -> String {
        loop {
            let asked = self.close_reason.lock().take();
            match asked {
                Some(reason) => return reason,
                None => self.close.notified().await,
            }
        }
    }
}

/// A channel: written by its session alone.
#[derive(Debug, Default)]
pub(crate) struct ChannelEntry {
    mode: AtomicU8,
    /// `basic.qos` without `global`.
    pub(crate) prefetch: Tally,
    /// `basic.qos` with it.
    pub(crate) global_prefetch: Tally,
    /// Messages that wait to be settled.
    pub(crate) unacked: Tally,
    pub(crate) counts: ChannelCounts,
    consumers: Mutex<BTreeMap<HolderId, Arc<ConsumerEntry>>>,
}

/// Writes what is counted from one list: as channels count it, and as it is read.
macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a channel has counted.
        #[derive(Debug, Default)]
        pub(crate) struct ChannelCounts {
            $($(#[$doc])* pub(crate) $name: Tally,)*
        }

        impl ChannelCounts {
            pub(crate) fn read(&self) -> Counts {
                Counts { $($name: self.$name.value(),)* }
            }
        }

        /// The same, as it was read.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(crate) struct Counts {
            $($(#[$doc])* pub(crate) $name: u64,)*
        }

        impl Counts {
            pub(crate) fn plus(self, other: Self) -> Self {
                Self { $($name: self.$name.wrapping_add(other.$name),)* }
            }
        }
    };
}

counts! {
    /// Messages that were published.
    published,
    /// Of them, those that were confirmed.
    confirmed,
    /// Those that went nowhere and were returned.
    returned,
    /// Those that went nowhere, and nobody asked to be told.
    dropped,
    /// To consumers that acknowledge.
    delivered,
    /// To consumers that do not.
    delivered_no_ack,
    /// Taken one by one, to be acknowledged.
    got,
    /// Taken one by one, and done with.
    got_no_ack,
    /// Asked for where there was none.
    got_nothing,
    /// Of all these, what had been delivered before.
    redelivered,
    /// What was acknowledged.
    acknowledged,
}

/// How a channel publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelMode {
    Plain,
    Confirm,
    Transaction,
}

impl ChannelEntry {
    pub(crate) fn mode(&self) -> ChannelMode {
        match self.mode.load(Ordering::Relaxed) {
            1 => ChannelMode::Confirm,
            2 => ChannelMode::Transaction,
            _ => ChannelMode::Plain,
        }
    }

    pub(crate) fn set_mode(&self, mode: ChannelMode) {
        self.mode.store(mode as u8, Ordering::Relaxed);
    }

    /// A consumer was subscribed.
    pub(crate) fn subscribed(&self, holder: HolderId, consumer: ConsumerEntry) {
        self.consumers.lock().insert(holder, Arc::new(consumer));
    }

    /// It is no more.
    pub(crate) fn unsubscribed(&self, holder: HolderId) {
        self.consumers.lock().remove(&holder);
    }

    /// Nobody consumes any more, and nothing is held.
    pub(crate) fn let_go(&self) {
        self.consumers.lock().clear();
        self.unacked.set(0);
    }

    /// Its consumers.
    pub(crate) fn consumers(&self) -> Vec<(HolderId, Arc<ConsumerEntry>)> {
        let consumers = self.consumers.lock();
        let each = consumers.iter();
        each.map(|(holder, consumer)| (*holder, Arc::clone(consumer)))
            .collect()
    }

    /// How many there are.
    pub(crate) fn consumer_count(&self) -> usize {
        self.consumers.lock().len()
    }
}

/// A consumer.
#[derive(Debug)]
pub(crate) struct ConsumerEntry {
    pub(crate) tag: Bytes,
    pub(crate) queue: Bytes,
    pub(crate) no_ack: bool,
    pub(crate) exclusive: bool,
    pub(crate) prefetch: u16,
    pub(crate) arguments: Table,
}
