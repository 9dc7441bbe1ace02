//! Messages that were delivered and not settled: one table a holder, numbered by delivery.
//!
//! A table is made of pages of 32 numbers each. A page lives as long as anything in it is locked, so
//! memory is by what is in flight: 17 bytes a message where a consumer settles about in order, and a
//! page (560 bytes) for one that sits on single messages while many others pass.

use forebay_storage::IdMap;

use super::limits::SPARE_PAGES_MAX;

const PAGE: u64 = 32;

/// What is known of a locked message beside its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) offset: u64,
    /// When the lock ends, in milliseconds; [`NEVER`] for one that lasts as long as its holder.
    pub(super) until_ms: i64,
    pub(super) priority: u8,
}

/// The end of a lock without one.
pub(super) const NEVER: i64 = i64::MAX;

/// The end of a lock for a time. The clock's milliseconds are cut off: one that begins at 0.9 and lasts for 10 ends at 11,
/// which is as much, and not at 10, when somebody else would have the message after 9.1. It lasts a moment even for no
/// time, or a consumer would be given the same message without end.
pub(super) fn lock_end(now_ms: i64, lock_ms: u64) -> i64 {
    now_ms.saturating_add_unsigned(lock_ms).saturating_add(1)
}

#[derive(Clone, Debug)]
pub(super) struct Page {
    locked: u32,
    offsets: [u64; PAGE as usize],
    untils: [i64; PAGE as usize],
    priorities: [u8; PAGE as usize],
}

/// Pages that nobody uses.
pub(super) type SparePages = Vec<Box<Page>>;

#[derive(Clone, Debug, Default)]
pub(super) struct LockTable {
    pages: IdMap<u64, Box<Page>>,
    /// The number of the next delivery.
    next: u64,
    len: u64,
}

impl LockTable {
    pub(super) fn new(next: u64) -> Self {
        Self {
            next,
            ..Self::default()
        }
    }

    /// The number that the next delivery gets.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn get(&self, number: u64) -> Option<Lock> {
        let page = self.pages.get(&(number / PAGE))?;
        let slot = slot(number);
        (page.locked >> slot & 1 == 1).then(|| page.lock(slot))
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        let page = self.pages.get(&(number / PAGE));
        page.is_some_and(|page| page.locked >> slot(number) & 1 == 1)
    }

    pub(super) fn insert(&mut self, number: u64, lock: Lock, spare: &mut SparePages) {
        let page = self.pages.entry(number / PAGE).or_insert_with(|| {
            spare.pop().unwrap_or_else(|| {
                Box::new(Page {
                    locked: 0,
                    offsets: [0; PAGE as usize],
                    untils: [0; PAGE as usize],
                    priorities: [0; PAGE as usize],
                })
            })
        });
        let slot = slot(number);
        debug_assert_eq!(page.locked >> slot & 1, 0, "numbers are used once");
        page.locked |= 1 << slot;
        page.offsets[slot] = lock.offset;
        page.untils[slot] = lock.until_ms;
        page.priorities[slot] = lock.priority;
        self.len += 1;
        self.next = self.next.max(number + 1);
    }

    pub(super) fn set_until(&mut self, number: u64, until_ms: i64) {
        if let Some(page) = self.pages.get_mut(&(number / PAGE)) {
            page.untils[slot(number)] = until_ms;
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, number: u64, spare: &mut SparePages) -> Option<Lock> {
        let page = self.pages.get_mut(&(number / PAGE))?;
        let slot = slot(number);
        if page.locked >> slot & 1 == 0 {
            return None;
        }
        page.locked &= !(1 << slot);
        let lock = page.lock(slot);
        self.len -= 1;
        if page.locked == 0
            && let Some(page) = self.pages.remove(&(number / PAGE))
            && spare.len() < SPARE_PAGES_MAX
        {
            spare.push(page);
        }
        Some(lock)
    }

    /// All that is locked, in order of delivery.
    pub(super) fn numbers(&self) -> Vec<u64> {
        let mut pages: Vec<u64> = self.pages.keys().copied().collect();
        pages.sort_unstable();
        let mut numbers = Vec::with_capacity(self.len as usize);
        for page in pages {
            let locked = self.pages[&page].locked;
            let slots = (0..PAGE).filter(|slot| locked >> slot & 1 == 1);
            numbers.extend(slots.map(|slot| page * PAGE + slot));
        }
        numbers
    }

    /// Under which number a message is locked. Takes time by what is locked.
    pub(super) fn number_of(&self, offset: u64) -> Option<u64> {
        self.pages.iter().find_map(|(page, locks)| {
            let locked = (0..PAGE).filter(|slot| locks.locked >> slot & 1 == 1);
            let mut found = locked.filter(|slot| locks.offsets[*slot as usize] == offset);
            found.next().map(|slot| page * PAGE + slot)
        })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.pages.capacity() * 2 * size_of::<u64>() + self.pages.len() * size_of::<Page>()
    }
}

impl Page {
    fn lock(&self, slot: usize) -> Lock {
        Lock {
            offset: self.offsets[slot],
            until_ms: self.untils[slot],
            priority: self.priorities[slot],
        }
    }
}

fn slot(number: u64) -> usize {
    (number % PAGE) as usize
}
