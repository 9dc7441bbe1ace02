//! The one place where storage, broker and gateways meet: opened at start, handed every
//! connection, closed at the end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::ConnectInfo;
use axum::{Extension, Router};
use forebay_admin::{
    Admin, BuildInfo, ListenerInfo, MetricsSource, NodeInfo, Readiness, WriteStall,
};
use forebay_aws::SnsOptions;
use forebay_aws::auth::{Access, AccessKeys};
use forebay_broker::group::GroupConfig;
use forebay_broker::{Broker, BrokerOptions, BrokerShard, Environment};
use forebay_kafka::{Gateway, GatewayOptions};
use forebay_storage::limits::{JOURNAL_FILE_BYTES, SEALED_FILES_LEFT};
use forebay_storage::{LocalDisk, Options as StorageOptions, StorageError};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, oneshot};

use crate::cli::failure::{Cause, Failure};
use crate::config::Settings;
use crate::config::address::HostPort;
use crate::config::setting::{Limit, Setting};
use crate::places::Places;
use crate::signals::Stop;
use crate::system::{SystemClock, SystemRandomness};

use super::forwarding::OnRuntime;
use super::management;
use super::metrics::{AwsMetrics, KafkaMetrics, RabbitMetrics, TaskMetrics};
use super::resources::Resources;

/// The addresses that listeners are bound to.
#[derive(Clone, Copy)]
pub(super) struct Bound {
    pub(super) kafka: Option<SocketAddr>,
    pub(super) amqp: Option<SocketAddr>,
    pub(super) aws: Option<SocketAddr>,
    pub(super) admin: Option<SocketAddr>,
}

impl Bound {
    /// All of them, by their names.
    pub(super) fn named(self) -> [(&'static str, Option<SocketAddr>); 4] {
        [
            ("kafka", self.kafka),
            ("amqp", self.amqp),
            ("aws", self.aws),
            ("admin", self.admin),
        ]
    }
}

/// How many connections the gateways' listeners have.
pub(super) struct GatewayPlaces {
    pub(super) kafka: Arc<Places>,
    pub(super) amqp: Arc<Places>,
    pub(super) aws: Arc<Places>,
}

/// An opened broker with its gateways.
pub(super) struct Wiring {
    broker: Broker,
    kafka: Gateway,
    rabbit: forebay_rabbit::Gateway,
    aws: forebay_aws::Gateway,
    admin: Router,
    readiness: Readiness,
    stop: Stop,
    /// What became of the shard's thread.
    ended: Mutex<Option<oneshot::Receiver<Result<(), StorageError>>>>,
}

impl Wiring {
    /// Opens the data folder and builds what stands on it.
    pub(super) async fn open(
        settings: &Settings,
        resources: &Resources,
        places: GatewayPlaces,
        bound: Bound,
        advertised: Option<HostPort>,
        stop: Stop,
    ) -> Result<Self, Failure> {
        let (broker, shard) = open_broker(settings, resources)?;
        let ended = run_shard(shard)?;
        let mut options = match &advertised {
            Some(address) => GatewayOptions::at(&address.host, address.port),
            None => GatewayOptions::at("localhost", 0),
        };
        options.frame_bytes_max = bytes(settings.max_frame_size.0);
        options.request_memory_bytes = bytes(resources.request_memory);
        options.answer_memory_bytes = bytes(resources.answer_memory);
        options.disk_reads_at_once = resources.disk_reads;
        options.idle_timeout = settings.connection_idle_timeout;
        options.stall_timeout = settings.request_stall_timeout;
        let kafka = Gateway::new(broker.clone(), options);
        let options = forebay_rabbit::GatewayOptions {
            product: settings.amqp_product.0.clone(),
            version: settings.amqp_version.0.clone(),
            forebay_version: env!("CARGO_PKG_VERSION").to_owned(),
            disk_reads_at_once: resources.disk_reads,
            ..forebay_rabbit::GatewayOptions::default()
        };
        let rabbit = forebay_rabbit::Gateway::new(broker.clone(), options);
        let options = forebay_aws::GatewayOptions {
            region: settings.aws_region.0.clone(),
            access: aws_access(settings)?,
            refuse_recently_deleted: settings.aws_queue_deleted_recently,
            sns: sns_options(settings)?,
            request_memory_bytes: bytes(resources.request_memory),
            disk_reads_at_once: resources.disk_reads,
        };
        let aws = forebay_aws::Gateway::new(broker.clone(), options);
        let readiness = Readiness::default();
        let mut requested = stop.clone();
        let stopped = (kafka.clone(), rabbit.clone(), aws.clone());
        let draining = readiness.clone();
        tokio::spawn(async move {
            requested.requested().await;
            draining.draining();
            stopped.0.stop();
            stopped.1.stop();
            stopped.2.stop();
        });
        let (delivering, mut ending) = (aws.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = delivering.deliver() => {}
                () = ending.requested() => {}
            }
        });
        let (forwarding, mut ending) = (broker.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = forwarding.forward(Arc::new(OnRuntime)) => {}
                () = ending.requested() => {}
            }
        });
        let management = management::over(settings, bound, &rabbit);
        if let Some(path) = &settings.load_definitions {
            management::load(&management, path).await?;
        }
        let gateways = (&kafka, &rabbit, &aws);
        let admin = admin_router(settings, bound, &broker, gateways, places, &readiness)
            .mount("/api", management.routes())
            .mount("/sns", aws.sns_routes())
            .router();
        Ok(Self {
            broker,
            kafka,
            rabbit,
            aws,
            admin,
            readiness,
            stop,
            ended: Mutex::new(Some(ended)),
        })
    }

    /// Serves one connection of a Kafka client until it ends or the stop is requested.
    pub(super) async fn kafka(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        self.kafka.serve(stream, peer).await;
    }

    /// Serves one connection of a RabbitMQ client until it ends or the stop is requested.
    pub(super) async fn amqp(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        // A socket without an address of its own is not connected any more.
        if let Ok(local) = stream.local_addr() {
            self.rabbit.serve(stream, peer, local).await;
        }
    }

    /// Serves one connection of an AWS client until it ends or the stop is requested.
    pub(super) async fn aws(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let stream = WriteStall::new(stream, forebay_admin::limits::WRITE_STALL_TIMEOUT);
        self.aws.serve(stream, peer).await;
    }

    /// Serves one HTTP connection until it ends or the stop is requested.
    pub(super) async fn admin(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        tracing::debug!(%peer, "admin connection");
        let mut stop = self.stop.clone();
        // Some users log in from this machine only.
        let router = self.admin.clone().layer(Extension(ConnectInfo(peer)));
        forebay_admin::serve_connection(stream, router, async move { stop.requested().await })
            .await;
    }

    /// Says that every listener takes connections.
    pub(super) fn ready(&self) {
        self.readiness.ready();
    }

    /// Waits until the broker cannot go on by itself.
    pub(super) async fn broken(&self) -> Failure {
        let mut ended = self.ended.lock().await;
        let Some(receiver) = ended.as_mut() else {
            return std::future::pending().await;
        };
        let outcome = receiver.await;
        *ended = None;
        let message = match outcome {
            Ok(Err(error)) => format!("the journal failed: {error}"),
            Ok(Ok(())) => "the broker ended".to_owned(),
            Err(_) => "the broker's thread ended".to_owned(),
        };
        self.readiness.failed(message.clone());
        Failure::new(Cause::Failed, message)
            .hint("restart: what was acknowledged is recovered from the journal")
    }

    /// Makes everything durable and gives the data folder back.
    pub(super) async fn close(&self) -> Result<(), Failure> {
        self.broker.stop();
        let Some(receiver) = self.ended.lock().await.take() else {
            return Ok(());
        };
        match receiver.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::new(
                Cause::Failed,
                format!("cannot close the data folder: {error}"),
            )),
            Err(_) => Err(Failure::new(Cause::Failed, "the broker's thread ended")),
        }
    }
}

