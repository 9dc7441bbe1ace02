//! A connection: one task that reads frames, asks the broker, and writes what it answers and delivers.
//!
//! | module | what it is |
//! |---|---|
//! | `handshake` | from the protocol header to an open virtual host |
//! | `connection` | the loop around the socket |
//! | `access` | what the connection's user may do |
//! | `frames` | from frames to methods, and what closes channels and connections |
//! | `commands` | what methods ask of the broker: one file a class |
//! | `channel`, `unacked` | what a channel is between two frames |
//! | `blocking` | publishers wait while the disk is full |
//! | `publishing`, `confirms` | messages on their way to the broker, and what publishers are told |
//! | `delivery`, `ahead` | from logs to consumers |
//! | `streams` | consumers that have a place of their own in a topic |
//! | `replies` | from connection to connection: direct reply-to |
//! | `message`, `deaths`, `delays`, `arguments` | messages and arguments in the broker's terms |
//! | `interop` | what clients of other protocols see of a message, and what is seen of theirs |
//! | `errors` | the broker's refusals in RabbitMQ's words |
//!
//! What arrives together is handled together: publishes and acknowledgements of one read go to the broker
//! as one command each, before any method behind them that could see what they did, and what is answered
//! leaves in one write.

mod access;
mod ahead;
mod arguments;
mod blocking;
mod channel;
pub(crate) mod commands;
mod confirms;
mod connection;
mod deaths;
mod delays;
pub(crate) mod delivery;
pub(crate) mod errors;
mod frames;
mod handshake;
mod interop;
pub(crate) mod message;
mod publishing;
mod replies;
mod stream_filter;
mod streams;
mod unacked;

pub(crate) use handshake::LOOPBACK_USER;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use forebay_broker::host::{
    ConnectionId, HostError, Notice, NoticeSender, Settlement, VirtualHost,
};
use forebay_broker::queue::HolderId;
use hashbrown::HashMap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::amqp091::frame::FrameDecoder;
use crate::gateway::Shared;
use crate::limits;
use crate::metrics::Ending;
use crate::registry::{Facts, Registration};
use access::Access;
use channel::Channel;
use delivery::{AutoAcks, Consumer, Reading};
use errors::{Refusal, Subject};
use handshake::Agreed;
use publishing::Publishing;
use replies::Replies;
use streams::Streams;
use unacked::append_settlement;

pub(crate) use message::recall;
pub(crate) use replies::ReplyAddresses;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error("the client closed the connection")]
    Closed,
    #[error("it was closed: {}", .0.text)]
    Refused(Refusal),
    #[error("the client does not speak AMQP 0-9-1")]
    OtherProtocol,
    #[error("the client vanished")]
    Vanished,
    #[error("the client did not log in in time")]
    LoginTimeout,
    #[error("missed heartbeats from client, timeout: {0}s")]
    Silent(u16),
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
}

impl SessionError {
    fn ending(&self) -> Ending {
        match self {
            Self::Closed => Ending::Orderly,
            Self::Refused(refusal) if *refusal == Refusal::shutdown() => Ending::Orderly,
            Self::Refused(_) | Self::OtherProtocol => Ending::Protocol,
            Self::Vanished | Self::Io(_) => Ending::Broken,
            Self::LoginTimeout => Ending::Refused,
            Self::Silent(_) => Ending::Idle,
        }
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve<S>(
    shared: &Arc<Shared>,
    stream: S,
    peer: SocketAddr,
    local: SocketAddr,
) -> Ending
where
    S: AsyncRead + AsyncWrite + Send,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut input = BytesMut::new();
    let opening = handshake::run(shared, peer, &mut reader, &mut writer, &mut input);
    let opened = timeout(limits::HANDSHAKE_TIMEOUT, opening).await;
    let result = match opened.unwrap_or(Err(SessionError::LoginTimeout)) {
        Ok((agreed, access)) => {
            let mut session = Session::new(shared, agreed, access, input, peer, local);
            session.run(&mut reader, &mut writer).await
        }
        Err(SessionError::Refused(refusal)) => {
            tracing::warn!(%peer, reason = %refusal.text, "connection refused");
            return Ending::Refused;
        }
        Err(error) => Err(error),
    };
    let Err(error) = result else {
        return Ending::Orderly;
    };
    let ending = error.ending();
    // Networks fail and clients vanish every day; what no client should send is news.
    if ending == Ending::Protocol {
        tracing::warn!(%peer, %error, "connection closed");
    } else {
        tracing::debug!(%peer, %error, "connection ended");
    }
    ending
}

/// An open connection.
struct Session<'a> {
    shared: &'a Shared,
    agreed: Agreed,
    access: Access,
    host: VirtualHost,
    id: ConnectionId,
    /// Shows it to operators.
    registration: Registration,
    phase: Phase,
    frames: FrameDecoder,
    /// What arrived and was not handled.
    input: BytesMut,
    /// Room to read into: more while more arrives.
    read_bytes: usize,
    /// When what is handled was taken in hand, in milliseconds since the Unix epoch.
    now_ms: i64,
    /// What waits for the client to take it.
    output: BytesMut,
    /// Bytes that the client has taken.
    sent_bytes: u64,
    /// Those of a write, at most, of late: each write forgets an eighth.
    sent_at_once: usize,
    last_sent: Instant,
    last_received: Instant,

