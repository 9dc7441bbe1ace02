//! What Forebay is to reach beside RabbitMQ.

use super::contender::Contender::{self, Classic, ForebayFsync, ForebayOs, Old, Quorum};
use super::measure::*;
use crate::bench::comparison::{Claim, Target, claim};

/// By how much more a message may cost with a thousand times as many bindings, to be flat.
const FLAT: f64 = 1.10;

pub(crate) const CLAIMS: &[Claim<Contender>] = &[
    claim(&TINY, ForebayOs, Classic, Target::Times(10.0)),
    claim(&LARGE, ForebayOs, Classic, Target::Times(10.0)),
    claim(&TINY, ForebayOs, Old, Target::Times(10.0)),
    claim(&LARGE, ForebayOs, Old, Target::Times(10.0)),
    claim(&PERF_LARGE, ForebayOs, Classic, Target::None),
    claim(&TINY_CPU, ForebayOs, Classic, Target::None),
    claim(&LARGE_CPU, ForebayOs, Classic, Target::None),
    claim(&TINY, ForebayFsync, Classic, Target::None),
    claim(&LARGE, ForebayFsync, Quorum, Target::None),
    claim(&CONFIRMED, ForebayFsync, Classic, Target::Times(5.0)),
    claim(&CONFIRMED, ForebayFsync, Quorum, Target::Times(10.0)),
    claim(&CONFIRMED, ForebayFsync, Old, Target::Times(5.0)),
    claim(&STEADY_P99, ForebayFsync, Classic, Target::Times(3.0)),
    claim(&STEADY_P99, ForebayFsync, Quorum, Target::Times(3.0)),
    claim(&STEADY_P99, ForebayFsync, Old, Target::Times(3.0)),
    claim(&PERF_CONFIRMED, ForebayFsync, Classic, Target::None),
    claim(&PERF_CONFIRMED, ForebayFsync, Quorum, Target::None),
    claim(&CONFIRMED_CPU, ForebayFsync, Classic, Target::None),
    claim(&STEADY_CPU, ForebayFsync, Classic, Target::None),
    claim(&FANOUT, ForebayOs, Classic, Target::Times(5.0)),
    claim(&FANOUT_CPU, ForebayOs, Classic, Target::None),
    claim(&MANY, ForebayOs, Classic, Target::Times(5.0)),
    claim(&TRICKLE_CPU, ForebayOs, Classic, Target::Times(5.0)),
    claim(&TRICKLE_P99, ForebayOs, Classic, Target::None),
    claim(&TOPIC_FEW, ForebayOs, Classic, Target::None),
    claim(&TOPIC_MANY, ForebayOs, Classic, Target::Times(5.0)),
    claim(&TOPIC_GROWTH, ForebayOs, Classic, Target::Below(FLAT)),
    claim(&FILL, ForebayFsync, Classic, Target::None),
    claim(&BACKLOG_PEAK, ForebayFsync, Classic, Target::None),
    claim(
        &BACKLOG_RESIDENT,
        ForebayFsync,
        Classic,
        Target::Below(100.0),
    ),
    claim(&DRAIN, ForebayFsync, Classic, Target::None),
    claim(&DRAIN_SHARE, ForebayFsync, Classic, Target::AtLeast(80.0)),
    claim(&RESTART, ForebayFsync, Classic, Target::Below(2_000.0)),
    claim(
        &RESTART_KILLED,
        ForebayFsync,
        Classic,
        Target::Below(2_000.0),
    ),
    claim(&CONNECTIONS, ForebayFsync, Classic, Target::Below(60.0)),
    claim(&QUEUES, ForebayFsync, Classic, Target::Below(60.0)),
    claim(&QUEUES_RESTARTED, ForebayFsync, Classic, Target::None),
    claim(&PEAK, ForebayFsync, Classic, Target::None),
    claim(&READY, ForebayFsync, Classic, Target::None),
];
