//! The suites: what each is, what it needs, how it is started and how its results are read.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::Args;
use super::broker::{Broker, Kind};
use super::programs::{cases, go, instructions, lapin, node, pytest, pytest_at_once, rdkafka};
use super::report::{Format, Report};
use super::upstream::{self, Upstream};
use crate::layout::Layout;
use crate::process::{self, Ending};
use crate::toolchain::Toolchain;

pub(crate) struct Suite {
    /// What `--suite` takes.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// The column in the table.
    pub(crate) client: &'static str,
    pub(crate) toolchains: &'static [Toolchain],
    /// Part of `--quick`.
    pub(crate) quick: bool,
    /// Whether the runner starts a broker for it; the others start and kill their own.
    pub(crate) needs_broker: bool,
    /// The originals that the suite must pass on, too: one it fails is a wrong suite. None for what
    /// only makes sense with our own process (crash, start-up faults, figures).
    pub(crate) proved_on: &'static [Kind],
    pub(crate) limit: Duration,
    pub(crate) work: Work,
}

#[derive(Clone, Copy)]
pub(crate) enum Work {
    Command(fn(&Layout) -> (Command, Format)),
    /// The tests that a client's own project runs: see `upstream.rs`.
    Upstream(&'static Upstream),
    /// Histories from seeds: see `sim/`.
    Simulation,
    /// Records from each client, read by every other: see `cross.rs`.
    EveryPair,
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

pub(crate) const ALL: &[Suite] = &[
    Suite {
        name: "sim",
        about: "deterministic simulation: random histories, every crash point, mutants",
        client: "simulator",
        toolchains: &[],
        quick: false,
        needs_broker: false,
        proved_on: &[],
        limit: minutes(20),
        work: Work::Simulation,
    },
    Suite {
        name: "kcat",
        about: "kcat from the distribution: a smoke test with an older librdkafka",
        client: "kcat",
        toolchains: &[Toolchain::Python, Toolchain::Kcat],
        quick: true,
        needs_broker: true,
        proved_on: &[Kind::Kafka],
        limit: minutes(3),
        work: Work::Command(|layout| pytest(layout, "kcat")),
    },
    Suite {
        name: "confluent-kafka",
        about: "librdkafka through confluent-kafka (Python)",
        client: "librdkafka",
        toolchains: &[Toolchain::Python],
        quick: true,
        needs_broker: true,
        proved_on: &[Kind::Kafka],
        limit: minutes(8),
        work: Work::Command(|layout| pytest(layout, "librdkafka")),
    },
    Suite {
        name: "kafka-python",
        about: "kafka-python (pure Python)",
        client: "kafka-python",
        toolchains: &[Toolchain::Python],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Kafka],
        limit: minutes(5),
        work: Work::Command(|layout| pytest(layout, "kafka_python")),
    },
    Suite {
        name: "pika",
        about: "pika (Python), a client of RabbitMQ",
        client: "pika",
        toolchains: &[Toolchain::Python],
        quick: true,
        needs_broker: true,
        proved_on: &[Kind::Rabbitmq],
        limit: minutes(5),
        work: Work::Command(|layout| pytest(layout, "rabbit_pika")),
    },
    Suite {
        name: "management",
        about: "RabbitMQ's management API, and what Flower (Python) asks of it",
        client: "management",
        toolchains: &[Toolchain::Python],
        quick: true,
        needs_broker: true,
        proved_on: &[Kind::Rabbitmq],
        limit: minutes(5),
        work: Work::Command(|layout| pytest(layout, "rabbit_management")),
    },
    Suite {
        name: "rabbitmqadmin-v1",
        about: "rabbitmqadmin of older RabbitMQs (Python), as Debian ships it",
        client: "rabbitmqadmin-v1",
        toolchains: &[Toolchain::Python, Toolchain::RabbitmqadminV1],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Rabbitmq],
        limit: minutes(3),
        work: Work::Command(|layout| pytest(layout, "rabbitmqadmin_v1")),
    },
    Suite {
        name: "rabbitmqadmin",
        about: "rabbitmqadmin as Debian ships it with RabbitMQ",
        client: "rabbitmqadmin",
        // The tool is in RabbitMQ's packages.
        toolchains: &[Toolchain::Python, Toolchain::Rabbitmq],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Rabbitmq],
        limit: minutes(3),
        work: Work::Command(|layout| pytest(layout, "rabbitmqadmin")),
    },
    Suite {
        name: "sqs-boto3",
        about: "every operation and rule of SQS, with boto3 and as bytes (SQS=full: minutes more)",
        client: "boto3",
        toolchains: &[Toolchain::Python],
        quick: false,
        needs_broker: true,
        proved_on: &[],
        // Retention of a minute is waited for; in a full run, deduplication of five.
        limit: minutes(20),
        work: Work::Command(|layout| pytest_at_once(layout, "sqs_boto3")),
    },
    Suite {
        name: "interop",
        about: "pika, librdkafka and boto3 on one broker: what one publishes the others consume",
        client: "interop",
        toolchains: &[Toolchain::Python],
        quick: true,
        needs_broker: true,
        proved_on: &[],
        limit: minutes(3),
        work: Work::Command(|layout| pytest(layout, "interop")),
    },
    Suite {
        name: "sns-boto3",
        about: "topics, subscriptions, filters and endpoints of SNS, with boto3",
        client: "boto3",
        toolchains: &[Toolchain::Python],
        quick: true,
        needs_broker: true,
        proved_on: &[],
        limit: minutes(5),
        work: Work::Command(|layout| pytest(layout, "sns_boto3")),
    },
    Suite {
        name: "java",
        about: "kafka-clients of Apache Kafka 4.3",
        client: "java",
        toolchains: &[Toolchain::Java],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Kafka],
        limit: minutes(5),
        work: Work::Command(|layout| cases(layout, "client")),
    },
    Suite {
        name: "kafka-tools",
        about: "the command-line tools of Apache Kafka 4.3",
        client: "kafka-tools",
        toolchains: &[Toolchain::Java],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Kafka],
        limit: minutes(6),
        work: Work::Command(|layout| cases(layout, "tools")),
    },
    Suite {
        name: "franz-go",
        about: "franz-go (Go)",
        client: "franz-go",
        toolchains: &[Toolchain::Go],
        quick: true,
        needs_broker: true,
        proved_on: &[Kind::Kafka],
        limit: minutes(5),
        work: Work::Command(|layout| go(layout, "go")),
    },
    Suite {
        name: "franz-go-own",
        about: "the integration tests that franz-go brings",
        client: "franz-go-own",
        toolchains: &[Toolchain::Go],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Kafka],
        limit: minutes(10),
        work: Work::Upstream(&upstream::FRANZ_GO),
    },
    Suite {
        name: "lapin",
        about: "lapin (Rust), a client of RabbitMQ",
        client: "lapin",
        toolchains: &[Toolchain::Lapin],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Rabbitmq],
        limit: minutes(5),
        work: Work::Command(|layout| lapin(layout, "cases")),
    },
    Suite {
        name: "lapin-restarts",
        about: "lapin, and servers that are restarted and killed under it",
        client: "lapin",
        toolchains: &[Toolchain::Lapin],
        quick: false,
        needs_broker: false,
        proved_on: &[],
        limit: minutes(3),
        work: Work::Command(|layout| lapin(layout, "restarts")),
    },
    Suite {
        name: "perf-test",
        about: "RabbitMQ PerfTest: short runs, each to its end",
        client: "perf-test",
        toolchains: &[Toolchain::Python, Toolchain::PerfTest],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Rabbitmq],
        limit: minutes(5),
        work: Work::Command(|layout| pytest(layout, "rabbit_perf_test")),
    },
    Suite {
        name: "amqp091-go",
        about: "amqp091-go (Go), a client of RabbitMQ",
        client: "amqp091-go",
        toolchains: &[Toolchain::Go],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Rabbitmq],
        limit: minutes(5),
        work: Work::Command(|layout| go(layout, "go/rabbit")),
    },
    Suite {
        name: "amqp091-go-own",
        about: "the tests that amqp091-go (Go) brings",
        client: "amqp091-go-own",
        toolchains: &[Toolchain::Go],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Rabbitmq],
        limit: minutes(5),
        work: Work::Upstream(&upstream::AMQP091_GO),
    },
    Suite {
        name: "amqp-client",
        about: "RabbitMQ's own client for Java",
        client: "amqp-client",
        toolchains: &[Toolchain::Java],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Rabbitmq],
        limit: minutes(5),
        work: Work::Command(|layout| cases(layout, "rabbit")),
    },
    Suite {
        name: "amqplib-own",
        about: "the tests that amqplib (Node.js) brings",
        client: "amqplib-own",
        toolchains: &[Toolchain::Node],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Rabbitmq],
        limit: minutes(3),
        work: Work::Upstream(&upstream::AMQPLIB),
    },
    Suite {
        name: "py-amqp-own",
        about: "the integration tests that py-amqp (Python) brings",
        client: "py-amqp-own",
        toolchains: &[Toolchain::Python, Toolchain::Sdists],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Rabbitmq],
        limit: minutes(3),
        work: Work::Upstream(&upstream::PY_AMQP),
    },
    Suite {
        name: "kombu-own",
        about: "the integration tests that kombu (Python) brings for AMQP",
        client: "kombu-own",
        toolchains: &[Toolchain::Python, Toolchain::Sdists],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Rabbitmq],
        limit: minutes(5),
        work: Work::Upstream(&upstream::KOMBU),
    },
    Suite {
        name: "celery-own",
        about: "those of Celery's (Python) own integration tests that are about the broker",
        client: "celery-own",
        toolchains: &[Toolchain::Python, Toolchain::Sdists, Toolchain::Redis],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Rabbitmq],
        limit: minutes(8),
        work: Work::Upstream(&upstream::CELERY),
    },
    Suite {
        name: "celery",
        about: "Celery (Python): workers, delays, retries, lost workers, priorities",
        client: "celery",
        toolchains: &[Toolchain::Python],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Rabbitmq],
        limit: minutes(5),
        work: Work::Command(|layout| pytest(layout, "rabbit_celery")),
    },
    Suite {
        name: "kafkajs",
        about: "KafkaJS (Node.js)",
        client: "kafkajs",
        toolchains: &[Toolchain::Node],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Kafka],
        limit: minutes(5),
        work: Work::Command(|layout| node(layout, "node/kafka")),
    },
    Suite {
        name: "aws-sdk-js",
        about: "aws-sdk-js v3 with sqs-consumer (Node.js)",
        client: "aws-sdk-js",
        toolchains: &[Toolchain::Node],
        quick: false,
        needs_broker: true,
        proved_on: &[],
        limit: minutes(5),
        work: Work::Command(|layout| node(layout, "node/sqs")),
    },
    Suite {
        name: "aws-sdk-go",
        about: "aws-sdk-go v2, a client of SQS",
        client: "aws-sdk-go",
        toolchains: &[Toolchain::Go],
        quick: false,
        needs_broker: true,
        proved_on: &[],
        limit: minutes(5),
        work: Work::Command(|layout| go(layout, "go/sqs")),
    },
    Suite {
        name: "aws-sdk-java",
        about: "aws-sdk-java v2 with its batch manager, a client of SQS",
        client: "aws-sdk-java",
        toolchains: &[Toolchain::Java],
        quick: false,
        needs_broker: true,
        proved_on: &[],
        limit: minutes(5),
        work: Work::Command(|layout| cases(layout, "sqs")),
    },
    Suite {
        name: "kombu-sqs-own",
        about: "the integration tests that kombu (Python) brings for SQS",
        client: "kombu-sqs-own",
        toolchains: &[Toolchain::Python, Toolchain::Sdists],
        quick: false,
        needs_broker: true,
        proved_on: &[],
        limit: minutes(5),
        work: Work::Upstream(&upstream::KOMBU_SQS),
    },
    Suite {
        name: "celery-sqs",
        about: "Celery (Python) over SQS: workers, delays, retries, lost workers",
        client: "celery-sqs",
        toolchains: &[Toolchain::Python],
        quick: false,
        needs_broker: true,
        proved_on: &[],
        limit: minutes(5),
        work: Work::Command(|layout| pytest(layout, "sqs_celery")),
    },
    Suite {
        name: "sqs-crowd",
        about: "64 consumers, 1,000 groups, kill -9: nobody shares a message (SQS_MESSAGES=1000000)",
        client: "sqs-crowd",
        toolchains: &[Toolchain::Node],
        quick: false,
        needs_broker: false,
        proved_on: &[],
        // Room for a full run, which is asked for by hand.
        limit: minutes(60),
        work: Work::Command(|layout| node(layout, "node/sqs_crowd")),
    },
    Suite {
        name: "rdkafka",
        about: "the rdkafka crate (Rust)",
        client: "rdkafka",
        toolchains: &[Toolchain::Rdkafka],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Kafka],
        limit: minutes(5),
        work: Work::Command(rdkafka),
    },
    Suite {
        name: "cross",
        about: "records of each client, read by every other",
        client: "cross",
        toolchains: &[Toolchain::Python],
        quick: false,
        needs_broker: true,
        proved_on: &[Kind::Kafka],
        limit: minutes(10),
        work: Work::EveryPair,
    },
    Suite {
        name: "hostile",
        about: "bytes that no client sends, and connections that misbehave",
        client: "wire",
        toolchains: &[Toolchain::Python],
        quick: true,
        needs_broker: true,
        proved_on: &[Kind::Kafka],
        limit: minutes(5),
        work: Work::Command(|layout| pytest(layout, "hostile")),
    },
    Suite {
        name: "faults",
        about: "start-up faults: port taken, folder locked, unknown settings",
        client: "process",
        toolchains: &[Toolchain::Python],
        quick: true,
        needs_broker: false,
        proved_on: &[],
        limit: minutes(3),
        work: Work::Command(|layout| pytest(layout, "process/test_faults.py")),
    },
    Suite {
        name: "crash",
        about: "kill -9 under load, again and again",
        client: "process",
        toolchains: &[Toolchain::Python],
        quick: true,
        needs_broker: false,
        proved_on: &[],
        limit: minutes(15),
        work: Work::Command(|layout| pytest(layout, "process/test_crash.py")),
    },
    Suite {
        name: "crash-queues",
        about: "kill -9 under publishers and consumers of a queue, again and again",
        client: "process",
        toolchains: &[Toolchain::Python],
        quick: true,
        needs_broker: false,
        proved_on: &[],
        limit: minutes(15),
        work: Work::Command(|layout| pytest(layout, "process/test_crash_queues.py")),
    },
    Suite {
        name: "power-cut",
        about: "the power goes under load, again and again (needs root and loop devices)",
        client: "process",
        toolchains: &[Toolchain::Python],
        quick: true,
        needs_broker: false,
        proved_on: &[],
        limit: minutes(25),
        work: Work::Command(|layout| pytest(layout, "process/test_power_cut.py")),
    },
    Suite {
        name: "disk-full",
        about: "a disk that fills and empties (needs root for a small file system)",
        client: "process",
        toolchains: &[Toolchain::Python],
        quick: false,
        needs_broker: false,
        proved_on: &[],
        limit: minutes(15),
        work: Work::Command(|layout| pytest(layout, "process/test_disk_full.py")),
    },
    Suite {
        name: "disk-faults",
        about: "system calls and disks that fail or are slow (needs root; CRASH_CYCLES=200)",
        client: "disk",
        toolchains: &[Toolchain::Python, Toolchain::Strace, Toolchain::Nbdkit],
        quick: false,
        needs_broker: false,
        proved_on: &[],
        // Room for a full run, which is asked for by hand.
        limit: minutes(120),
        work: Work::Command(|layout| pytest(layout, "process/disk")),
    },
    Suite {
        name: "bit-flips",
        about: "flipped bits and damaged files in a data folder: named, or harmless (BIT_FLIPS=10000)",
        client: "damage",
        toolchains: &[Toolchain::Python],
        quick: false,
        needs_broker: false,
        proved_on: &[],
        // Room for a full run, which is asked for by hand.
        limit: minutes(120),
        work: Work::Command(|layout| pytest(layout, "process/damage")),
    },
    Suite {
        name: "network-faults",
        about: "peers that vanish, stall, flood or are cut off (root for a network; FAULTS=full)",
        client: "network",
        toolchains: &[Toolchain::Python, Toolchain::Iproute],
        quick: false,
        needs_broker: false,
        proved_on: &[],
        // Room for the full sizes, which are asked for by hand.
        limit: minutes(30),
        work: Work::Command(|layout| pytest(layout, "process/network")),
    },
    Suite {
        name: "resource-faults",
        about: "little memory, few files, a stopped process, clocks that jump (root; FAULTS=full)",
        client: "resources",
        toolchains: &[Toolchain::Python, Toolchain::Faketime],
        quick: false,
        needs_broker: false,
        proved_on: &[],
        // Room for the full sizes, which are asked for by hand.
        limit: minutes(60),
        work: Work::Command(|layout| pytest(layout, "process/resources")),
    },
    Suite {
        name: "figures",
        about: "start-up time, idle memory, producer rate",
        client: "process",
        toolchains: &[Toolchain::Python],
        quick: true,
        needs_broker: false,
        proved_on: &[],
        limit: minutes(3),
        work: Work::Command(|layout| pytest(layout, "process/test_figures.py")),
    },
    Suite {
        name: "instructions",
        about: "instructions of the hot paths, against bench/instructions.toml",
        client: "valgrind",
        toolchains: &[Toolchain::Valgrind],
        quick: false,
        needs_broker: false,
        proved_on: &[],
        // Its program is built first.
        limit: minutes(10),
        work: Work::Command(instructions),
    },
];

