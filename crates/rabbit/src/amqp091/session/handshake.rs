//! From the protocol header to an open virtual host (AMQP 0-9-1 §2.2.4).

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use forebay_broker::access::{Action, Denied, Directory, LimitKind, Resource};
use forebay_broker::host::VirtualHostId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::SessionError;
use super::access::Access;
use super::errors::{Refusal, lossy};
use crate::amqp091::ReplyCode;
use crate::amqp091::frame::{FrameDecoder, FrameType, Greeting, PROTOCOL_HEADER, write_method};
use crate::amqp091::method::{Encode, Method, MethodId, connection};
use crate::amqp091::table::{Table, TableBuilder, Value};
use crate::gateway::Shared;
use crate::limits;
use crate::seats::{Full, Seat, Section};

/// The user whose password everybody knows comes from this machine (RabbitMQ, "Access Control", default user
/// access).
pub(crate) const LOOPBACK_USER: &str = "guest";

/// Extensions that are served, by the names that clients look for.
const CAPABILITIES: [&str; 9] = [
    "authentication_failure_close",
    "basic.nack",
    "connection.blocked",
    "consumer_cancel_notify",
    "consumer_priorities",
    "direct_reply_to",
    "exchange_exchange_bindings",
    "per_consumer_qos",
    "publisher_confirms",
];

/// What both sides agreed on.
#[derive(Debug)]
pub(super) struct Agreed {
    /// Bytes that the client has sent so far.
    pub(super) received_bytes: u64,
    /// Bytes that it was sent.
    pub(super) sent_bytes: u64,
    /// How the client logged in.
    pub(super) mechanism: String,
    /// What it says of itself.
    pub(super) client_properties: Table,
    pub(super) frame_max: u32,
    pub(super) channel_max: u16,
    /// In seconds; 0 for none.
    pub(super) heartbeat: u16,
    /// The client wants to be told when its consumers end.
    pub(super) cancel_notify: bool,
    /// It wants to be told when its publishes wait for space.
    pub(super) blocked_notify: bool,
    /// Counts it for as long as it is there.
    pub(super) _seats: [Seat; 2],
}

/// The connection while it is not open.
struct Opening<'a, R, W> {
    shared: &'a Shared,
    peer: SocketAddr,
    reader: &'a mut R,
    writer: &'a mut W,
    input: &'a mut BytesMut,
    frames: FrameDecoder,
    received_bytes: u64,
    sent_bytes: u64,
}

