//! Answers that wait for their durability.

use crate::log::Durability;

/// The replies of one round, by what each waits for. This is the one place that decides when a
/// positive answer leaves.
#[derive(Debug)]
pub struct Replies<R> {
    pub(super) at_once: Vec<R>,
    pub(super) after_write: Vec<R>,
    pub(super) after_sync: Vec<R>,
}

impl<R> Default for Replies<R> {
    fn default() -> Self {
        Self {
            at_once: Vec::new(),
            after_write: Vec::new(),
            after_sync: Vec::new(),
        }
    }
}

impl<R> Replies<R> {
    /// Releases `reply` once everything stored so far in this round has reached `durability`.
    pub fn after(&mut self, durability: Durability, reply: R) {
        match durability {
            Durability::Memory => self.at_once.push(reply),
            Durability::Os => self.after_write.push(reply),
            Durability::Fsync => self.after_sync.push(reply),
        }
    }

    /// Releases `reply` at the end of the round; it promises nothing.
    pub fn at_once(&mut self, reply: R) {
        self.at_once.push(reply);
    }
}
