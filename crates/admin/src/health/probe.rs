//! Whether the shard answers: the one thing that a state set at start cannot know.

use std::time::Duration;

use forebay_broker::group::{FetchOffsets, GroupCommand};
use forebay_broker::{Broker, GroupId};

use crate::admin::Shared;
use crate::limits;
use crate::readiness::State;

/// What became of a question to the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// It answered after this time.
    Answered(Duration),
    /// It did not answer within [`limits::PROBE_TIMEOUT`].
    Silent,
    /// It has stopped, or its journal failed.
    Gone,
}

/// Asks for no offsets of a group: the smallest question there is. Its answer has come through the
/// mailbox and the machine, behind whatever commit is under way.
pub(super) async fn probe(broker: &Broker) -> Probe {
    let group = GroupId::new("readiness").expect("the id is a valid one");
    let question = GroupCommand::FetchOffsets(FetchOffsets {
        group,
        partitions: Some(Vec::new()),
    });
    let asked = broker.now().monotonic;
    match tokio::time::timeout(limits::PROBE_TIMEOUT, broker.group(question)).await {
        Ok(Ok(_)) => Probe::Answered(broker.now().monotonic.saturating_sub(asked)),
        Ok(Err(_)) => Probe::Gone,
        Err(_) => Probe::Silent,
    }
}

/// The state as clients should see it, with what the shard says about it.
///
/// A full disk does not make the broker unready: consumers and their commits go on, and taking
/// them away would keep them from reading what retention could then delete.
pub(super) async fn observe(shared: &Shared) -> (State, Probe) {
    let probe = probe(&shared.broker).await;
    let state = match (shared.readiness.state(), probe) {
        (State::Ready, Probe::Silent) => State::Failed("the broker does not answer".to_owned()),
        (State::Ready, Probe::Gone) => State::Failed("the broker has stopped".to_owned()),
        (state, _) => state,
    };
    (state, probe)
}