/// Opens a connection. What the client sent behind that is left in `input`.
pub(super) async fn run(
    shared: &Shared,
    peer: SocketAddr,
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    input: &mut BytesMut,
) -> Result<(Agreed, Access), SessionError> {
    let mut opening = Opening {
        shared,
        peer,
        reader,
        writer,
        input,
        frames: FrameDecoder::new(limits::FRAME_BYTES_BEFORE_TUNE),
        received_bytes: 0,
        sent_bytes: 0,
    };
    opening.run().await
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Opening<'_, R, W> {
    async fn run(&mut self) -> Result<(Agreed, Access), SessionError> {
        self.greeting().await?;
        let options = &self.shared.options;
        self.send(&connection::Start {
            version_major: 0,
            version_minor: 9,
            server_properties: server_properties(self.shared),
            mechanisms: Bytes::from_static(b"PLAIN AMQPLAIN"),
            locales: Bytes::from_static(b"en_US"),
        })
        .await?;
        let start = match self.method().await? {
            connection::Method::StartOk(start) => start,
            other => return Err(self.unexpected(&other).await),
        };
        let client = Client::of(&start.client_properties);
        let directory = self.shared.broker.directory();
        let user = match login(&start, &directory, self.peer) {
            Ok(user) => user,
            Err(refusal) if client.failure_close || refusal.code != ReplyCode::AccessRefused => {
                return Err(self.refuse(refusal, connection::StartOk::ID).await);
            }
            Err(refusal) => {
                // An old client would take a close for a fault of the protocol.
                tokio::time::sleep(limits::SILENT_CLOSE_DELAY).await;
                return Err(SessionError::Refused(refusal));
            }
        };
        self.send(&connection::Tune {
            channel_max: options.channel_max,
            frame_max: options.frame_max,
            heartbeat: options.heartbeat,
        })
        .await?;
        let tuned = match self.method().await? {
            connection::Method::TuneOk(tuned) => tuned,
            other => return Err(self.unexpected(&other).await),
        };
        let (proposed_frame, proposed_channel) = (options.frame_max, options.channel_max.into());
        let frame_max = negotiated(
            "frame_max",
            limits::FRAME_BYTES_MIN,
            tuned.frame_max,
            proposed_frame,
        );
        let channel_max = negotiated("channel_max", 1, tuned.channel_max.into(), proposed_channel);
        let (frame_max, channel_max) = match (frame_max, channel_max) {
            (Ok(frame_max), Ok(channel_max)) => (frame_max, channel_max),
            (Err(refusal), _) | (_, Err(refusal)) => {
                return Err(self.refuse(refusal, connection::TuneOk::ID).await);
            }
        };
        self.frames = FrameDecoder::new(frame_max);
        let open = match self.method().await? {
            connection::Method::Open(open) => open,
            other => return Err(self.unexpected(&other).await),
        };
        let vhost = lossy(&open.virtual_host);
        let (vhost_id, seats) = match self.virtual_host(&user, &vhost) {
            Ok(entered) => entered,
            Err(refusal) => return Err(self.refuse(refusal, connection::Open::ID).await),
        };
        self.send(&connection::OpenOk::default()).await?;
        let agreed = Agreed {
            received_bytes: self.received_bytes,
            sent_bytes: self.sent_bytes,
            mechanism: lossy(&start.mechanism),
            client_properties: start.client_properties.detached(),
            frame_max,
            channel_max: u16::try_from(channel_max).unwrap_or(options.channel_max),
            heartbeat: tuned.heartbeat,
            cancel_notify: client.cancel_notify,
            blocked_notify: client.blocked_notify,
            _seats: seats,
        };
        let directories = self.shared.broker.directories();
        Ok((agreed, Access::new(user, vhost, vhost_id, directories)))
    }

    /// The virtual host of this name and the seats that are taken there, if the user may use it and there
    /// are any.
    fn virtual_host(&self, user: &str, name: &str) -> Result<(VirtualHostId, [Seat; 2]), Refusal> {
        let directory = self.shared.broker.directory();
        let entry = directory.virtual_host(name);
        let entry =
            entry.ok_or_else(|| Refusal::not_allowed(format_args!("vhost {name} not found")))?;
        let known = directory.user(user);
        let of_user = known.and_then(|user| user.limits.most(LimitKind::Connections));
        let seats = &self.shared.seats;
        let to_host = Section::ConnectionsTo(name.to_owned());
        let to_host = seats.take(to_host, entry.limits.most(LimitKind::Connections));
        let to_host = to_host.map_err(|Full(limit)| {
            Refusal::not_allowed(format_args!(
                "access to vhost '{name}' refused for user '{user}': connection limit ({limit}) is reached"
            ))
        })?;
        let of_user = seats.take(Section::ConnectionsOf(user.to_owned()), of_user);
        let of_user = of_user.map_err(|Full(limit)| {
            Refusal::not_allowed(format_args!(
                "connection refused for user '{user}': user connection limit ({limit}) is reached"
            ))
        })?;
        let use_it = Resource::VirtualHost(name);
        let allowed = directory.authorize(user, Action::Read, use_it);
        allowed.map_err(|Denied| {
            Refusal::not_allowed(format_args!(
                "access to vhost '{name}' refused for user '{user}'"
            ))
        })?;
        Ok((entry.id, [to_host, of_user]))
    }

    async fn greeting(&mut self) -> Result<(), SessionError> {
        loop {
            match Greeting::decode(self.input) {
                Some(Greeting::Amqp091) => return Ok(()),
                Some(Greeting::Other) => {
                    self.writer.write_all(&PROTOCOL_HEADER).await?;
                    self.writer.flush().await?;
                    return Err(SessionError::OtherProtocol);
                }
                None => self.read().await?,
            }
        }
    }

    async fn read(&mut self) -> Result<(), SessionError> {
        self.input.reserve(limits::FRAME_BYTES_BEFORE_TUNE as usize);
        match self.reader.read_buf(self.input).await? {
            0 => Err(SessionError::Vanished),
            bytes => {
                self.received_bytes += bytes as u64;
                Ok(())
            }
        }
    }

    /// The next method of the connection.
    async fn method(&mut self) -> Result<connection::Method, SessionError> {
        loop {
            let frame = match self.frames.decode(self.input) {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    self.read().await?;
                    continue;
                }
                Err(error) => return Err(self.refuse(error.into(), MethodId::default()).await),
            };
            match (frame.kind, frame.channel) {
                (FrameType::Heartbeat, _) => continue,
                (FrameType::Method, 0) => {}
                _ => {
                    let refusal = Refusal::unexpected_frame("unexpected frame while opening");
                    return Err(self.refuse(refusal, MethodId::default()).await);
                }
            }
            match Method::decode(&frame.payload) {
                Ok(Method::Connection(connection::Method::Close(_))) => {
                    self.send(&connection::CloseOk {}).await?;
                    return Err(SessionError::Closed);
                }
                Ok(Method::Connection(method)) => return Ok(method),
                Ok(other) => return Err(self.unexpected(&other).await),
                Err(error) => {
                    let id = MethodId::peek(&frame.payload).unwrap_or_default();
                    return Err(self.refuse(error.into(), id).await);
                }
            }
        }
    }

    async fn unexpected(&mut self, method: &impl Encode) -> SessionError {
        let refusal = Refusal::command_invalid(format_args!("unexpected method {}", method.id()));
        self.refuse(refusal, method.id()).await
    }

    /// Tells the client to close, and waits until it does.
    async fn refuse(&mut self, refusal: Refusal, method: MethodId) -> SessionError {
        if let Err(error) = self.send(&refusal.connection_close(method)).await {
            return error;
        }
        let _ = tokio::time::timeout(limits::CLOSE_TIMEOUT, self.closed()).await;
        SessionError::Refused(refusal)
    }

    async fn closed(&mut self) -> Result<(), SessionError> {
        loop {
            self.input.clear();
            self.read().await?;
            // Whatever it says, the answer to a close is the last thing that it says.
            let mut close_ok = BytesMut::new();
            write_method(&mut close_ok, 0, &connection::CloseOk {});
            if self.input.ends_with(&close_ok) {
                return Ok(());
            }
        }
    }

    async fn send(&mut self, method: &impl Encode) -> Result<(), SessionError> {
        let mut out = BytesMut::new();
        write_method(&mut out, 0, method);
        self.writer.write_all(&out).await?;
        self.writer.flush().await?;
        self.sent_bytes += out.len() as u64;
        Ok(())
    }
}

