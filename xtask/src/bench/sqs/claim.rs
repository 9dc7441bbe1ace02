//! What Forebay is to reach beside ElasticMQ.

use super::contender::Contender::{self, Elasticmq, ForebayFsync, ForebayOs, Moto};
use super::measure::*;
use crate::bench::comparison::{Claim, Target, claim};

/// SendMessage requests a second on two processors that the generator is on, too.
const SENDS: f64 = 60_000.0;
/// MiB of a million messages, and of ten thousand long polls.
const BACKLOG_MIB: f64 = 100.0;
const POLLS_MIB: f64 = 150.0;
/// What of a processor is none.
const NO_CPU: f64 = 1.0;

pub(crate) static CLAIMS: &[Claim<Contender>] = &[
    claim(&ONE.rate, ForebayFsync, Elasticmq, Target::Times(10.0)),
    claim(&TEN.rate, ForebayFsync, Elasticmq, Target::Times(10.0)),
    claim(&ONE.rate, ForebayOs, Elasticmq, Target::None),
    claim(&TEN.rate, ForebayOs, Elasticmq, Target::None),
    claim(&ONE.rate, ForebayFsync, Moto, Target::None),
    claim(&ONE.cpu, ForebayFsync, Elasticmq, Target::None),
    claim(&TEN.cpu, ForebayFsync, Elasticmq, Target::None),
    claim(&ONE.send[1], ForebayFsync, Elasticmq, Target::Times(5.0)),
    claim(&ONE.receive[1], ForebayFsync, Elasticmq, Target::Times(5.0)),
    claim(&ONE.delete[1], ForebayFsync, Elasticmq, Target::Times(5.0)),
    claim(&TEN.send[1], ForebayFsync, Elasticmq, Target::Times(5.0)),
    claim(&TEN.receive[1], ForebayFsync, Elasticmq, Target::Times(5.0)),
    claim(&TEN.delete[1], ForebayFsync, Elasticmq, Target::Times(5.0)),
    claim(&PEAK, ForebayFsync, Elasticmq, Target::Times(8.0)),
    claim(&SEND, ForebayFsync, Elasticmq, Target::AtLeast(SENDS)),
    claim(&SEND, ForebayOs, Elasticmq, Target::None),
    claim(&SEND_CPU, ForebayFsync, Elasticmq, Target::None),
    claim(&SEND_TIMES[1], ForebayFsync, Elasticmq, Target::Times(5.0)),
    claim(&STEADY[1], ForebayFsync, Elasticmq, Target::Times(5.0)),
    claim(&STEADY_CPU, ForebayFsync, Elasticmq, Target::None),
    claim(&FILL, ForebayFsync, Elasticmq, Target::None),
    claim(&BACKLOG_PEAK, ForebayFsync, Elasticmq, Target::Times(8.0)),
    claim(
        &BACKLOG_RESIDENT,
        ForebayFsync,
        Elasticmq,
        Target::Below(BACKLOG_MIB),
    ),
    claim(&DRAIN, ForebayFsync, Elasticmq, Target::None),
    claim(&DRAIN_CPU, ForebayFsync, Elasticmq, Target::None),
    claim(&POLLS, ForebayFsync, Elasticmq, Target::Below(POLLS_MIB)),
    claim(&POLLS_CPU, ForebayFsync, Elasticmq, Target::Below(NO_CPU)),
    claim(&READY, ForebayFsync, Elasticmq, Target::None),
];
