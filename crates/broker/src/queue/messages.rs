//! The messages of a queue and where each of them stands: what a restart must find again.
//!
//! Every transition exists once. A queue decides and makes it; replay reads of it and makes it, too.

use std::ops::Range;
use std::sync::Arc;

use forebay_storage::{IdMap, Scratch};

use super::arrivals::Arrivals;
use super::births::Births;
use super::counters::{Counters, Removal};
use super::deadlines::{Deadline, Deadlines};
use super::dedup::Dedup;
use super::delayed::Delayed;
use super::enqueue::Attributes;
use super::fair::FairGroups;
use super::frontier::Frontier;
use super::groups::{Groups, Member};
use super::ids::{HolderId, Token};
use super::levels::Levels;
use super::locks::{Lock, LockTable, NEVER, SparePages};
use super::settings::{Order, QueueSettings};
use super::sizes::Sizes;
use super::ttls::Ttls;
use super::unburied::Unburied;

/// How often a message came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Deliveries that ended without settling it (`x-acquired-count`).
    pub deliveries: u32,
    /// Those of them that count as failures (`x-delivery-count`).
    pub failures: u32,
    /// When it was delivered first, in milliseconds since the Unix epoch, if that was under a lock that
    /// ends by itself.
    pub first_ms: Option<i64>,
}

#[derive(Clone, Debug)]
pub(super) struct Messages {
    pub(super) settings: QueueSettings,
    /// The offset of the next message.
    pub(super) next: u64,
    pub(super) frontier: Frontier,
    pub(super) levels: Levels,
    pub(super) delayed: Delayed,
    pub(super) tables: IdMap<HolderId, LockTable>,
    /// No table that is no more gave out this number or a higher one.
    pub(super) next_number: u64,
    spare: SparePages,
    pub(super) deadlines: Deadlines,
    /// Of messages that came back, or are locked for a time, and are not settled.
    pub(super) marks: IdMap<u64, Mark>,
    pub(super) sizes: Sizes,
    pub(super) arrivals: Arrivals,
    pub(super) births: Births,
    pub(super) ttls: Ttls,
    pub(super) groups: Groups,
    pub(super) fair: FairGroups,
    pub(super) dedup: Dedup,
    pub(super) unburied: Unburied,
    pub(super) counters: Counters,
}

impl Messages {
    pub(super) fn new(settings: QueueSettings, first: u64) -> Self {
        Self {
            settings,
            next: first,
            frontier: Frontier::new(first),
            levels: Levels::default(),
            delayed: Delayed::default(),
            tables: IdMap::default(),
            next_number: 0,
            spare: SparePages::default(),
            deadlines: Deadlines::default(),
            marks: IdMap::default(),
            sizes: Sizes::default(),
            arrivals: Arrivals::default(),
            births: Births::default(),
            ttls: Ttls::default(),
            groups: Groups::default(),
            fair: FairGroups::default(),
            dedup: Dedup::default(),
            unburied: Unburied::default(),
            counters: Counters::default(),
        }
    }

    /// Messages came in, and are ready as if they had no attributes.
    pub(super) fn arrive(&mut self, run: Range<u64>, bytes_each: u32, at_ms: i64) {
        assert!(run.start >= self.next, "a log's offsets count up");
        if run.is_empty() {
            return;
        }
        if run.start > self.next {
            self.frontier.finish(self.next..run.start);
        }
        self.next = run.end;
        let count = run.end - run.start;
        let resolution_ms = Arrivals::resolution_ms(self.settings.ttl_ms);
        self.arrivals.record(run.start, at_ms, resolution_ms);
        self.sizes.append(run.start, count, bytes_each);
        let bytes = count * u64::from(bytes_each);
        self.counters.ready += count;
        self.counters.ready_bytes += bytes;
        self.counters.held_bytes += bytes;
        self.counters.totals.enqueued += count;
        self.levels.insert(0, run);
        self.fold_sizes();
    }

