//! A running broker: bind, open, accept, say so, and stop in good order.

mod forwarding;
mod management;
mod metrics;
mod resources;
mod wiring;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::banner::{Banner, ListenerRow};
use crate::cli::failure::{Cause, Failure};
use crate::cli::output;
use crate::config::Settings;
use crate::config::address::{HostPort, Listen};
use crate::config::setting::{Auto, LogFormat};
use crate::listener::{self, Bound};
use crate::places::Places;
use crate::ready_file::{self, ReadyFile};
use crate::signals::{Signals, stop_pair};
use crate::{allocator, memory, telemetry};
use resources::Resources;
use wiring::Wiring;

/// How long a thread for work that blocks is kept for more of it: with the thread goes its memory.
const BLOCKING_THREAD_KEPT: Duration = Duration::from_secs(1);

/// The sockets of a broker, bound.
struct Listeners {
    kafka: Option<Bound>,
    amqp: Option<Bound>,
    aws: Option<Bound>,
    admin: Option<Bound>,
}

/// Runs a broker until a signal ends it.
///
/// # Errors
/// When it cannot start, or was ended before it had stopped.
pub(crate) fn run(settings: &Settings, started: Instant) -> Result<(), Failure> {
    let memory = memory::limit();
    allocator::suit(memory);
    telemetry::start(&settings.log_level, settings.log_format);
    let resources = Resources::share_out(settings, memory)?;
    if let Some(path) = &settings.ready_file {
        ready_file::remove_stale(path)?;
    }
    let listeners = bind(settings)?;
    let runtime = runtime(settings, &resources)?;
    let result = runtime.block_on(serve(settings, resources, listeners, started));
    // Whatever still runs has had its time; waiting for it here would undo the grace limit.
    runtime.shutdown_background();
    result
}

fn bind(settings: &Settings) -> Result<Listeners, Failure> {
    let all = [
        &settings.kafka,
        &settings.amqp,
        &settings.aws,
        &settings.admin,
    ];
    if all.iter().all(|listen| **listen == Listen::Off) {
        let message = "nothing to listen on: kafka, amqp, aws and admin are all off";
        return Err(Failure::new(Cause::Usage, message));
    }
    let bind_for = |name, listen: &Listen, anybody| match listen {
        Listen::Off => Ok(None),
        Listen::At(address) => listener::bind(name, address, anybody).map(Some),
    };
    let bind = |name, listen| bind_for(name, listen, settings.allow_anonymous);
    // Who reaches it has to sign with a key.
    let aws_is_guarded = settings.aws_access_keys.is_some();
    let listeners = Listeners {
        kafka: bind("kafka", &settings.kafka)?,
        amqp: bind("amqp", &settings.amqp)?,
        aws: bind_for(
            "aws",
            &settings.aws,
            settings.allow_anonymous || aws_is_guarded,
        )?,
        admin: bind("admin", &settings.admin)?,
    };
    if let Some(kafka) = &listeners.kafka {
        // Told before anything is opened.
        advertised(settings, kafka.address)?;
    }
    Ok(listeners)
}

/// The address that Kafka clients are told.
fn advertised(settings: &Settings, bound: SocketAddr) -> Result<HostPort, Failure> {
    match &settings.kafka_advertised {
        Auto::Auto if bound.ip().is_unspecified() => {
            let message =
                format!("kafka listens on {bound}, which is no address to give to clients");
            // The port as configured: a free one that was found is another one next time.
            let port = match &settings.kafka {
                Listen::At(address) => address.port,
                Listen::Off => bound.port(),
            };
            let fix = format!("use --kafka-advertised HOST:{port}");
            Err(Failure::new(Cause::Usage, message).hint(fix))
        }
        Auto::Auto => Ok(HostPort {
            host: bound.ip().to_string(),
            port: bound.port(),
        }),
        Auto::Set(given) if given.is_wildcard() => {
            let message = format!("kafka-advertised is {given}, which is no address to connect to");
            let fix = "use --kafka-advertised with a name or address of this machine";
            Err(Failure::new(Cause::Usage, message).hint(fix))
        }
        Auto::Set(given) => {
            let port = if given.port == 0 {
                bound.port()
            } else {
                given.port
            };
            Ok(HostPort {
                host: given.host.clone(),
                port,
            })
        }
    }
}

