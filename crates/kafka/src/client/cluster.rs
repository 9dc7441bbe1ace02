//! The brokers of a cluster: where they are, who leads which partition, and connections to them.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::net::TcpStream;

use super::ClientOptions;
use super::connection::{Answer, Connection};
use super::error::{ClientError, Subject, plain_reason};
use super::negotiation::Versions;
use super::topics::TopicDescription;
use crate::protocol::generated::metadata_request::MetadataRequestTopic;
use crate::protocol::generated::{
    FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest, MetadataResponse,
};
use crate::protocol::{DecodeError, ErrorCode, Request, Response, Str, api};

/// `key_type` of a consumer group in FindCoordinator.
const GROUP_COORDINATOR: i8 = 0;

/// Where a broker listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    host: String,
    port: u16,
}

impl Address {
    pub(super) fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Which broker a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    /// The one that the client was told about.
    Bootstrap,
    /// The one with this id.
    Broker(i32),
}

/// Answers come in order, so what waits for long has a connection of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    Control,
    Produce,
    /// Fetches wait for data.
    Fetch,
    /// The members of groups wait for each other, so each has its own.
    Member(u32),
}

/// A connection, and the versions spoken on it.
pub(super) struct Link {
    connection: Connection,
    versions: Versions,
}

/// What the brokers said last. May be out of date at any time; then they refuse, and it is asked
/// for again.
#[derive(Default)]
struct Known {
    brokers: BTreeMap<i32, Address>,
    leaders: HashMap<String, HashMap<i32, i32>>,
    coordinators: HashMap<String, i32>,
    members: u32,
}

pub(super) struct Cluster {
    options: ClientOptions,
    bootstrap: Address,
    known: Mutex<Known>,
    links: tokio::sync::Mutex<HashMap<(Place, Lane), Arc<Link>>>,
}

impl Cluster {
    pub(super) async fn connect(
        bootstrap: Address,
        options: ClientOptions,
    ) -> Result<Self, ClientError> {
        let cluster = Self {
            options,
            bootstrap,
            known: Mutex::default(),
            links: tokio::sync::Mutex::default(),
        };
        let time = cluster.options.timeout;
        let connecting = cluster.link(Place::Bootstrap, Lane::Control);
        let what = format!("connecting to {}", cluster.bootstrap);
        match tokio::time::timeout(time, connecting).await {
            Ok(link) => link?,
            Err(_) => return Err(ClientError::TimedOut { what, after: time }),
        };
        Ok(cluster)
    }

    pub(super) fn options(&self) -> &ClientOptions {
        &self.options
    }

    pub(super) fn bootstrap(&self) -> &Address {
        &self.bootstrap
    }

    /// A lane that nobody else uses.
    pub(super) fn member_lane(&self) -> Lane {
        let mut known = self.known.lock();
        known.members += 1;
        Lane::Member(known.members)
    }

    /// Drops what is known about leaders and coordinators.
    pub(super) fn forget(&self) {
        let mut known = self.known.lock();
        known.leaders.clear();
        known.coordinators.clear();
    }

    /// The connection to a broker, opened if there is none.
    pub(super) async fn link(&self, place: Place, lane: Lane) -> Result<Arc<Link>, ClientError> {
        let address = match place {
            Place::Bootstrap => self.bootstrap.clone(),
            Place::Broker(id) => {
                let known = self.known.lock().brokers.get(&id).cloned();
                known.ok_or_else(|| ClientError::Protocol {
                    address: self.bootstrap.to_string(),
                    reason: format!("it names a broker {id} and not where it is"),
                })?
            }
        };
        let mut links = self.links.lock().await;
        links.retain(|_, link| !link.connection.is_closed());
        if let Some(link) = links.get(&(place, lane)) {
            return Ok(Arc::clone(link));
        }
        let link = Arc::new(self.open(&address).await?);
        links.insert((place, lane), Arc::clone(&link));
        Ok(link)
    }

    async fn open(&self, address: &Address) -> Result<Link, ClientError> {
        let name = address.to_string();
        let unreachable = |error: std::io::Error| ClientError::Unreachable {
            address: name.clone(),
            reason: plain_reason(&error),
        };
        let stream = TcpStream::connect((address.host.as_str(), address.port))
            .await
            .map_err(unreachable)?;
        // Requests are written whole; waiting for more to send along would only delay them.
        stream.set_nodelay(true).map_err(unreachable)?;
        let options = &self.options;
        let connection = Connection::open(
            &name,
            &options.client_id,
            stream,
            options.response_bytes_max,
        );
        let versions = Versions::negotiate(&connection).await?;
        Ok(Link {
            connection,
            versions,
        })
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn call<'q, Q: Request<'q>>(
        &self,
        place: Place,
        lane: Lane,
        request: &Q,
    ) -> Result<Reply<Q>, ClientError> {
        let link = self.link(place, lane).await?;
        let started = link.start(request, true).await?;
        started.reply().await
    }

    /// Asks the cluster about topics (all of them if `None`), and remembers who leads.
    pub(super) async fn topics(
        &self,
        names: Option<&[&str]>,
        may_create: bool,
    ) -> Result<Vec<Result<TopicDescription, ClientError>>, ClientError> {
        let asked = |name: &&'_ str| MetadataRequestTopic {
            name: Some(Str::Owned((*name).to_owned())),
            ..MetadataRequestTopic::default()
        };
        let request = MetadataRequest {
            topics: names.map(|names| names.iter().map(asked).collect()),
            allow_auto_topic_creation: may_create,
            ..MetadataRequest::default()
        };
        let reply = self.call(Place::Bootstrap, Lane::Control, &request).await?;
        let response: MetadataResponse<'_> = reply.read()?;
        ClientError::check(response.error_code, None, Subject::Cluster)?;
        let mut known = self.known.lock();
        for broker in &response.brokers {
            if let Ok(port) = u16::try_from(broker.port) {
                let address = Address::new(&broker.host, port);
                known.brokers.insert(broker.node_id, address);
            }
        }
        let topics = response.topics.iter().map(TopicDescription::read);
        let topics: Vec<_> = topics.collect();
        for topic in topics.iter().flatten() {
            let led = topic
                .partitions
                .iter()
                .filter_map(|partition| partition.leader.map(|leader| (partition.index, leader)));
            known.leaders.insert(topic.name.clone(), led.collect());
        }
        Ok(topics)
    }

