//! What the engine should hold: the outcome of a list of commits.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use forebay_record::patch_base_offset;
use forebay_storage::{Durability, LogId};

/// What one commit did, in order.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Create(LogId, Durability),
    Delete(LogId),
    Append(LogId, Bytes, u64),
    Start(LogId, u64),
    Durability(LogId, Durability),
    Event(Vec<u8>),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Model {
    pub(crate) logs: BTreeMap<LogId, ModelLog>,
    pub(crate) events: Vec<Vec<u8>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ModelLog {
    pub(crate) durability: Durability,
    pub(crate) start: u64,
    pub(crate) next: u64,
    /// First offset, offset after the last, bytes as stored.
    pub(crate) batches: Vec<(u64, u64, Bytes)>,
}

impl Model {
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Create(id, durability) => {
                let durability = *durability;
                self.logs.insert(
                    *id,
                    ModelLog {
                        durability,
                        ..ModelLog::default()
                    },
                );
            }
            Change::Delete(id) => drop(self.logs.remove(id)),
            Change::Append(id, bytes, records) => {
                let log = self.logs.get_mut(id).unwrap();
                let mut stored = BytesMut::from(&bytes[..]);
                patch_base_offset(&mut stored, log.next as i64, 0).unwrap();
                log.batches
                    .push((log.next, log.next + records, stored.freeze()));
                log.next += records;
            }
            Change::Start(id, start) => {
                let log = self.logs.get_mut(id).unwrap();
                log.start = log.start.max(*start);
                let start = log.start;
                log.batches.retain(|(_, next, _)| *next > start);
            }
            Change::Durability(id, durability) => {
                self.logs.get_mut(id).unwrap().durability = *durability;
            }
            Change::Event(event) => self.events.push(event.clone()),
        }
    }

    /// What an opening makes of it.
    pub(crate) fn opened(mut self) -> Self {
        for log in self.logs.values_mut() {
            if log.durability == Durability::Memory {
                log.start = log.next;
                log.batches.clear();
            }
        }
        self
    }
}