    channels: HashMap<u16, Channel>,
    /// Of channels; counts up.
    incarnations: u64,
    consumers: HashMap<HolderId, Consumer>,

    publishing: Publishing,
    streams: Streams,
    /// Whether the disk is full.
    full: watch::Receiver<bool>,
    is_full: bool,
    /// It published while the disk is full, and is not read from until there is space.
    blocked: bool,
    settlements: Vec<Settlement>,
    /// Settlements were handed over, and the broker has answered nothing since.
    settled_unanswered: bool,
    auto_acks: AutoAcks,

    notices: NoticeSender,
    incoming: UnboundedReceiver<Notice>,
    /// Notices in front of those that come in.
    backlog: VecDeque<Notice>,
    /// A read of the disk for deliveries.
    reading: Option<Reading>,
    /// Answers, once a channel has waited for any.
    replies: Option<Replies>,
}

/// Where the connection is on its way to its end.
#[derive(Debug)]
enum Phase {
    Open,
    /// The client was told to close.
    Closing {
        until: Instant,
        why: Refusal,
    },
    /// Nothing more is to be done than to send the last bytes.
    Over,
}

impl<'a> Session<'a> {
    fn new(
        shared: &'a Shared,
        mut agreed: Agreed,
        access: Access,
        input: BytesMut,
        peer: SocketAddr,
        local: SocketAddr,
    ) -> Self {
        let (notices, incoming) = unbounded_channel();
        let now = Instant::now();
        let id = ConnectionId(shared.broker.next_id());
        let facts = Facts {
            peer,
            local,
            user: access.user.clone(),
            virtual_host: access.vhost.clone(),
            mechanism: std::mem::take(&mut agreed.mechanism),
            client_properties: std::mem::take(&mut agreed.client_properties),
            frame_max: agreed.frame_max,
            channel_max: agreed.channel_max,
            heartbeat: agreed.heartbeat,
            connected_at_ms: shared.broker.now().wall_ms,
        };
        let registration = shared.registry.connected(id, facts);
        registration
            .entry()
            .received_bytes
            .add(agreed.received_bytes);
        registration.entry().sent_bytes.add(agreed.sent_bytes);
        let mut full = shared.broker.watch_full();
        let is_full = *full.borrow_and_update();
        Self {
            shared,
            host: shared.broker.virtual_host(access.vhost_id()),
            id,
            registration,
            phase: Phase::Open,
            frames: FrameDecoder::new(agreed.frame_max),
            agreed,
            access,
            input,
            read_bytes: limits::READ_BYTES_MIN,
            now_ms: 0,
            output: BytesMut::new(),
            sent_bytes: 0,
            sent_at_once: 0,
            last_sent: now,
            last_received: now,
            channels: HashMap::new(),
            incarnations: 0,
            consumers: HashMap::new(),
            publishing: Publishing::default(),
            streams: Streams::default(),
            full,
            is_full,
            blocked: false,
            settlements: Vec::new(),
            settled_unanswered: false,
            auto_acks: AutoAcks::default(),
            notices,
            incoming,
            backlog: VecDeque::new(),
            reading: None,
            replies: None,
        }
    }

    /// A queue of the connection's virtual host, as errors call it.
    fn named_queue<'n>(&'n self, name: &'n [u8]) -> Subject<'n> {
        Subject::queue(&self.access.vhost, name)
    }

    /// The same of an exchange.
    fn named_exchange<'n>(&'n self, name: &'n [u8]) -> Subject<'n> {
        Subject::exchange(&self.access.vhost, name)
    }

    /// Hands over to the broker what has gathered.
    fn hand_over(&mut self) {
        self.publishing.hand_over(&self.host);
        if !self.settlements.is_empty() {
            let settlements = std::mem::take(&mut self.settlements);
            // Nobody waits to hear of it.
            drop(self.shared.broker.settle(settlements));
            self.settled_unanswered = true;
        }
    }

    /// Waits until what was settled stays so: before an answer that the broker is not asked for. Its own
    /// answers wait by themselves.
    async fn settled(&mut self) -> Result<(), HostError> {
        self.hand_over();
        if std::mem::take(&mut self.settled_unanswered) {
            self.shared.broker.settle_durably(Vec::new()).await?;
        }
        Ok(())
    }

    /// Adds what a client says of deliveries, to be handed over.
    fn settle(&mut self, next: Settlement) {
        if let Some(next) = self.streams.settle(next) {
            append_settlement(&mut self.settlements, next);
        }
    }
}

/// However a connection ends, also with its task: what it held comes back.
impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.hand_over();
        let metrics = &self.shared.metrics;
        metrics.consumers.fewer(self.consumers.len());
        metrics.channels.fewer(self.channels.len());
        let channels = self.channels.values();
        let holders: Vec<_> = channels.clone().flat_map(Channel::holders).collect();
        let pools = channels.map(|channel| channel.pool).collect();
        drop(self.shared.broker.release(holders, pools));
        drop(self.shared.broker.disconnected(self.id));
    }
}