fn runtime(settings: &Settings, resources: &Resources) -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .enable_all()
        .thread_name("forebay")
        .max_blocking_threads(resources.blocking_threads)
        .thread_keep_alive(BLOCKING_THREAD_KEPT);
    let threads = match settings.worker_threads {
        Auto::Set(threads) => threads as usize,
        Auto::Auto => std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2)),
    };
    builder
        .worker_threads(threads)
        .build()
        .map_err(|error| Failure::new(Cause::Failed, format!("cannot start threads: {error}")))
}

async fn serve(
    settings: &Settings,
    resources: Resources,
    listeners: Listeners,
    started: Instant,
) -> Result<(), Failure> {
    let mut signals = Signals::listen()
        .map_err(|error| Failure::new(Cause::Failed, format!("cannot receive signals: {error}")))?;
    let address = |bound: &Option<Bound>| bound.as_ref().map(|bound| bound.address);
    let bound = wiring::Bound {
        kafka: address(&listeners.kafka),
        amqp: address(&listeners.amqp),
        aws: address(&listeners.aws),
        admin: address(&listeners.admin),
    };
    let advertised = bound
        .kafka
        .map(|bound| advertised(settings, bound))
        .transpose()?;

    let (stopper, stop) = stop_pair();
    let kafka_places = Places::new(resources.kafka_connections);
    let amqp_places = Places::new(resources.amqp_connections);
    let aws_places = Places::new(resources.aws_connections);
    let admin_places = Places::new(resources.admin_connections);
    let places = wiring::GatewayPlaces {
        kafka: Arc::clone(&kafka_places),
        amqp: Arc::clone(&amqp_places),
        aws: Arc::clone(&aws_places),
    };
    let wiring = Wiring::open(
        settings,
        &resources,
        places,
        bound,
        advertised,
        stop.clone(),
    );
    let wiring = Arc::new(wiring.await?);
    let keepalive = settings.tcp_keepalive;
    if let Some(bound) = listeners.kafka {
        let wiring = Arc::clone(&wiring);
        let handle = move |stream, peer| Arc::clone(&wiring).kafka(stream, peer);
        let places = Arc::clone(&kafka_places);
        let accepting = listener::accept(bound, places, keepalive, stop.clone(), handle);
        tokio::spawn(accepting);
    }
    if let Some(bound) = listeners.amqp {
        let wiring = Arc::clone(&wiring);
        let handle = move |stream, peer| Arc::clone(&wiring).amqp(stream, peer);
        let places = Arc::clone(&amqp_places);
        let accepting = listener::accept(bound, places, keepalive, stop.clone(), handle);
        tokio::spawn(accepting);
    }
    if let Some(bound) = listeners.aws {
        let wiring = Arc::clone(&wiring);
        let handle = move |stream, peer| Arc::clone(&wiring).aws(stream, peer);
        let places = Arc::clone(&aws_places);
        let accepting = listener::accept(bound, places, keepalive, stop.clone(), handle);
        tokio::spawn(accepting);
    }
    if let Some(bound) = listeners.admin {
        let wiring = Arc::clone(&wiring);
        let handle = move |stream, peer| Arc::clone(&wiring).admin(stream, peer);
        let places = Arc::clone(&admin_places);
        let accepting = listener::accept(bound, places, keepalive, stop.clone(), handle);
        tokio::spawn(accepting);
    }

    wiring.ready();
    let ready_file = announce(settings, bound, started)?;
    let signal = tokio::select! {
        signal = signals.next() => signal,
        failure = wiring.broken() => return Err(failure),
    };
    tracing::info!(signal, "stopping");
    stopper.stop();
    drop(ready_file);

    let all_ended = async {
        kafka_places.all_free().await;
        amqp_places.all_free().await;
        aws_places.all_free().await;
        admin_places.all_free().await;
    };
    tokio::select! {
        () = all_ended => {}
        () = tokio::time::sleep(settings.shutdown_grace) => {
            let (kafka, amqp) = (kafka_places.taken(), amqp_places.taken());
            let (aws, admin) = (aws_places.taken(), admin_places.taken());
            tracing::warn!(kafka, amqp, aws, admin, "connections cut: they did not end within the grace time");
        }
        signal = signals.next() => return Err(ended_at_once(signal)),
    }
    tokio::select! {
        closed = wiring.close() => closed?,
        signal = signals.next() => return Err(ended_at_once(signal)),
    }
    tracing::info!("stopped");
    Ok(())
}

fn ended_at_once(signal: &str) -> Failure {
    Failure::new(
        Cause::Failed,
        format!("ended at once by a second signal ({signal})"),
    )
}