/// What the client says it can do.
struct Client {
    failure_close: bool,
    cancel_notify: bool,
    blocked_notify: bool,
}

impl Client {
    fn of(properties: &Table) -> Self {
        let capabilities = properties.get("capabilities").and_then(Value::as_table);
        let can = |name: &str| {
            let capability = capabilities.and_then(|capabilities| capabilities.get(name));
            capability.and_then(Value::as_bool).unwrap_or(false)
        };
        Self {
            failure_close: can("authentication_failure_close"),
            cancel_notify: can("consumer_cancel_notify"),
            blocked_notify: can("connection.blocked"),
        }
    }
}

fn server_properties(shared: &Shared) -> Table {
    let mut capabilities = TableBuilder::new();
    for name in CAPABILITIES {
        capabilities.put(name, Value::Bool(true));
    }
    let options = &shared.options;
    let text = |text: &'static str| Value::LongStr(text.as_bytes());
    let cluster = shared.cluster_name();
    let mut properties = TableBuilder::new();
    properties
        .put("capabilities", Value::Table(capabilities.view()))
        .put("cluster_name", Value::LongStr(cluster.as_bytes()))
        .put("product", Value::LongStr(options.product.as_bytes()))
        .put("version", Value::LongStr(options.version.as_bytes()))
        .put(
            "forebay_version",
            Value::LongStr(options.forebay_version.as_bytes()),
        )
        .put("platform", text("Forebay"))
        .put(
            "information",
            text("Forebay speaks AMQP 0-9-1 as RabbitMQ does"),
        );
    properties.build()
}