    /// Messages that just came in have attributes.
    pub(super) fn attribute(&mut self, run: Range<u64>, at_ms: i64, attributes: &Attributes) {
        let run = run.start..run.end.min(self.next);
        if let Some(ttl_ms) = attributes.ttl_ms
            && !run.is_empty()
        {
            self.ttls.append(run.start, run.end - run.start, ttl_ms);
            let resolution_ms = Arrivals::resolution_ms(Some(ttl_ms));
            self.arrivals.refine(run.start, at_ms, resolution_ms);
        }
        if let Some(id) = attributes.deduplication {
            self.dedup.record(id, run.start, at_ms);
        }
        let fresh: Vec<_> = match self.levels.level(0) {
            Some(level) => level.runs_within(run).collect(),
            None => Vec::new(),
        };
        for run in fresh {
            if let Some(born_ms) = attributes.born_ms {
                run.clone()
                    .for_each(|offset| self.births.insert(offset, born_ms));
                self.births.enter(run.clone());
            }
            let order = self.settings.order;
            let fair_group = attributes.group.filter(|_| order == Order::FairGroups);
            if let Some(group) = attributes.group
                && order == Order::PerGroup
            {
                let priority = attributes.priority;
                let member = Member { group, priority };
                run.clone()
                    .for_each(|offset| self.groups.join(offset, member));
            } else if fair_group.is_none()
                && attributes.priority == 0
                && attributes.not_before_ms.is_none()
            {
                continue;
            }
            self.leave_ready(0, run.clone());
            match (attributes.not_before_ms, fair_group) {
                (Some(until_ms), group) => run.for_each(|offset| {
                    if let Some(group) = group {
                        self.fair.join(offset, group);
                    }
                    self.enter_delayed(offset, until_ms, attributes.priority);
                }),
                (None, Some(group)) => self.enter_group(run, group),
                (None, None) => self.enter_ready(run, attributes.priority),
            }
        }
    }

    /// Messages in a row that are ready, of one priority, are locked. `at_ms` says when, of locks that end
    /// by themselves. Returns the first number.
    pub(super) fn lock(
        &mut self,
        holder: HolderId,
        priority: u8,
        run: Range<u64>,
        until_ms: i64,
        at_ms: Option<i64>,
        number: Option<u64>,
    ) -> u64 {
        let count = run.end - run.start;
        self.withdraw(priority, run.clone(), FairGroups::take);
        self.count_deliveries(run.clone());
        if at_ms.is_some() {
            for offset in run.clone() {
                let mark = self.marks.entry(offset).or_default();
                mark.first_ms = mark.first_ms.or(at_ms);
            }
        }
        self.counters.locked += count;
        let next_number = self.next_number;
        let table = self.tables.entry(holder);
        let table = table.or_insert_with(|| LockTable::new(next_number));
        let first = number.unwrap_or_else(|| table.next());
        for (number, offset) in (first..).zip(run) {
            let lock = Lock {
                offset,
                until_ms,
                priority,
            };
            table.insert(number, lock, &mut self.spare);
        }
        self.watch(holder, first, count, until_ms);
        first
    }

    /// Messages in a row that are ready, of one priority, leave the queue.
    pub(super) fn remove_ready(&mut self, priority: u8, run: Range<u64>, removal: Removal) {
        self.withdraw(priority, run.clone(), FairGroups::leave);
        if removal == Removal::Acked {
            self.count_deliveries(run.clone());
        }
        self.finish(run, removal);
    }

    /// Locked messages leave the queue. Tells of each that was, with its mark.
    pub(super) fn settle(
        &mut self,
        holder: HolderId,
        numbers: Range<u64>,
        removal: Removal,
        mut each: impl FnMut(u64, Mark),
    ) {
        let mut run = 0..0;
        for number in numbers {
            let Some(lock) = self.take_lock(holder, number) else {
                continue;
            };
            each(lock.offset, self.mark(lock.offset));
            if run.end != lock.offset || run.is_empty() {
                self.finish(run, removal);
                run = lock.offset..lock.offset;
            }
            run.end += 1;
        }
        self.finish(run, removal);
    }

    /// A locked message comes back.
    pub(super) fn return_one(
        &mut self,
        holder: HolderId,
        number: u64,
        counted: bool,
        until_ms: Option<i64>,
    ) {
        let Some(lock) = self.take_lock(holder, number) else {
            return;
        };
        let mark = self.marks.entry(lock.offset).or_default();
        mark.deliveries = mark.deliveries.saturating_add(1);
        mark.failures = mark.failures.saturating_add(counted.into());
        match until_ms {
            Some(until_ms) => self.enter_delayed(lock.offset, until_ms, lock.priority),
            None => self.enter_ready(lock.offset..lock.offset + 1, lock.priority),
        }
    }