/// What the admin listener serves: the broker's own view, and what the gateway counts.
fn admin_router(
    settings: &Settings,
    bound: Bound,
    broker: &Broker,
    (kafka, rabbit, aws): (&Gateway, &forebay_rabbit::Gateway, &forebay_aws::Gateway),
    places: GatewayPlaces,
    readiness: &Readiness,
) -> Admin {
    let listeners = bound
        .named()
        .into_iter()
        .filter_map(|(name, address)| {
            Some(ListenerInfo {
                name,
                address: address?,
            })
        })
        .collect();
    let node = NodeInfo {
        build: BuildInfo {
            version: env!("CARGO_PKG_VERSION").into(),
            revision: None,
        },
        listeners,
        reserve_bytes: settings.disk_reserve.0,
    };
    let kafka = KafkaMetrics {
        gateway: kafka.clone(),
        places: places.kafka,
    };
    let rabbit = RabbitMetrics {
        gateway: rabbit.clone(),
        places: places.amqp,
    };
    let aws = AwsMetrics {
        gateway: aws.clone(),
        places: places.aws,
    };
    let sources: Vec<Arc<dyn MetricsSource>> = vec![
        Arc::new(kafka),
        Arc::new(rabbit),
        Arc::new(aws),
        Arc::new(TaskMetrics::new()),
    ];
    Admin::new(broker.clone(), readiness.clone(), sources, node)
}