    /// Asks the cluster about one topic.
    pub(super) async fn topic(
        &self,
        name: &str,
        may_create: bool,
    ) -> Result<TopicDescription, ClientError> {
        let mut found = self.topics(Some(&[name]), may_create).await?;
        found.pop().unwrap_or_else(|| {
            let subject = Subject::Topic(name.to_owned());
            Err(ClientError::missing(&self.bootstrap.to_string(), &subject))
        })
    }

    /// The broker that leads a partition.
    pub(super) async fn leader(&self, topic: &str, partition: i32) -> Result<Place, ClientError> {
        let look = || {
            let known = self.known.lock();
            let leaders = known.leaders.get(topic)?;
            leaders.get(&partition).copied().map(Place::Broker)
        };
        if let Some(place) = look() {
            return Ok(place);
        }
        let description = self.topic(topic, false).await?;
        let subject = || Subject::Partition(topic.to_owned(), partition);
        match description.partition(partition) {
            None => Err(ClientError::NotFound(subject())),
            Some(partition) => {
                ClientError::check(partition.error_code, None, subject())?;
                look().ok_or_else(|| ClientError::refused(ErrorCode::LeaderNotAvailable, subject()))
            }
        }
    }

    /// The broker that coordinates a group.
    pub(super) async fn coordinator(&self, group: &str) -> Result<Place, ClientError> {
        if let Some(id) = self.known.lock().coordinators.get(group) {
            return Ok(Place::Broker(*id));
        }
        let request = FindCoordinatorRequest {
            key_type: GROUP_COORDINATOR,
            coordinator_keys: vec![Str::from(group)],
            ..FindCoordinatorRequest::default()
        };
        let reply = self.call(Place::Bootstrap, Lane::Control, &request).await?;
        let response: FindCoordinatorResponse<'_> = reply.read()?;
        let subject = Subject::Group(group.to_owned());
        let Some(found) = response.coordinators.first() else {
            return Err(reply.missing(&subject));
        };
        ClientError::check(found.error_code, found.error_message.as_deref(), subject)?;
        let mut known = self.known.lock();
        if let Ok(port) = u16::try_from(found.port) {
            let address = Address::new(&found.host, port);
            known.brokers.insert(found.node_id, address);
        }
        known.coordinators.insert(group.to_owned(), found.node_id);
        Ok(Place::Broker(found.node_id))
    }

    /// Every broker of the cluster.
    pub(super) async fn brokers(&self) -> Result<Vec<Place>, ClientError> {
        self.topics(Some(&[]), false).await?;
        let known = self.known.lock();
        Ok(known.brokers.keys().copied().map(Place::Broker).collect())
    }
}

impl Link {
    /// Puts a request on its way at the highest version that both sides know.
    pub(super) async fn start<'q, Q: Request<'q>>(
        &self,
        request: &Q,
        answered: bool,
    ) -> Result<Started<Q>, ClientError> {
        let version = self.versions.of(Q::API_KEY)?;
        let answer = self.connection.start(version, request, answered).await?;
        Ok(Started {
            version,
            address: self.connection.address().to_owned(),
            answer,
            of: PhantomData,
        })
    }
}

/// A request on its way.
pub(super) struct Started<Q> {
    version: i16,
    address: String,
    answer: Answer,
    of: PhantomData<fn(Q)>,
}

impl<Q> Started<Q> {
    pub(super) async fn reply(self) -> Result<Reply<Q>, ClientError> {
        Ok(Reply {
            version: self.version,
            address: self.address,
            frame: self.answer.frame().await?,
            of: PhantomData,
        })
    }
}

/// The answer to a `Q`, not decoded yet: what it decodes to borrows from here.
pub(super) struct Reply<Q> {
    version: i16,
    address: String,
    pub(super) frame: Bytes,
    of: PhantomData<fn(Q)>,
}

impl<'q, Q: Request<'q>> Reply<Q> {
    /// Reads the answer.
    pub(super) fn read<'a, T: Response<'a>>(&'a self) -> Result<T, ClientError> {
        debug_assert_eq!(Q::API_KEY, T::API_KEY, "the answer to another request");
        let decoded = api::decode_response(self.version, &self.frame);
        let (_, response) =
            decoded.map_err(|error| ClientError::undecodable(&self.address, &error))?;
        Ok(response)
    }

    /// The error of an answer with opaque bytes that make no sense.
    pub(super) fn undecodable(&self, error: &DecodeError) -> ClientError {
        ClientError::undecodable(&self.address, error)
    }

    /// The error of an answer that leaves something out.
    pub(super) fn missing(&self, subject: &Subject) -> ClientError {
        ClientError::missing(&self.address, subject)
    }
}
