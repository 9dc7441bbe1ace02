//! A running broker, and short ways of asking it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use forebay_broker::Broker;
use forebay_broker::host::{
    Bind, BodySizes, ConnectionId, DeadLetterTarget, Deaths, Envelope, ExchangeDefinition,
    GetMessage, Got, HostError, Notice, Publication, PublishError, Published, QueueDefinition,
    QueueStatus, Queueing, Run, Settlement, Subscribe, VirtualHost, VirtualHostId, header,
    unchanged,
};
use forebay_broker::queue::{Credit, Delivery, HolderId, Outcome, QueueSettings, Subscription};
use forebay_broker::routing::{Arguments, RouterKind};
use forebay_broker::storage::media::{Fault, Medium};
use forebay_broker::storage::{Clock, LogReader, Now, Read, SimulatedDisk, StorageError};
use forebay_record::{BatchBuilder, Batches, RecordHeader, Records};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::support::{Shard, open};

pub(crate) const ME: ConnectionId = ConnectionId(1);
pub(crate) const OTHER: ConnectionId = ConnectionId(2);

/// A clock that tests set.
#[derive(Clone, Default)]
pub(crate) struct Time(Arc<AtomicI64>);

impl Clock for Time {
    fn now(&self) -> Now {
        let ms = self.0.load(Ordering::SeqCst);
        Now::new(
            Duration::from_millis(ms.unsigned_abs()),
            1_700_000_000_000 + ms,
        )
    }
}

pub(crate) struct Running {
    pub(crate) broker: Broker,
    pub(crate) host: VirtualHost,
    disk: SimulatedDisk,
    time: Time,
    shard: Option<Shard>,
}

/// A consumer with what it was told.
pub(crate) struct Consumer {
    pub(crate) holder: HolderId,
    pub(crate) log: LogReader,
    notices: UnboundedReceiver<Notice>,
}

/// A message as a consumer sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) body: String,
    pub(crate) exchange: String,
    pub(crate) key: String,
    pub(crate) deaths: Deaths,
}

impl Running {
    pub(crate) fn new() -> Self {
        Self::on(SimulatedDisk::new(), Time::default())
    }

    pub(crate) fn on(disk: SimulatedDisk, time: Time) -> Self {
        let (broker, shard) = open(&disk, Arc::new(time.clone()));
        Self {
            host: broker.virtual_host(VirtualHostId::DEFAULT),
            broker,
            disk,
            time,
            shard: Some(shard),
        }
    }

    /// Another one on what a kill leaves.
    pub(crate) fn killed(&self) -> Self {
        Self::on(self.disk.after_kill(), self.time.clone())
    }

    /// Another one on what a power cut is sure to leave.
    pub(crate) fn cut(&self) -> Self {
        Self::on(self.disk.after_power_cut(|| false), self.time.clone())
    }

    /// Another one on what a power cut leaves that has each unsynced sector kept or lost.
    pub(crate) fn cut_keeping(&self, keep: impl FnMut() -> bool) -> Self {
        Self::on(self.disk.after_power_cut(keep), self.time.clone())
    }

    /// Fills the disk with messages of a queue that nobody else uses.
    pub(crate) async fn fill(&self) {
        self.declare("filling").await;
        self.disk.set_capacity(1_000);
        let full = self.broker.watch_full();
        let body = "x".repeat(100 << 10);
        while !*full.borrow() {
            // The last one waits for space.
            let published = self.try_publish(publication("", "filling", &body));
            let _ = timeout(Duration::from_millis(50), published).await;
        }
    }

    /// Gives the disk space again, and has the broker notice.
    pub(crate) async fn make_space(&self) {
        self.disk.set_capacity(1 << 40);
        while *self.broker.watch_full().borrow() {
            self.pass(1_000).await;
        }
    }

    /// How often some bytes are in the journal.
    pub(crate) fn stored_times(&self, bytes: &str) -> usize {
        let files = self.disk.journal_files().unwrap();
        let found = files.into_iter().map(|(id, length)| {
            let file = self.disk.open_journal_file(id).unwrap();
            let mut all = vec![0; usize::try_from(length).unwrap()];
            file.read_at(0, &mut all).unwrap();
            let mut places = all.windows(bytes.len());
            let mut times = 0;
            while places.any(|place| place == bytes.as_bytes()) {
                times += 1;
            }
            times
        });
        found.sum()
    }

    /// Something goes wrong with the disk.
    pub(crate) fn inject(&self, fault: Fault) {
        self.disk.inject(fault);
    }

    /// Another one after this one was stopped in order.
    pub(crate) fn restarted(mut self) -> Self {
        self.stop();
        Self::on(self.disk.after_kill(), self.time.clone())
    }

