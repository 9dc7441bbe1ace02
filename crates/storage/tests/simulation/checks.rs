//! What the engine shows, held against the model.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use forebay_storage::LogId;

use crate::Simulation;
use crate::model::{Model, ModelLog};
use crate::support::read_all;

impl Simulation {
    /// Finds the number of commits whose outcome the engine shows, which becomes the new base.
    pub(crate) fn recognise(&mut self, range: RangeInclusive<usize>) {
        let found = self.observe();
        let mut model = self.base.clone();
        let mut matching = None;
        let range_text = format!("{range:?}");
        for count in 0..=*range.end() {
            if range.contains(&count) && model.clone().opened() == found {
                matching = Some(model.clone().opened());
            }
            if let Some(commit) = self.commits.get(count) {
                commit.iter().for_each(|change| model.apply(change));
            }
        }
        let Some(matching) = matching else {
            let wanted = model.opened();
            for (id, log) in &wanted.logs {
                let got = found
                    .logs
                    .get(id)
                    .map(|log| (log.durability, log.start, log.next, log.batches.len()));
                eprintln!(
                    "log {id}: newest ({:?}, {}, {}, {}) found {got:?}",
                    log.durability,
                    log.start,
                    log.next,
                    log.batches.len()
                );
            }
            panic!(
                "no state after {range_text} commits is what was found: {} events, {} logs",
                found.events.len(),
                found.logs.len()
            );
        };
        self.base = matching.clone();
        self.newest = matching;
        self.commits.clear();
        self.gathering.clear();
        self.written = 0;
        self.synced = 0;
        // Emptied logs of durability `memory` say so in the first commit.
    }

    fn observe(&self) -> Model {
        let engine = &self.world.engine;
        let mut logs = BTreeMap::new();
        for id in engine.log_ids() {
            let reader = self.world.reader(id);
            let start = reader.start_offset();
            let mut log = ModelLog {
                durability: engine.durability(id).unwrap(),
                start,
                next: engine.next_offset(id).unwrap(),
                batches: Vec::new(),
            };
            assert_eq!(reader.end_offset(), log.next);
            for bytes in read_all(&reader, start).unwrap() {
                let header = forebay_record::BatchHeader::parse(&bytes).unwrap();
                log.batches.push((
                    header.base_offset as u64,
                    header.next_offset() as u64,
                    bytes,
                ));
            }
            logs.insert(id, log);
        }
        Model {
            logs,
            events: self.world.machine.events.clone(),
        }
    }

    pub(crate) fn check_readers(&mut self) {
        let ids: Vec<_> = self.newest.logs.keys().copied().collect();
        for id in ids {
            self.check_reader(id);
        }
    }

    pub(crate) fn check_one_reader(&mut self) {
        if let Some(id) = self.any_log() {
            self.check_reader(id);
        }
    }

    /// A live log shows a prefix of what was appended, byte for byte.
    fn check_reader(&mut self, id: LogId) {
        let reader = self.world.reader(id);
        let log = &self.newest.logs[&id];
        assert_eq!(reader.start_offset(), log.start);
        let end = reader.end_offset();
        assert!(end <= log.next);
        if self.gathering.is_empty() && !self.world.engine.has_work() {
            assert_eq!(end, log.next);
        }
        let from = log.start + self.random.below(end - log.start + 1);
        let got = read_all(&reader, from).unwrap();
        let wanted = log
            .batches
            .iter()
            .filter(|(_, next, _)| *next > from && *next <= end);
        let wanted: Vec<_> = wanted.map(|(_, _, bytes)| bytes.clone()).collect();
        assert!(
            got == wanted,
            "log {id} from {from}: {} batches, not {}",
            got.len(),
            wanted.len()
        );
    }
}