    /// Locks end at another time.
    pub(super) fn extend(&mut self, holder: HolderId, numbers: Range<u64>, until_ms: i64) {
        if let Some(table) = self.tables.get_mut(&holder) {
            for number in numbers.clone() {
                if table.contains(number) {
                    table.set_until(number, until_ms);
                }
            }
        }
        let count = numbers.end - numbers.start;
        self.watch(holder, numbers.start, count, until_ms);
    }

    /// A delayed message is ready.
    pub(super) fn wake(&mut self, offset: u64) {
        if let Some(priority) = self.delayed.remove(offset) {
            self.uncount_delayed(offset..offset + 1);
            self.enter_ready(offset..offset + 1, priority);
        }
    }

    /// What of `offsets` is delayed is ready. Returns what was, in order.
    pub(super) fn wake_within(&mut self, offsets: Range<u64>) -> Vec<Range<u64>> {
        let woken = self.delayed.take_within(offsets).into_iter();
        let enter = |(priority, run): (u8, Range<u64>)| {
            self.uncount_delayed(run.clone());
            self.enter_ready(run.clone(), priority);
            run
        };
        woken.map(enter).collect()
    }

    /// Has what is more than that of packed delayed messages and of each kind of sets wait on disk.
    pub(super) fn page_out(&mut self, delayed_max: usize, sets_max: usize, scratch: &Arc<Scratch>) {
        self.delayed.page_out(delayed_max, sets_max, scratch);
        self.levels.page_out(sets_max, scratch);
        self.frontier.page_out(sets_max, scratch);
    }

    /// What is ready below `below` leaves the queue.
    pub(super) fn purge(&mut self, below: u64) {
        // The parked first: else they would follow their lead.
        let parked: Vec<_> = self.groups.parked().runs_within(0..below).collect();
        for run in parked {
            self.leave_group(run.clone());
            self.finish(run, Removal::Purged);
        }
        for run in self.fair.purge(below) {
            self.leave_group(run.clone());
            self.finish(run, Removal::Purged);
        }
        while let Some((priority, run)) = self.levels.first_below(below) {
            self.remove_ready(priority, run, Removal::Purged);
        }
    }

    /// Other settings from now on.
    pub(super) fn reconfigure(&mut self, settings: QueueSettings) {
        if settings.order != self.settings.order {
            for (offset, priority) in self.groups.dissolve() {
                self.line_up(offset..offset + 1, priority);
            }
            for run in self.fair.dissolve() {
                self.line_up(run, 0);
            }
        } else if settings.order == Order::PerGroup {
            // The delay of a group's messages is their queue's: else those that come later would overtake them.
            let (before, after) = (self.settings.delay_ms, settings.delay_ms);
            self.delayed
                .shift(after.cast_signed().saturating_sub(before.cast_signed()));
        }
        self.settings = settings;
    }

    /// A holder without locks is gone; its numbers are never given out again.
    pub(super) fn forget_holder(&mut self, holder: HolderId) {
        if let Some(table) = self.tables.remove(&holder) {
            debug_assert!(table.is_empty(), "its messages were returned");
            self.next_number = self.next_number.max(table.next());
        }
    }

    /// Under which token a message is locked. Takes time by what is locked.
    pub(super) fn token_of(&self, offset: u64) -> Option<Token> {
        let mut tables = self.tables.iter();
        tables.find_map(|(holder, table)| {
            let number = table.number_of(offset)?;
            Some(Token {
                holder: *holder,
                number,
            })
        })
    }

    pub(super) fn mark(&self, offset: u64) -> Mark {
        if self.marks.is_empty() {
            return Mark::default();
        }
        self.marks.get(&offset).copied().unwrap_or_default()
    }

    /// The end of the messages of `run` that have the mark of its first.
    pub(super) fn marked_alike(&self, run: Range<u64>) -> (Mark, u64) {
        let mark = self.mark(run.start);
        if self.marks.is_empty() {
            return (mark, run.end);
        }
        let differs = |offset: &u64| self.mark(*offset) != mark;
        let end = (run.start + 1..run.end).find(differs);
        (mark, end.unwrap_or(run.end))
    }