    /// Lets time pass, and has the broker notice.
    pub(crate) async fn pass(&self, ms: i64) {
        self.time.0.fetch_add(ms, Ordering::SeqCst);
        // Whatever it is asked, it looks at the clock.
        let _ = self.host.check_exchange(Bytes::new()).await;
        let _ = self.host.check_exchange(Bytes::new()).await;
    }

    /// Lets time pass for a broker that has lost what it needs. Returns what it ended with, and another one on what is left.
    pub(crate) async fn lost(mut self, ms: i64) -> (StorageError, Self) {
        self.pass(ms).await;
        let shard = self.shard.take().unwrap();
        let error = shard.join().unwrap().unwrap_err();
        (error, self.killed())
    }

    fn stop(&mut self) {
        self.broker.stop();
        if let Some(shard) = self.shard.take() {
            shard.join().unwrap().unwrap();
        }
    }

    pub(crate) async fn declare(&self, name: &str) -> QueueStatus {
        self.declare_as(queue(name)).await.unwrap()
    }

    pub(crate) async fn declare_as(
        &self,
        queue: QueueDefinition,
    ) -> Result<QueueStatus, HostError> {
        self.host.declare_queue(queue, ME).await
    }

    pub(crate) async fn exchange(&self, name: &str, kind: RouterKind) {
        let declared = self.host.declare_exchange(exchange(name, kind));
        declared.await.unwrap();
    }

    pub(crate) async fn bind(&self, source: &str, destination: &str, key: &str) {
        let bound = self.host.bind(binding(source, destination, key));
        bound.await.unwrap();
    }

    pub(crate) async fn publish(&self, exchange: &str, key: &str, body: &str) -> Published {
        self.try_publish(publication(exchange, key, body))
            .await
            .unwrap()
    }

    pub(crate) async fn try_publish(
        &self,
        publication: Publication,
    ) -> Result<Published, PublishError> {
        self.host.publish(vec![publication]).await.remove(0)
    }

    pub(crate) async fn ready(&self, queue: &str) -> u64 {
        let name = Bytes::copy_from_slice(queue.as_bytes());
        self.host.check_queue(name, ME).await.unwrap().ready
    }

    pub(crate) async fn get(&self, queue: &str) -> Option<(Got, Seen)> {
        let get = GetMessage {
            queue: Bytes::copy_from_slice(queue.as_bytes()),
            holder: HolderId(self.broker.next_id()),
            auto_ack: false,
            connection: ME,
        };
        let got = self.host.get_message(get).await.unwrap()?;
        let seen = read(&got.log, &got.delivery).remove(0);
        Some((got, seen))
    }

    /// Takes and acknowledges everything that is ready.
    pub(crate) async fn drain(&self, queue: &str) -> Vec<Seen> {
        let mut all = Vec::new();
        while let Some((got, seen)) = self.get(queue).await {
            self.settle_delivery(&got.delivery, Outcome::Ack).await;
            all.push(seen);
        }
        all
    }

    pub(crate) async fn bodies(&self, queue: &str) -> Vec<String> {
        let all = self.drain(queue).await;
        all.into_iter().map(|seen| seen.body).collect()
    }

    pub(crate) async fn subscribe(&self, queue: &str, credit: Credit) -> Consumer {
        let subscription = Subscription {
            credit,
            ..Subscription::default()
        };
        self.subscribe_as(queue, subscription).await.unwrap()
    }

    pub(crate) async fn subscribe_as(
        &self,
        queue: &str,
        subscription: Subscription,
    ) -> Result<Consumer, HostError> {
        let (sender, notices) = unbounded_channel();
        let holder = HolderId(self.broker.next_id());
        let subscribe = Subscribe {
            queue: Bytes::copy_from_slice(queue.as_bytes()),
            holder,
            subscription,
            notices: sender,
            connection: ME,
        };
        let log = self.host.subscribe(subscribe).await?.log;
        Ok(Consumer {
            holder,
            log,
            notices,
        })
    }

    pub(crate) async fn settle(&self, holder: HolderId, numbers: Range<u64>, outcome: Outcome) {
        let settlement = Settlement {
            holder,
            numbers,
            outcome,
        };
        self.broker.settle_durably(vec![settlement]).await.unwrap();
    }

    pub(crate) async fn settle_delivery(&self, delivery: &Delivery, outcome: Outcome) {
        let number = delivery.number.unwrap();
        let numbers = number..number + delivery.count;
        self.settle(delivery.holder, numbers, outcome).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.broker.stop();
        if let Some(shard) = self.shard.take() {
            let _ = shard.join();
        }
    }
}

impl Consumer {
    pub(crate) async fn notice(&mut self) -> Notice {
        let next = timeout(Duration::from_secs(10), self.notices.recv());
        next.await.unwrap().unwrap()
    }

    /// The next messages that it is given.
    pub(crate) async fn delivery(&mut self) -> (Delivery, Vec<Seen>) {
        match self.notice().await {
            Notice::Delivered(delivery) => {
                let seen = read(&self.log, &delivery);
                (delivery, seen)
            }
            other => panic!("{other:?}"),
        }
    }

