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

/// Send, receive and delete, with requests of one size.
pub(crate) struct Cycle {
    pub(crate) rate: Measure,
    pub(crate) cpu: Measure,
    pub(crate) shares: [Measure; 4],
    pub(crate) send: [Measure; 3],
    pub(crate) receive: [Measure; 3],
    pub(crate) delete: [Measure; 3],
}

pub(crate) static ONE: Cycle = Cycle {
    rate: rate("send, receive, delete, one by one"),
    cpu: cpu("server CPU, one by one"),
    shares: [
        share("one by one: server"),
        share("one by one: client"),
        share("one by one: idle"),
        share("one by one: others"),
    ],
    send: [
        time("one by one: send p50"),
        time("one by one: send p99"),
        time("one by one: send p99.9"),
    ],
    receive: [
        time("one by one: receive p50"),
        time("one by one: receive p99"),
        time("one by one: receive p99.9"),
    ],
    delete: [
        time("one by one: delete p50"),
        time("one by one: delete p99"),
        time("one by one: delete p99.9"),
    ],
};
pub(crate) static TEN: Cycle = Cycle {
    rate: rate("send, receive, delete, batches of 10"),
    cpu: cpu("server CPU, batches of 10"),
    shares: [
        share("batches of 10: server"),
        share("batches of 10: client"),
        share("batches of 10: idle"),
        share("batches of 10: others"),
    ],
    send: [
        time("batches of 10: send p50"),
        time("batches of 10: send p99"),
        time("batches of 10: send p99.9"),
    ],
    receive: [
        time("batches of 10: receive p50"),
        time("batches of 10: receive p99"),
        time("batches of 10: receive p99.9"),
    ],
    delete: [
        time("batches of 10: delete p50"),
        time("batches of 10: delete p99"),
        time("batches of 10: delete p99.9"),
    ],
};
pub(crate) static PEAK: Measure = memory("peak memory, send, receive, delete");

pub(crate) static SEND: Measure = Measure::rate("SendMessage alone", "requests/s");
pub(crate) static SEND_CPU: Measure = cpu("server CPU, SendMessage alone");
pub(crate) static SEND_SHARES: [Measure; 4] = [
    share("SendMessage alone: server"),
    share("SendMessage alone: client"),
    share("SendMessage alone: idle"),
    share("SendMessage alone: others"),
];
pub(crate) static SEND_TIMES: [Measure; 3] = [
    time("SendMessage alone: p50"),
    time("SendMessage alone: p99"),
    time("SendMessage alone: p99.9"),
];

pub(crate) static STEADY: [Measure; 3] = [
    time("sent to received p50 at 1,000/s"),
    time("sent to received p99 at 1,000/s"),
    time("sent to received p99.9 at 1,000/s"),
];
pub(crate) static STEADY_LATE: Measure = time("generator late, p99, at 1,000/s");
pub(crate) static STEADY_CPU: Measure = cpu("server CPU at 1,000/s");

pub(crate) static FILL: Measure = rate("send what will wait");
pub(crate) static FILL_CPU: Measure = cpu("server CPU to send what will wait");
pub(crate) static BACKLOG_PEAK: Measure = memory("backlog, peak memory");
pub(crate) static BACKLOG_RESIDENT: Measure = memory("backlog, resident memory");
pub(crate) static DRAIN: Measure = rate("drain, backlog");
pub(crate) static DRAIN_CPU: Measure = cpu("server CPU to drain, backlog");

pub(crate) static READY: Measure = time("ready, empty folder");
pub(crate) static IDLE: Measure = memory("resident memory when ready");
pub(crate) static POLLS: Measure = memory("resident memory, 10,000 long polls");
pub(crate) static POLLS_CPU: Measure =
    Measure::cost("server CPU, 10,000 long polls", "% of a processor");

/// In the order of the page; shares have a table of their own.
pub(crate) static ALL: &[&Measure] = &[
    &ONE.rate,
    &ONE.cpu,
    &ONE.send[0],
    &ONE.send[1],
    &ONE.send[2],
    &ONE.receive[0],
    &ONE.receive[1],
    &ONE.receive[2],
    &ONE.delete[0],
    &ONE.delete[1],
    &ONE.delete[2],
    &TEN.rate,
    &TEN.cpu,
    &TEN.send[0],
    &TEN.send[1],
    &TEN.send[2],
    &TEN.receive[0],
    &TEN.receive[1],
    &TEN.receive[2],
    &TEN.delete[0],
    &TEN.delete[1],
    &TEN.delete[2],
    &PEAK,
    &SEND,
    &SEND_CPU,
    &SEND_TIMES[0],
    &SEND_TIMES[1],
    &SEND_TIMES[2],
    &STEADY[0],
    &STEADY[1],
    &STEADY[2],
    &STEADY_LATE,
    &STEADY_CPU,
    &FILL,
    &FILL_CPU,
    &BACKLOG_PEAK,
    &BACKLOG_RESIDENT,
    &DRAIN,
    &DRAIN_CPU,
    &READY,
    &IDLE,
    &POLLS,
    &POLLS_CPU,
];

/// The loads that say who was busy: server, client, idle, others.
pub(crate) static SHARES: [(&str, &[Measure; 4]); 3] = [
    ("one by one", &ONE.shares),
    ("batches of 10", &TEN.shares),
    ("SendMessage alone", &SEND_SHARES),
];
