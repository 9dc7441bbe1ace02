//! The tests that clients' own projects run against the original, unmodified, as far as they apply.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::Args;
use super::broker::Broker;
use super::default_port::DefaultPort;
use super::report::{Format, Report};
use super::suite::{self, Suite};
use crate::layout::Layout;

pub(crate) struct Upstream {
    /// Its program, without the cases that are named.
    program: fn(&Layout, &Broker, &[String]) -> (Command, Format),
    /// The file below `conformance/` that says which cases are left out, and why.
    left_out: Option<&'static str>,
    at_default_port: Option<AtDefaultPort>,
}

/// Cases that take no address: they connect to localhost, where the original is found by default.
struct AtDefaultPort {
    port: u16,
    /// Where the broker under test listens instead.
    address: fn(&Broker) -> Option<&str>,
    cases: &'static [&'static str],
}

/// `pkg/kgo` of the pinned franz-go.
pub(crate) const FRANZ_GO: Upstream = Upstream {
    program: franz_go,
    left_out: Some("go/not-yet.txt"),
    at_default_port: None,
};

/// All tests of the pinned amqp091-go, those of its `integration` tag among them.
pub(crate) const AMQP091_GO: Upstream = Upstream {
    program: amqp091_go,
    left_out: Some("go/rabbit/left-out.txt"),
    at_default_port: None,
};

/// All tests of the amqplib that npm delivers.
pub(crate) const AMQPLIB: Upstream = Upstream {
    program: amqplib,
    left_out: None,
    at_default_port: Some(AtDefaultPort {
        port: 5672,
        address: |broker| broker.amqp.as_deref(),
        cases: &[
            "Connect API serverProperties",
            "Connect API using custom heartbeat option",
            // It is to fail for its heartbeat, not because nobody listens.
            "Connect API wrongly typed heartbeat option",
            "Connect API ipv6",
        ],
    }),
};

/// `t/integration` of py-amqp's source distribution.
pub(crate) const PY_AMQP: Upstream = Upstream {
    program: |layout, broker, left_out| {
        sdist_tests(layout, broker, "amqp", "t/integration", left_out)
    },
    left_out: Some("python/upstream/py-amqp-left-out.txt"),
    at_default_port: None,
};

/// What of `t/integration` in kombu's source distribution is about AMQP.
pub(crate) const KOMBU: Upstream = Upstream {
    program: |layout, broker, left_out| {
        let tests = "t/integration/test_py_amqp.py";
        sdist_tests(layout, broker, "kombu", tests, left_out)
    },
    left_out: None,
    at_default_port: None,
};

/// What of `t/integration` in kombu's source distribution is about SQS.
pub(crate) const KOMBU_SQS: Upstream = Upstream {
    program: |layout, broker, left_out| {
        sdist_tests(layout, broker, "kombu", KOMBU_SQS_TESTS, left_out)
    },
    left_out: Some("python/upstream/kombu-sqs-left-out.txt"),
    at_default_port: Some(AtDefaultPort {
        port: 4100,
        address: |broker| broker.aws.as_deref(),
        cases: &[KOMBU_SQS_TESTS],
    }),
};
const KOMBU_SQS_TESTS: &str = "t/integration/test_sqs.py";

/// What of `t/integration` in Celery's source distribution is about the broker, with Redis for results.
pub(crate) const CELERY: Upstream = Upstream {
    program: celery,
    left_out: None,
    at_default_port: None,
};
/// The other modules are about result backends, logging and memory, or (`test_canvas.py`, `test_tasks.py`,
/// `test_beat.py`) take many minutes.
const CELERY_MODULES: &[&str] = &["test_group_chains.py", "test_inspect.py", "test_loader.py"];

impl Upstream {
    pub(crate) fn run(
        &self,
        layout: &Layout,
        args: &Args,
        suite: &Suite,
        broker: &Broker,
        report: &mut Report,
    ) -> Result<()> {
        let mut left_out = self.left_out(layout)?;
        let mut default_port = None;
        if let Some(AtDefaultPort {
            port,
            address,
            cases,
        }) = self.at_default_port
        {
            let address = address(broker).context("the broker does not speak the protocol")?;
            match DefaultPort::forward(port, address.to_owned()) {
                Ok(forwarding) => default_port = Some(forwarding),
                Err(error) => {
                    let reason = format!("insists on port {port}, which is taken: {error}");
                    let cases = cases.iter();
                    left_out.extend(cases.map(|case| ((*case).to_owned(), reason.clone())));
                }
            }
        }
        let names: Vec<_> = left_out.iter().map(|(name, _)| name.clone()).collect();
        let program = (self.program)(layout, broker, &names);
        let outcome = suite::run_command(layout, args, suite, program, Some(broker), report);
        drop(default_port);
        for (name, reason) in left_out {
            report.skip(suite.client, &name, &reason);
        }
        outcome
    }

