//! What the operations say, gathered by log and by group, with numbers in the place of names.

mod group;
mod log;
mod names;

pub(crate) use group::{CommitFact, CommittedFact, CommittedOffsets};
pub(crate) use log::{
    Attempt, DrainFact, Known, LogFacts, Read, RecordId, Sighting, Step, Witness,
};
pub(crate) use names::{NameId, Names};

use crate::history::KeepsOrder;

/// What the test expects of a producer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProducerFact {
    pub(crate) once: bool,
    pub(crate) keeps_order: KeepsOrder,
}