/// Who it is.
fn login(
    start: &connection::StartOk,
    directory: &Directory,
    peer: SocketAddr,
) -> Result<String, Refusal> {
    let mechanism = lossy(&start.mechanism);
    let credentials = match &mechanism[..] {
        "PLAIN" => plain(&start.response),
        "AMQPLAIN" => amqplain(&start.response),
        _ => {
            return Err(Refusal::command_invalid(format_args!(
                "unknown authentication mechanism '{mechanism}'"
            )));
        }
    };
    let refused = || {
        Refusal::access(format_args!(
            "Login was refused using authentication mechanism {mechanism}. For details see the \
             broker logfile."
        ))
    };
    let (user, password) = credentials.ok_or_else(refused)?;
    let user = String::from_utf8(user).map_err(|_| refused())?;
    if directory.authenticate(&user, &password).is_none() {
        tracing::warn!(%peer, user, "login refused: wrong user or password");
        return Err(refused());
    }
    if user == LOOPBACK_USER && !peer.ip().to_canonical().is_loopback() {
        tracing::warn!(%peer, user, "login refused: this user can only connect via localhost");
        return Err(refused());
    }
    Ok(user)
}

/// RFC 4616: `authorization NUL user NUL password`.
fn plain(response: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut parts = response.splitn(3, |octet| *octet == 0);
    let (_, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    Some((user.to_vec(), password.to_vec()))
}

/// A table without the length in front of it.
fn amqplain(response: &Bytes) -> Option<(Vec<u8>, Vec<u8>)> {
    let table = Table::parse(response.clone()).ok()?;
    let get = |name| {
        table
            .get(name)
            .and_then(Value::as_long_str)
            .map(<[u8]>::to_vec)
    };
    Some((get("LOGIN")?, get("PASSWORD")?))
}

/// A limit that the client chose; 0 leaves it to the broker.
fn negotiated(field: &str, least: u32, chosen: u32, proposed: u32) -> Result<u32, Refusal> {
    let refused = |is: &str, bound: &str, limit: u32| {
        Err(Refusal::not_allowed(format_args!(
            "negotiated {field} = {chosen} is {is} than the {bound} allowed value ({limit})"
        )))
    };
    match chosen {
        0 => Ok(proposed),
        _ if chosen < least => refused("lower", "minimum", least),
        _ if chosen > proposed => refused("higher", "maximum", proposed),
        _ => Ok(chosen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_the_clients_within_ours() {
        assert_eq!(negotiated("frame_max", 4096, 0, 131_072), Ok(131_072));
        assert_eq!(negotiated("frame_max", 4096, 4096, 131_072), Ok(4096));
        let text = |chosen| {
            negotiated("frame_max", 4096, chosen, 131_072)
                .unwrap_err()
                .text
                .to_string()
        };
        assert_eq!(
            text(4095),
            "NOT_ALLOWED - negotiated frame_max = 4095 is lower than the minimum allowed value (4096)"
        );
        assert_eq!(
            text(131_073),
            "NOT_ALLOWED - negotiated frame_max = 131073 is higher than the maximum allowed value (131072)"
        );
    }
}
