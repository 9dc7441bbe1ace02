//! What is measured.

use crate::bench::comparison::Measure;

const fn rate(title: &'static str) -> Measure {
    Measure::rate(title, "records/s")
}

const fn cost(title: &'static str, unit: &'static str) -> Measure {
    Measure::cost(title, unit)
}

pub(crate) const PRODUCE: Measure = rate("produce");
pub(crate) const PRODUCE_CPU: Measure = cost("server CPU to produce", "s per million");
pub(crate) const PRODUCE_CLIENT_CPU: Measure = cost("client CPU to produce", "s per million");
pub(crate) const PRODUCE_SERVER_SHARE: Measure = cost("producing: server", "% of machine");
pub(crate) const PRODUCE_CLIENT_SHARE: Measure = cost("producing: client", "% of machine");
pub(crate) const PRODUCE_IDLE: Measure = cost("producing: idle", "% of machine");
pub(crate) const PRODUCE_OTHERS: Measure = cost("producing: others", "% of machine");
pub(crate) const WRITTEN: Measure = cost("written to disk", "bytes per byte produced");
pub(crate) const TAIL: Measure = rate("consume, tail");
pub(crate) const TAIL_CPU: Measure = cost("server CPU to consume", "s per million");
pub(crate) const TAIL_CLIENT_CPU: Measure = cost("client CPU to consume", "s per million");
pub(crate) const TAIL_SERVER_SHARE: Measure = cost("consuming: server", "% of machine");
pub(crate) const TAIL_CLIENT_SHARE: Measure = cost("consuming: client", "% of machine");
pub(crate) const TAIL_IDLE: Measure = cost("consuming: idle", "% of machine");
pub(crate) const TAIL_OTHERS: Measure = cost("consuming: others", "% of machine");
pub(crate) const COLD: Measure = rate("consume, cold");
pub(crate) const COLD_CPU: Measure = cost("server CPU to consume cold", "s per million");
pub(crate) const LIB_PRODUCE: Measure = rate("produce, librdkafka");
pub(crate) const LIB_PRODUCE_CPU: Measure =
    cost("server CPU to produce, librdkafka", "s per million");
pub(crate) const LIB_CONSUME: Measure = rate("consume, librdkafka");
pub(crate) const LIB_CONSUME_CPU: Measure =
    cost("server CPU to consume, librdkafka", "s per million");
pub(crate) const LIB_FOLLOW: Measure = rate("produce and consume at once, librdkafka");
pub(crate) const FRAMES_PRODUCE: Measure = rate("produce, ready-made frames");
pub(crate) const FRAMES_PRODUCE_CPU: Measure =
    cost("server CPU to produce, ready-made frames", "s per million");
pub(crate) const FRAMES_FETCH: Measure = rate("consume, ready-made frames");
pub(crate) const FRAMES_FETCH_CPU: Measure =
    cost("server CPU to consume, ready-made frames", "s per million");
pub(crate) const SLOW_P50: Measure = cost("latency p50 at 1,000 records/s", "ms");
pub(crate) const SLOW_P99: Measure = cost("latency p99 at 1,000 records/s", "ms");
pub(crate) const SLOW_P999: Measure = cost("latency p99.9 at 1,000 records/s", "ms");
pub(crate) const SLOW_LATE: Measure = cost("generator late, p99, at 1,000 records/s", "ms");
pub(crate) const FAST_P50: Measure = cost("latency p50 at 10,000 records/s", "ms");
pub(crate) const FAST_P99: Measure = cost("latency p99 at 10,000 records/s", "ms");
pub(crate) const FAST_P999: Measure = cost("latency p99.9 at 10,000 records/s", "ms");
pub(crate) const FAST_LATE: Measure = cost("generator late, p99, at 10,000 records/s", "ms");
pub(crate) const FAST_SENT: Measure = rate("sent when 10,000 records/s are due");
pub(crate) const FAST_CPU: Measure = cost("server CPU at 10,000 records/s", "s per million");
pub(crate) const GIVEN_UP: Measure = cost("given up at a fixed rate", "records");
pub(crate) const READY: Measure = cost("ready, empty folder", "ms");
pub(crate) const PEAK: Measure = cost("peak resident memory", "MiB");
pub(crate) const IDLE: Measure = cost("resident memory when ready", "MiB");
pub(crate) const READY_LARGE: Measure = cost("ready, large, after a stop", "ms");
pub(crate) const READY_KILLED: Measure = cost("ready, large, after kill -9", "ms");
pub(crate) const LARGE_RESIDENT: Measure = cost("resident memory when ready, large", "MiB");

/// In the order of the page.
pub(crate) const ALL: &[&Measure] = &[
    &PRODUCE,
    &PRODUCE_CPU,
    &PRODUCE_CLIENT_CPU,
    &PRODUCE_SERVER_SHARE,
    &PRODUCE_CLIENT_SHARE,
    &PRODUCE_IDLE,
    &PRODUCE_OTHERS,
    &WRITTEN,
    &TAIL,
    &TAIL_CPU,
    &TAIL_CLIENT_CPU,
    &TAIL_SERVER_SHARE,
    &TAIL_CLIENT_SHARE,
    &TAIL_IDLE,
    &TAIL_OTHERS,
    &COLD,
    &COLD_CPU,
    &LIB_PRODUCE,
    &LIB_PRODUCE_CPU,
    &LIB_CONSUME,
    &LIB_CONSUME_CPU,
    &LIB_FOLLOW,
    &FRAMES_PRODUCE,
    &FRAMES_PRODUCE_CPU,
    &FRAMES_FETCH,
    &FRAMES_FETCH_CPU,
    &SLOW_P50,
    &SLOW_P99,
    &SLOW_P999,
    &SLOW_LATE,
    &FAST_P50,
    &FAST_P99,
    &FAST_P999,
    &FAST_LATE,
    &FAST_SENT,
    &FAST_CPU,
    &GIVEN_UP,
    &READY,
    &IDLE,
    &PEAK,
    &READY_LARGE,
    &READY_KILLED,
    &LARGE_RESIDENT,
];
