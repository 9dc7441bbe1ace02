//! What Forebay is to reach beside Kafka.

use super::contender::Contender::{self, ForebayFsync, ForebayOs, KafkaDefault, KafkaFlush};
use super::measure::{
    COLD, FAST_P50, FAST_P99, FAST_P999, FRAMES_FETCH, FRAMES_PRODUCE, LIB_CONSUME, LIB_FOLLOW,
    LIB_PRODUCE, LIB_PRODUCE_CPU, PEAK, PRODUCE, PRODUCE_CPU, READY, READY_KILLED, READY_LARGE,
    SLOW_P99, TAIL, TAIL_CPU, WRITTEN,
};
use crate::bench::comparison::{Claim, Target, claim};

pub(crate) const CLAIMS: &[Claim<Contender>] = &[
    claim(&PRODUCE, ForebayFsync, KafkaDefault, Target::Times(1.0)),
    claim(&PRODUCE, ForebayOs, KafkaDefault, Target::Times(2.0)),
    claim(&PRODUCE, ForebayFsync, KafkaFlush, Target::Times(10.0)),
    claim(&TAIL, ForebayFsync, KafkaDefault, Target::Times(1.5)),
    claim(&COLD, ForebayFsync, KafkaDefault, Target::Times(1.5)),
    claim(&FAST_P99, ForebayFsync, KafkaDefault, Target::Times(3.0)),
    claim(&PRODUCE_CPU, ForebayFsync, KafkaDefault, Target::Times(4.0)),
    claim(&TAIL_CPU, ForebayFsync, KafkaDefault, Target::Times(4.0)),
    claim(&PEAK, ForebayFsync, KafkaDefault, Target::Times(8.0)),
    claim(&READY, ForebayFsync, KafkaDefault, Target::Below(50.0)),
    claim(
        &READY_LARGE,
        ForebayFsync,
        KafkaDefault,
        Target::Below(1000.0),
    ),
    claim(
        &READY_KILLED,
        ForebayFsync,
        KafkaDefault,
        Target::Below(1000.0),
    ),
    claim(&PRODUCE_CPU, ForebayOs, KafkaDefault, Target::None),
    claim(&LIB_PRODUCE, ForebayFsync, KafkaDefault, Target::None),
    claim(&LIB_PRODUCE, ForebayOs, KafkaDefault, Target::None),
    claim(&LIB_PRODUCE_CPU, ForebayFsync, KafkaDefault, Target::None),
    claim(&LIB_CONSUME, ForebayFsync, KafkaDefault, Target::None),
    claim(&LIB_FOLLOW, ForebayFsync, KafkaDefault, Target::None),
    claim(&FRAMES_PRODUCE, ForebayFsync, KafkaDefault, Target::None),
    claim(&FRAMES_PRODUCE, ForebayOs, KafkaDefault, Target::None),
    claim(&FRAMES_FETCH, ForebayFsync, KafkaDefault, Target::None),
    claim(&SLOW_P99, ForebayFsync, KafkaDefault, Target::None),
    claim(&FAST_P50, ForebayFsync, KafkaDefault, Target::None),
    claim(&FAST_P999, ForebayFsync, KafkaDefault, Target::None),
    claim(&FAST_P99, ForebayFsync, KafkaFlush, Target::None),
    claim(&WRITTEN, ForebayFsync, KafkaDefault, Target::None),
];