/// Runs a suite's own test program and reads what it found.
pub(crate) fn run_command(
    layout: &Layout,
    args: &Args,
    suite: &Suite,
    (mut command, format): (Command, Format),
    broker: Option<&Broker>,
    report: &mut Report,
) -> Result<()> {
    command
        .env("BROKER_KIND", args.against.name())
        .env("FOREBAY", layout.forebay())
        .env("CHECK_HISTORY", layout.check_history())
        .env("CACHE", &layout.cache)
        .env("QUICK", if args.quick { "1" } else { "" });
    if let Some(broker) = broker {
        broker.describe_to(&mut command);
    }
    let log = layout.log(suite.name);
    let before = report.len();
    let ending = process::run(&mut command, &log, suite.limit)?;
    let output = fs::read(&log)?;
    let failed_before = report.failed();
    report.read(suite.client, format, &String::from_utf8_lossy(&output));
    let explained = report.failed() > failed_before;
    match ending {
        Ending::TimedOut => {
            let reason = format!("longer than {:?}\n{}", suite.limit, process::tail(&log));
            report.fail(suite.client, "suite_ends_in_time", &reason);
        }
        Ending::Exited(status) if !status.success() && !explained => {
            let reason = format!("{status}\n{}", process::tail(&log));
            report.fail(suite.client, "suite_runs", &reason);
        }
        Ending::Exited(_) if report.len() == before => {
            report.fail(suite.client, "suite_runs", "it reported no case at all");
        }
        Ending::Exited(_) => {}
    }
    Ok(())
}