    /// What it has been told that it has not looked at.
    pub(crate) fn is_idle(&mut self) -> bool {
        self.notices.try_recv().is_err()
    }
}

pub(crate) fn read(log: &LogReader, delivery: &Delivery) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut at = delivery.offset;
    while at < delivery.offset + delivery.count {
        let batches = log.read(at, 1 << 20, true).and_then(Read::run).unwrap();
        assert!(batches.next > at, "what was delivered can be read");
        for part in &batches.parts {
            for batch in Batches::new(part) {
                let batch = batch.unwrap();
                let count = usize::try_from(batch.header().record_count).unwrap();
                for record in Records::new(batch.payload(), count) {
                    let record = record.unwrap();
                    let offset = batch.header().offset_of(&record).unsigned_abs();
                    if (at..delivery.offset + delivery.count).contains(&offset) {
                        seen.push(Seen::of(record.value.unwrap(), record.headers));
                    }
                }
            }
        }
        at = batches.next;
    }
    seen
}

impl Seen {
    fn of(body: &[u8], headers: forebay_record::Headers<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let find = |name: &str| {
            let mut all = headers.map(Result::unwrap);
            all.find(|header| header.key == name.as_bytes())
                .and_then(|header| header.value)
        };
        Self {
            body: text(body),
            exchange: text(find(header::EXCHANGE).unwrap_or_default()),
            key: text(find(header::ROUTING_KEY).unwrap_or_default()),
            deaths: find(header::DEATHS)
                .map_or_else(Deaths::default, |bytes| Deaths::decode(bytes).unwrap()),
        }
    }
}

pub(crate) fn queue(name: &str) -> QueueDefinition {
    QueueDefinition {
        name: Bytes::copy_from_slice(name.as_bytes()),
        durable: true,
        exclusive: None,
        settings: QueueSettings::default(),
        dead_letter: None,
        arguments: Arguments::default(),
    }
}

/// A queue whose dead go to an exchange.
pub(crate) fn mortal(name: &str, exchange: &str, settings: QueueSettings) -> QueueDefinition {
    QueueDefinition {
        settings: QueueSettings {
            dead_letter: true,
            ..settings
        },
        dead_letter: Some(DeadLetterTarget {
            exchange: Bytes::copy_from_slice(exchange.as_bytes()),
            routing_key: None,
        }),
        ..queue(name)
    }
}

pub(crate) fn exchange(name: &str, kind: RouterKind) -> ExchangeDefinition {
    ExchangeDefinition {
        name: Bytes::copy_from_slice(name.as_bytes()),
        kind_name: format!("{kind:?}").into(),
        kind,
        durable: true,
        auto_delete: false,
        internal: false,
        alternate: None,
        arguments: Arguments::default(),
    }
}

pub(crate) fn binding(source: &str, destination: &str, key: &str) -> Bind {
    Bind {
        source: Bytes::copy_from_slice(source.as_bytes()),
        destination: Bytes::copy_from_slice(destination.as_bytes()),
        to_exchange: false,
        key: Bytes::copy_from_slice(key.as_bytes()),
        arguments: Arguments::default(),
        connection: ME,
    }
}

pub(crate) fn publication(exchange: &str, key: &str, body: &str) -> Publication {
    let mut builder = BatchBuilder::new();
    let headers = [
        RecordHeader::new(header::EXCHANGE, exchange.as_bytes()),
        RecordHeader::new(header::ROUTING_KEY, key.as_bytes()),
    ];
    let value = Some(body.as_bytes());
    builder
        .add(1_700_000_000_000, None, value, &headers)
        .unwrap();
    Publication {
        envelope: Envelope {
            exchange: Bytes::copy_from_slice(exchange.as_bytes()),
            routing_keys: vec![Bytes::copy_from_slice(key.as_bytes())],
            headers: None,
        },
        batch: BytesMut::from(&builder.build().unwrap()[..]),
        bodies: BodySizes::of(body.as_bytes()),
        priority: 0,
        ttl_ms: None,
        for_topics: unchanged,
        queueing: Queueing::default(),
    }
}

/// Messages in one batch.
pub(crate) fn run(exchange: &str, key: &str, bodies: &[&str]) -> Publication {
    let headers = [
        RecordHeader::new(header::EXCHANGE, exchange.as_bytes()),
        RecordHeader::new(header::ROUTING_KEY, key.as_bytes()),
    ];
    let mut bodies = bodies.iter().map(|body| body.as_bytes());
    let first = bodies.next().unwrap();
    let mut run = Run::begin(0, 1_700_000_000_000, first, &headers).unwrap();
    for body in bodies {
        run.add(1_700_000_000_000, body, &headers).unwrap();
    }
    let (batch, bodies) = run.finish();
    Publication {
        batch,
        bodies,
        ..publication(exchange, key, "")
    }
}
