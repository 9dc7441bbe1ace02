//! Consumers of streams: each has a place of its own in a topic's logs, and acknowledging moves nothing but
//! its credit. They are given runs of messages as the broker gives them to consumers of queues, and the rest
//! of the way is the same.

use std::sync::Arc;

use forebay_broker::host::{Delivered, Notice, Settlement};
use forebay_broker::queue::{HolderId, Mark};
use forebay_broker::storage::{LogReader, Observer, Watch};
use hashbrown::HashMap;
use tokio::sync::Notify;

use super::Session;
use super::stream_filter::StreamFilter;

/// The header that says where in its stream a message is.
pub(super) const OFFSET_HEADER: &str = "x-stream-offset";

/// A consumer's place in one log.
#[derive(Debug)]
struct Place {
    log: LogReader,
    /// The next message that it is given.
    next: u64,
    /// What it was given and has not acknowledged, and as how much that may be.
    outstanding: u64,
    prefetch: u64,
    /// Messages were handed over to be delivered, and were not all looked at.
    is_delivering: bool,
    /// Which it wants, if not all.
    filter: Option<Arc<StreamFilter>>,
    /// Tells when the log grows.
    _watch: Watch,
}

/// All places of a connection.
#[derive(Debug, Default)]
pub(super) struct Streams {
    places: HashMap<HolderId, Place>,
    news: Arc<News>,
}

#[derive(Debug, Default)]
struct News(Notify);

impl Observer for News {
    fn log_changed(&self, _key: u64, _bytes: u64) {
        self.0.notify_one();
    }
}

impl Streams {
    /// Adds a place.
    pub(super) fn add(
        &mut self,
        holder: HolderId,
        log: LogReader,
        next: u64,
        prefetch: u64,
        filter: Option<Arc<StreamFilter>>,
    ) {
        let observer: Arc<dyn Observer> = Arc::<News>::clone(&self.news);
        let watch = log.watch(holder.0, &observer);
        let place = Place {
            log,
            next,
            outstanding: 0,
            prefetch,
            is_delivering: false,
            filter,
            _watch: watch,
        };
        self.places.insert(holder, place);
        self.news.0.notify_one();
    }

    pub(super) fn remove(&mut self, holder: HolderId) {
        self.places.remove(&holder);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Waits until there may be something to give.
    pub(super) async fn news(&self) {
        self.news.0.notified().await;
    }

    /// What a consumer wants of a stream, if not all of it.
    pub(super) fn filter(&self, holder: HolderId) -> Option<Arc<StreamFilter>> {
        self.places.get(&holder)?.filter.clone()
    }

    /// Whether a consumer is one of a stream; then it was given one message more.
    pub(super) fn delivered(&mut self, holder: HolderId) -> bool {
        let place = self.places.get_mut(&holder);
        place.is_some_and(|place| {
            place.outstanding += 1;
            true
        })
    }

    /// A run that was handed over has been looked at to its end.
    pub(super) fn run_ended(&mut self, holder: HolderId) {
        if let Some(place) = self.places.get_mut(&holder) {
            place.is_delivering = false;
            self.news.0.notify_one();
        }
    }

    /// Takes what a client says of deliveries of a stream. Others are given back.
    pub(super) fn settle(&mut self, settlement: Settlement) -> Option<Settlement> {
        let Some(place) = self.places.get_mut(&settlement.holder) else {
            return Some(settlement);
        };
        let settled = settlement.numbers.end - settlement.numbers.start;
        place.outstanding = place.outstanding.saturating_sub(settled);
        self.news.0.notify_one();
        None
    }

    /// What consumers are given now.
    fn give(&mut self) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (holder, place) in &mut self.places {
            if place.log.is_deleted() {
                notices.push(Notice::Cancelled(*holder));
                continue;
            }
            if place.is_delivering {
                continue;
            }
            // What retention has taken is passed over.
            place.next = place.next.max(place.log.start_offset());
            let there = place.log.end_offset().saturating_sub(place.next);
            let count = there.min(place.prefetch.saturating_sub(place.outstanding));
            if count == 0 {
                continue;
            }
            notices.push(Notice::Delivered(Delivered {
                holder: *holder,
                offset: place.next,
                count,
                number: Some(place.next),
                mark: Mark::default(),
            }));
            place.next += count;
            place.is_delivering = true;
        }
        notices
    }
}

impl Session<'_> {
    /// Ends consumers of streams.
    pub(super) fn end_streams(&mut self, holders: &[HolderId]) {
        for holder in holders {
            self.streams.remove(*holder);
            if self.consumers.remove(holder).is_some() {
                self.shared.metrics.consumers.fewer(1);
            }
        }
    }

    /// Gives consumers of streams what there is and they have credit for.
    pub(super) fn follow_streams(&mut self) {
        if !self.streams.is_empty() {
            let notices = self.streams.give();
            self.backlog.extend(notices);
        }
    }
}
