//! A fetch session: the partitions a client follows, in the order in which they are looked at.

use std::collections::VecDeque;
use std::sync::Arc;

use forebay_broker::storage::{LogReader, Observer, Watch};
use hashbrown::{HashMap, HashSet};

use super::{FetchObserver, Followed, SessionSlot, TopicKey};
use crate::protocol::ErrorCode;

/// The partitions that a client follows.
pub(crate) struct FetchSession {
    /// None for one that lasts only as long as its request.
    slot: Option<SessionSlot>,
    /// What the next request's epoch must be.
    epoch: i32,
    pub(crate) observer: Arc<FetchObserver>,
    partitions: HashMap<u64, (Followed, Option<Watch>)>,
    keys: HashMap<(TopicKey, i32), u64>,
    next_key: u64,
    /// Partitions to look at, in order. Those that were just served go to the back, so that a few
    /// busy ones do not starve the rest.
    queue: VecDeque<u64>,
    queued: HashSet<u64>,
}

impl FetchSession {
    pub(crate) fn new(slot: Option<SessionSlot>) -> Self {
        Self {
            slot,
            epoch: 1,
            observer: Arc::default(),
            partitions: HashMap::new(),
            keys: HashMap::new(),
            next_key: 0,
            queue: VecDeque::new(),
            queued: HashSet::new(),
        }
    }

    /// Its id, 0 for one that lasts only as long as its request.
    pub(crate) fn id(&self) -> i32 {
        self.slot.as_ref().map_or(0, SessionSlot::id)
    }

    /// How many partitions it follows.
    pub(crate) fn len(&self) -> usize {
        self.partitions.len()
    }

    /// Has it end with its request.
    pub(crate) fn decline(&mut self) {
        self.slot = None;
    }

    /// Whether it follows nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// Follows a partition, or takes over its new position. `make` looks the partition up.
    pub(crate) fn follow(
        &mut self,
        topic: &TopicKey,
        asked: &crate::protocol::generated::fetch_request::FetchPartition,
        make: impl FnOnce() -> Followed,
    ) {
        let name = (topic.clone(), asked.partition);
        let key = match self.keys.get(&name) {
            Some(key) => {
                let key = *key;
                if let Some((followed, _)) = self.partitions.get_mut(&key) {
                    followed.moved(asked);
                }
                key
            }
            None => {
                let key = self.next_key;
                self.next_key += 1;
                let followed = make();
                let watch = self.watch(key, &followed);
                self.partitions.insert(key, (followed, watch));
                self.keys.insert(name, key);
                key
            }
        };
        self.enqueue(key);
    }

    /// The watch is in place before the first look, so nothing is missed between.
    fn watch(&self, key: u64, followed: &Followed) -> Option<Watch> {
        let observer: Arc<dyn Observer> = Arc::clone(&self.observer) as _;
        let log = followed.log.as_ref().ok()?;
        Some(log.watch(key, &observer))
    }

    /// Looks up again a partition that had no log, or whose log is gone.
    pub(crate) fn look_up(
        &mut self,
        key: u64,
        look_up: impl FnOnce(&TopicKey, i32) -> Result<LogReader, ErrorCode>,
    ) {
        let Some((mut followed, _)) = self.partitions.remove(&key) else {
            return;
        };
        followed.log = look_up(&followed.topic, followed.index);
        let watch = self.watch(key, &followed);
        self.partitions.insert(key, (followed, watch));
    }

    /// Stops following a partition.
    pub(crate) fn forget(&mut self, topic: &TopicKey, partition: i32) {
        if let Some(key) = self.keys.remove(&(topic.clone(), partition)) {
            self.partitions.remove(&key);
        }
    }

    /// Puts what grew since the last look in the queue.
    pub(crate) fn note_changes(&mut self) {
        let changed = self.observer.take_changed();
        changed.into_iter().for_each(|key| self.enqueue(key));
    }

    /// The partitions to look at now. What is not given back with [`Self::enqueue`] is not looked at
    /// again before it changes.
    pub(crate) fn take_queue(&mut self) -> VecDeque<u64> {
        self.queued.clear();
        std::mem::take(&mut self.queue)
    }

    pub(crate) fn enqueue(&mut self, key: u64) {
        if self.partitions.contains_key(&key) && self.queued.insert(key) {
            self.queue.push_back(key);
        }
    }

    pub(crate) fn partition(&mut self, key: u64) -> Option<&mut Followed> {
        self.partitions.get_mut(&key).map(|(followed, _)| followed)
    }

    /// Checks the epoch of an incremental request and moves on to the next.
    pub(crate) fn advance(&mut self, epoch: i32) -> Result<(), ErrorCode> {
        if epoch != self.epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        self.epoch = self.epoch.checked_add(1).unwrap_or(1);
        Ok(())
    }
}