    /// When a message expires, and up to which offset that is the answer.
    pub(super) fn expiry(&self, offset: u64) -> (Option<i64>, u64) {
        let (own_ms, own_end) = self.ttls.at(offset);
        let ttl_ms = match (own_ms, self.settings.ttl_ms) {
            (Some(own), Some(queue)) => Some(own.min(queue)),
            (own, queue) => own.or(queue),
        };
        let Some(ttl_ms) = ttl_ms else {
            return (None, own_end);
        };
        let (arrived_ms, arrived_end) = self.arrivals.at(offset);
        let (born_ms, born_end) = self.births.at(offset);
        let since_ms = born_ms.map_or(arrived_ms, |born_ms| born_ms.min(arrived_ms));
        let expiry_ms = since_ms.saturating_add_unsigned(ttl_ms);
        (Some(expiry_ms), own_end.min(arrived_end).min(born_end))
    }

    /// Whether any message may expire.
    pub(super) fn expires(&self) -> bool {
        self.settings.ttl_ms.is_some() || !self.ttls.runs.is_empty()
    }

    fn enter_delayed(&mut self, offset: u64, until_ms: i64, priority: u8) {
        self.delayed.insert(offset, until_ms, priority);
        self.counters.delayed += 1;
        self.counters.delayed_bytes += self.sizes.bytes(offset..offset + 1);
    }

    fn uncount_delayed(&mut self, run: Range<u64>) {
        self.counters.delayed -= run.end - run.start;
        self.counters.delayed_bytes -= self.sizes.bytes(run);
    }

    fn count_deliveries(&mut self, run: Range<u64>) {
        self.counters.totals.delivered += run.end - run.start;
        if !self.marks.is_empty() {
            let again = run.filter(|offset| self.mark(*offset).deliveries > 0);
            self.counters.totals.redelivered += again.count() as u64;
        }
    }

    fn take_lock(&mut self, holder: HolderId, number: u64) -> Option<Lock> {
        let lock = self
            .tables
            .get_mut(&holder)?
            .remove(number, &mut self.spare)?;
        self.counters.locked -= 1;
        if !self.fair.is_empty() {
            self.fair.give_back(lock.offset);
        }
        Some(lock)
    }

    pub(super) fn watch(&mut self, holder: HolderId, number: u64, count: u64, until_ms: i64) {
        if until_ms == NEVER {
            return;
        }
        self.deadlines.push(Deadline {
            until_ms,
            holder,
            number,
            count,
        });
        let tables = &self.tables;
        self.deadlines.compact(self.counters.locked, |deadline| {
            let numbers = deadline.number..deadline.number + deadline.count;
            let table = tables.get(&deadline.holder);
            table.is_some_and(|table| {
                let mut locks = numbers.filter_map(|number| table.get(number));
                locks.any(|lock| lock.until_ms == deadline.until_ms)
            })
        });
    }

    /// Messages in a row, which are neither ready nor locked nor delayed any more, are settled.
    fn finish(&mut self, run: Range<u64>, removal: Removal) {
        if run.is_empty() {
            return;
        }
        let count = run.end - run.start;
        self.counters.held_bytes -= self.sizes.bytes(run.clone());
        self.counters.totals.count(removal, count);
        if let Removal::Dead(reason) = removal {
            self.unburied.insert(run.clone(), reason);
        }
        if !self.marks.is_empty() {
            if count < self.marks.len() as u64 {
                run.clone().for_each(|offset| {
                    self.marks.remove(&offset);
                });
            } else {
                self.marks.retain(|offset, _| !run.contains(offset));
            }
        }
        self.births.forget(run.clone());
        if !self.fair.is_empty() {
            run.clone().for_each(|offset| self.fair.finish(offset));
        }
        if !self.groups.is_empty() {
            for offset in run.clone() {
                if let Some((next, priority)) = self.groups.finish(offset) {
                    self.line_up(next..next + 1, priority);
                }
            }
        }
        let floor = self.frontier.floor();
        self.frontier.finish(run);
        if self.frontier.floor() > floor {
            let floor = self.frontier.floor();
            self.sizes.trim(floor);
            self.arrivals.trim(floor);
            self.ttls.trim(floor);
        }
    }
}