/// Who may ask for what AWS serves.
fn aws_access(settings: &Settings) -> Result<Access, Failure> {
    let Some(path) = &settings.aws_access_keys else {
        return Ok(Access::Open);
    };
    let failed = |why: &dyn std::fmt::Display| {
        let file = path.display();
        Failure::new(
            Cause::Usage,
            format!("cannot read access keys from {file}: {why}"),
        )
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    let keys = AccessKeys::parse(&text).map_err(|error| failed(&error))?;
    Ok(Access::Keys(keys))
}

/// The file in the data folder that has the key which SNS signs with.
const SIGNING_KEY: &str = "sns-signing.pem";

fn sns_options(settings: &Settings) -> Result<SnsOptions, Failure> {
    let mut options = SnsOptions {
        signing_key: Some(settings.data.join(SIGNING_KEY)),
        signs_queues: settings.sns_sign_queues,
        ..SnsOptions::default()
    };
    if let Some(path) = &settings.sns_ca_file {
        let failed = |why: &dyn std::fmt::Display| {
            let file = path.display();
            let what = format!("cannot read certificate authorities from {file}: {why}");
            Failure::new(Cause::Usage, what)
        };
        let pem = std::fs::read(path).map_err(|error| failed(&error))?;
        options.trust(&pem).map_err(|error| failed(&error))?;
    }
    Ok(options)
}

fn bytes(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

fn open_broker(
    settings: &Settings,
    resources: &Resources,
) -> Result<(Broker, BrokerShard), Failure> {
    let disk = LocalDisk::open(&settings.data).map_err(cannot_open)?;
    let disk = disk.with_open_segments_max(resources.open_segments);
    let environment = Environment {
        medium: Arc::new(disk),
        clock: Arc::new(SystemClock::new()),
        randomness: Arc::new(SystemRandomness),
    };
    let storage = StorageOptions {
        journal_file_bytes: resources.journal_file,
        tail_cache_bytes: bytes(resources.tail_cache),
        reserve_bytes: settings.disk_reserve.0,
        retention_interval: settings.retention_check_interval,
        compaction_interval: settings.compaction_check_interval,
        compaction_key_bytes: bytes(resources.compaction_keys),
        sort_index_bytes: bytes(resources.sort_index),
        // Smaller files are for little room: what is dead in them is wanted back soon.
        sealed_files_left: match resources.journal_file {
            JOURNAL_FILE_BYTES.. => SEALED_FILES_LEFT,
            _ => 0,
        },
    };
    let groups = GroupConfig {
        initial_rebalance_delay: settings.group_initial_rebalance_delay,
        offsets_retention: settings.offsets_retention,
        ..GroupConfig::default()
    };
    let options = BrokerOptions {
        default_partitions: settings.num_partitions as usize,
        auto_create_topics: settings.auto_create_topics,
        topic_defaults: Arc::new(topic_defaults(settings)),
        groups,
        producer_id_expiration: settings.producer_id_expiration,
        recall: forebay_rabbit::recall,
    };
    let (broker, shard, recovered) =
        Broker::open(environment, storage, options).map_err(cannot_open)?;
    if recovered.replayed > 0 {
        tracing::info!(
            commits = recovered.replayed,
            torn = recovered.torn,
            "journal replayed"
        );
    }
    Ok((broker, shard))
}

/// Topic configurations that the operator set for the whole broker, by Kafka's names.
fn topic_defaults(settings: &Settings) -> BTreeMap<String, String> {
    let bytes = match settings.retention_bytes {
        Limit::Unlimited => "-1".to_owned(),
        Limit::At(size) => size.0.to_string(),
    };
    let time = match settings.retention {
        Limit::Unlimited => "-1".to_owned(),
        Limit::At(time) => time.as_millis().to_string(),
    };
    let given = [
        ("forebay.durability", settings.durability.show()),
        ("max.message.bytes", settings.max_message_size.0.to_string()),
        ("retention.bytes", bytes),
        ("retention.ms", time),
    ];
    // Only what differs from the built-in default is the operator's word.
    let differs = |(name, value): &(&str, String)| {
        let definition = forebay_broker::topic::CONFIGS
            .iter()
            .find(|known| known.name == *name);
        definition.is_none_or(|definition| definition.default != value)
    };
    let given = given.into_iter().filter(differs);
    given
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Runs the shard on a thread of its own.
fn run_shard(shard: BrokerShard) -> Result<oneshot::Receiver<Result<(), StorageError>>, Failure> {
    let (done, ended) = oneshot::channel();
    // Of the runtime's threads that have nothing to do only one waits for sockets, and if the one that took over
    // from it is kept, none does. A task from outside wakes another.
    let runtime = tokio::runtime::Handle::current();
    let help = move || drop(runtime.spawn(async {}));
    let run = move || {
        // Whoever waited has gone only when the process is ending anyway.
        let _ = done.send(shard.run(help));
    };
    std::thread::Builder::new()
        .name("forebay-shard".to_owned())
        .spawn(run)
        .map_err(|error| Failure::new(Cause::Failed, format!("cannot start a thread: {error}")))?;
    Ok(ended)
}

fn cannot_open(error: StorageError) -> Failure {
    let failure = Failure::new(Cause::Failed, error.to_string());
    match error {
        StorageError::Locked { .. } => failure.hint("stop it, or use --data DIR"),
        StorageError::Corrupt { .. } => {
            failure.hint("nothing was changed; `forebay check DIR` lists all damage")
        }
        StorageError::Io { .. } => failure.hint("use --data DIR for another folder"),
        StorageError::Format { .. } | StorageError::NoSpace { .. } | StorageError::Poisoned => {
            failure
        }
    }
}