/// Tells people, logs and scripts that the broker is ready.
fn announce(
    settings: &Settings,
    bound: wiring::Bound,
    started: Instant,
) -> Result<Option<ReadyFile>, Failure> {
    let banner = banner(settings, bound, started.elapsed());
    match settings.log_format {
        LogFormat::Text => {
            // A broker outlives the terminal or pipe that it was started from.
            if let Err(failure) = output::print_data(&banner) {
                tracing::debug!(%failure, "cannot print the start table");
            }
        }
        LogFormat::Json => {
            let (kafka, amqp) = (show(bound.kafka), show(bound.amqp));
            let (aws, admin) = (show(bound.aws), show(bound.admin));
            let ready_ms = banner.ready_in.as_secs_f64() * 1000.0;
            tracing::info!(kafka, amqp, aws, admin, data = %banner.data.display(), ready_ms, "ready");
        }
    }
    let listeners: Vec<(&str, SocketAddr)> = bound
        .named()
        .into_iter()
        .filter_map(|(name, address)| Some((name, address?)))
        .collect();
    let write = |path: &Path| ReadyFile::write(path, &listeners);
    settings.ready_file.as_deref().map(write).transpose()
}

fn show(address: Option<SocketAddr>) -> String {
    address.map_or_else(|| "off".to_owned(), |address| address.to_string())
}

fn banner(settings: &Settings, bound: wiring::Bound, ready_in: Duration) -> Banner {
    let data = std::path::absolute(&settings.data).unwrap_or_else(|_| settings.data.clone());
    let bootstrap = bound
        .kafka
        .and_then(|bound| advertised(settings, bound).ok());
    let bootstrap = bootstrap.map(|address| format!("Kafka clients: bootstrap.servers={address}"));
    let rabbit = bound
        .amqp
        .map(|address| format!("RabbitMQ clients: amqp://guest:guest@{address}/"));
    let aws = bound
        .aws
        .map(|bound| format!("AWS clients: AWS_ENDPOINT_URL=http://{bound}"));
    let console = format!(
        "management API, metrics, health: http://{}/",
        show(bound.admin)
    );
    Banner {
        ready_in,
        listeners: vec![
            ListenerRow {
                name: "kafka",
                address: bound.kafka,
                purpose: bootstrap.unwrap_or_default(),
            },
            ListenerRow {
                name: "amqp",
                address: bound.amqp,
                purpose: rabbit.unwrap_or_default(),
            },
            ListenerRow {
                name: "aws",
                address: bound.aws,
                purpose: aws.unwrap_or_default(),
            },
            ListenerRow {
                name: "admin",
                address: bound.admin,
                purpose: console,
            },
        ],
        data,
        durability: settings.durability,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn settings(flags: &[(&'static str, &str)]) -> Settings {
        let flags = flags
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        Sources {
            flags,
            ..Sources::default()
        }
        .resolve()
        .unwrap()
        .settings()
    }

    fn told(flags: &[(&'static str, &str)], bound: &str) -> Result<String, Failure> {
        advertised(&settings(flags), bound.parse().unwrap()).map(|address| address.to_string())
    }

    #[test]
    fn clients_are_told_the_bound_address_or_the_one_that_is_given() {
        assert_eq!(told(&[], "127.0.0.1:40123").unwrap(), "127.0.0.1:40123");
        let given = [("kafka-advertised", "broker.example.com:9092")];
        assert_eq!(
            told(&given, "0.0.0.0:9092").unwrap(),
            "broker.example.com:9092"
        );
        let any_port = [("kafka-advertised", "localhost:0")];
        assert_eq!(told(&any_port, "0.0.0.0:40123").unwrap(), "localhost:40123");
    }

    #[test]
    fn clients_are_never_told_a_wildcard() {
        let failure = told(&[], "0.0.0.0:9092").unwrap_err();
        assert_eq!(failure.cause, Cause::Usage);
        assert_eq!(
            failure.hint.as_deref(),
            Some("use --kafka-advertised HOST:9092")
        );
        assert!(told(&[("kafka-advertised", "[::]:9092")], "127.0.0.1:1").is_err());
    }

    #[test]
    fn a_broker_that_nobody_can_reach_does_not_start() {
        let failure = bind(&settings(&[
            ("kafka", "off"),
            ("amqp", "off"),
            ("aws", "off"),
            ("admin", "off"),
        ]))
        .err()
        .unwrap();
        assert_eq!(failure.cause, Cause::Usage);
    }
}
