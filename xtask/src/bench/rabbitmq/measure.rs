//! What is measured.

use crate::bench::comparison::Measure;

const fn rate(title: &'static str) -> Measure {
    Measure::rate(title, "messages/s")
}

const fn cpu(title: &'static str) -> Measure {
    Measure::cost(title, "µs a message")
}

const fn time(title: &'static str) -> Measure {
    Measure::cost(title, "ms")
}

const fn memory(title: &'static str) -> Measure {
    Measure::cost(title, "MiB")
}

const fn share(title: &'static str) -> Measure {
    Measure::cost(title, "% of machine")
}

pub(crate) const TINY: Measure = rate("16 B, no confirms");
pub(crate) const TINY_CPU: Measure = cpu("server CPU, 16 B");
pub(crate) const TINY_SHARES: [Measure; 4] = [
    share("16 B: server"),
    share("16 B: client"),
    share("16 B: idle"),
    share("16 B: others"),
];
pub(crate) const LARGE: Measure = rate("1 KiB, no confirms");
pub(crate) const LARGE_CPU: Measure = cpu("server CPU, 1 KiB");
pub(crate) const LARGE_SHARES: [Measure; 4] = [
    share("1 KiB: server"),
    share("1 KiB: client"),
    share("1 KiB: idle"),
    share("1 KiB: others"),
];
pub(crate) const PERF_LARGE: Measure = rate("1 KiB, no confirms, PerfTest");
pub(crate) const PEAK: Measure = memory("peak memory, no confirms");

pub(crate) const CONFIRMED: Measure = rate("1 KiB, confirms");
pub(crate) const CONFIRMED_CPU: Measure = cpu("server CPU, 1 KiB, confirms");
pub(crate) const CONFIRMED_SHARES: [Measure; 4] = [
    share("confirms: server"),
    share("confirms: client"),
    share("confirms: idle"),
    share("confirms: others"),
];
pub(crate) const PERF_CONFIRMED: Measure = rate("1 KiB, confirms, PerfTest");
pub(crate) const STEADY_P50: Measure = time("confirm p50 at 5,000/s");
pub(crate) const STEADY_P99: Measure = time("confirm p99 at 5,000/s");
pub(crate) const STEADY_P999: Measure = time("confirm p99.9 at 5,000/s");
pub(crate) const STEADY_LATE: Measure = time("generator late, p99, at 5,000/s");
pub(crate) const STEADY_CPU: Measure = cpu("server CPU at 5,000/s");
pub(crate) const PEAK_CONFIRMED: Measure = memory("peak memory, confirms");

pub(crate) const FANOUT: Measure = rate("fan-out to 100 queues, deliveries");
pub(crate) const FANOUT_CPU: Measure = cpu("server CPU, a delivery of the fan-out");
pub(crate) const MANY: Measure = rate("1,000 queues in turn");
pub(crate) const MANY_CPU: Measure = cpu("server CPU, 1,000 queues in turn");
pub(crate) const TRICKLE_CPU: Measure = cpu("server CPU, 5 messages/s in each of 1,000 queues");
pub(crate) const TRICKLE_P99: Measure = time("confirm p99, 5 messages/s in each of 1,000 queues");
pub(crate) const TOPIC_FEW: Measure = rate("topic, 10 bindings");
pub(crate) const TOPIC_FEW_CPU: Measure = cpu("server CPU, 10 bindings");
pub(crate) const TOPIC_MANY: Measure = rate("topic, 10,000 bindings");
pub(crate) const TOPIC_MANY_CPU: Measure = cpu("server CPU, 10,000 bindings");
pub(crate) const TOPIC_GROWTH: Measure =
    Measure::cost("server CPU, 10,000 bindings", "of that of 10");
pub(crate) const PEAK_ROUTING: Measure = memory("peak memory, routing");

pub(crate) const FILL: Measure = rate("publish what will wait");
pub(crate) const FILL_CPU: Measure = cpu("server CPU to publish what will wait");
pub(crate) const BACKLOG_PEAK: Measure = memory("backlog, peak memory");
pub(crate) const BACKLOG_RESIDENT: Measure = memory("backlog, resident memory");
pub(crate) const DRAIN_BARE: Measure = rate("drain, little waits");
pub(crate) const DRAIN: Measure = rate("drain, backlog");
pub(crate) const DRAIN_CPU: Measure = cpu("server CPU to drain, backlog");
pub(crate) const DRAIN_SHARE: Measure = Measure::rate("drain with a backlog", "% of without");
pub(crate) const RESTART: Measure = time("ready with a backlog, after a stop");
pub(crate) const RESTART_KILLED: Measure = time("ready with a backlog, after kill -9");
pub(crate) const RESTART_RESIDENT: Measure = memory("backlog, resident memory after a restart");

pub(crate) const READY: Measure = time("ready, empty folder");
pub(crate) const IDLE: Measure = memory("resident memory when ready");
pub(crate) const CONNECTIONS: Measure = memory("resident memory, 1,000 connections");
pub(crate) const QUEUES: Measure = memory("resident memory, 10,000 queues");
pub(crate) const QUEUES_READY: Measure = time("ready with 10,000 queues");
pub(crate) const QUEUES_RESTARTED: Measure =
    memory("resident memory, 10,000 queues, after a restart");

/// In the order of the page; shares have a table of their own.
pub(crate) const ALL: &[&Measure] = &[
    &TINY,
    &TINY_CPU,
    &LARGE,
    &LARGE_CPU,
    &PERF_LARGE,
    &PEAK,
    &CONFIRMED,
    &CONFIRMED_CPU,
    &PERF_CONFIRMED,
    &STEADY_P50,
    &STEADY_P99,
    &STEADY_P999,
    &STEADY_LATE,
    &STEADY_CPU,
    &PEAK_CONFIRMED,
    &FANOUT,
    &FANOUT_CPU,
    &MANY,
    &MANY_CPU,
    &TRICKLE_CPU,
    &TRICKLE_P99,
    &TOPIC_FEW,
    &TOPIC_FEW_CPU,
    &TOPIC_MANY,
    &TOPIC_MANY_CPU,
    &TOPIC_GROWTH,
    &PEAK_ROUTING,
    &FILL,
    &FILL_CPU,
    &BACKLOG_PEAK,
    &BACKLOG_RESIDENT,
    &DRAIN_BARE,
    &DRAIN,
    &DRAIN_CPU,
    &DRAIN_SHARE,
    &RESTART,
    &RESTART_KILLED,
    &RESTART_RESIDENT,
    &READY,
    &IDLE,
    &CONNECTIONS,
    &QUEUES,
    &QUEUES_READY,
    &QUEUES_RESTARTED,
];

/// The loads that say who was busy: server, client, idle, others.
pub(crate) static SHARES: [(&str, &[Measure; 4]); 3] = [
    ("16 B", &TINY_SHARES),
    ("1 KiB", &LARGE_SHARES),
    ("confirms", &CONFIRMED_SHARES),
];