    /// Names and reasons.
    fn left_out(&self, layout: &Layout) -> Result<Vec<(String, String)>> {
        let Some(file) = self.left_out else {
            return Ok(Vec::new());
        };
        let text =
            fs::read_to_string(layout.conformance.join(file)).with_context(|| file.to_owned())?;
        Ok(text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(' '))
            .map(|(name, reason)| (name.to_owned(), reason.to_owned()))
            .collect())
    }
}

/// The tests that a package brings which the module in `folder` depends on.
fn go_package(layout: &Layout, folder: &str, package: &str, left_out: &[String]) -> Command {
    let mut command = Command::new("go");
    command
        .args(["test", "-v", "-count=1", "-timeout=570s"])
        .arg(format!("-skip=^({})$", left_out.join("|")))
        .args(["-tags=integration", package])
        .current_dir(layout.conformance.join(folder));
    command
}

fn amqp091_go(layout: &Layout, broker: &Broker, left_out: &[String]) -> (Command, Format) {
    let package = "github.com/rabbitmq/amqp091-go";
    let mut command = go_package(layout, "go/rabbit", package, left_out);
    command.env("AMQP_URL", url(broker));
    (command, Format::Go)
}

fn franz_go(layout: &Layout, broker: &Broker, left_out: &[String]) -> (Command, Format) {
    let mut command = go_package(layout, "go", "github.com/twmb/franz-go/pkg/kgo", left_out);
    command
        .env("KGO_SEEDS", broker.kafka.as_deref().unwrap_or_default())
        // One replica, and a tenth of the records: minutes instead of a quarter of an hour.
        .envs([
            ("KGO_TEST_RF", "1"),
            ("KGO_TEST_RECORDS", "50000"),
            ("KGO_LOG_LEVEL", "none"),
        ]);
    (command, Format::Go)
}

/// Where clients of RabbitMQ find the broker.
fn url(broker: &Broker) -> String {
    let address = broker.amqp.as_deref().unwrap_or_default();
    format!("amqp://guest:guest@{address}")
}

/// As its Makefile runs them.
fn amqplib(layout: &Layout, broker: &Broker, left_out: &[String]) -> (Command, Format) {
    let modules = layout.cache.join("node/node_modules");
    let mut command = Command::new("node");
    command
        .arg(modules.join("mocha/bin/mocha"))
        .args([
            "--check-leaks",
            "--ui",
            "tdd",
            "--exit",
            "--reporter",
            "tap",
        ])
        .arg(modules.join("amqplib/test"))
        .env("URL", url(broker));
    if !left_out.is_empty() {
        let names = format!("^({})$", left_out.join("|"));
        command.args(["--invert", "--grep", &names]);
    }
    (command, Format::Tap)
}

fn celery(layout: &Layout, broker: &Broker, left_out: &[String]) -> (Command, Format) {
    let (first, others) = CELERY_MODULES.split_first().expect("there are modules");
    let tests = |module: &&str| format!("t/integration/{module}");
    let (mut command, format) = sdist_tests(layout, broker, "celery", &tests(first), left_out);
    let address = broker.amqp.as_deref().unwrap_or_default();
    command
        .args(others.iter().map(tests))
        .args(["-p", "celery.contrib.pytest", "-p", "redis_results"])
        .env("TEST_BROKER", format!("pyamqp://guest:guest@{address}//"));
    (command, format)
}

/// The tests of a source distribution, with the code that it brings.
fn sdist_tests(
    layout: &Layout,
    broker: &Broker,
    package: &str,
    tests: &str,
    left_out: &[String],
) -> (Command, Format) {
    let sdists = layout.cache.join("sdists");
    // Each is on top of those below it, as pinned; `verdicts` prints the lines that are read.
    let path = format!(
        "{}:{}:{}",
        sdists.join("kombu").display(),
        sdists.join("amqp").display(),
        layout.conformance.join("python").display()
    );
    let address = broker.amqp.as_deref().unwrap_or_default();
    let (host, port) = address.rsplit_once(':').unwrap_or_default();
    let mut command = Command::new(layout.cache.join("venv/bin/python"));
    command
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .args(["-p", "verdicts", "--tb=short", "-W", "ignore"])
        .args(left_out.iter().map(|name| format!("--deselect={name}")))
        .arg(tests)
        .current_dir(sdists.join(package))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONPATH", path)
        .env("RABBITMQ_HOST", host)
        .env("RABBITMQ_5672_TCP", port);
    (command, Format::Lines)
}
