//! Sockets: which addresses may be bound, binding them, and the loop that accepts connections.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::TcpStream;

use crate::cli::failure::{Cause, Failure};
use crate::config::address::HostPort;
use crate::places::Places;
use crate::signals::Stop;

/// Connections that may wait to be accepted: a burst of clients that reconnect after a restart. One that
/// finds no room is tried again by its client's kernel after one second, then two, then four. Linux takes
/// at most `net.core.somaxconn`, which is this much unless somebody changed it.
const BACKLOG: i32 = 4096;

/// Pause when the process or the system has no file descriptor left. The connection stays in the
/// backlog, so accepting at once would spin.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Questions to a silent machine that go unanswered before its connection is given up. They are this
/// share (1/n) of the keepalive time apart, so that the time passes twice until then.
const KEEPALIVE_PROBES: u32 = 4;

/// At most one line in this time about refused connections.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A listener that is bound and does not accept yet.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    listener: TcpListener,
}

/// Binds the listener `name`.
///
/// # Errors
/// When the address cannot be found or bound, or when strangers could reach it and
/// `allow_anonymous` is not set.
pub(crate) fn bind(
    name: &'static str,
    at: &HostPort,
    allow_anonymous: bool,
) -> Result<Bound, Failure> {
    let address = resolve(name, at)?;
    if !allow_anonymous && !address.ip().is_loopback() {
        let message = format!(
            "{name} would listen on {at} without credentials, where anyone who reaches this \
             machine could use it"
        );
        let port = at.port;
        let fix = format!(
            "use --{name} 127.0.0.1:{port}, or --allow-anonymous if the network keeps strangers out"
        );
        return Err(Failure::new(Cause::Usage, message).hint(fix));
    }
    let listener = open(address).map_err(|error| cannot_listen(name, at, &error))?;
    let address = listener
        .local_addr()
        .map_err(|error| cannot_listen(name, at, &error))?;
    Ok(Bound {
        name,
        address,
        listener,
    })
}

/// The address to bind: of a name that has several, the first IPv4 one, which is what clients that
/// are given the same name reach most reliably.
fn resolve(name: &str, at: &HostPort) -> Result<SocketAddr, Failure> {
    let cannot_find = |why: &dyn std::fmt::Display| {
        Failure::new(
            Cause::Failed,
            format!("cannot find the address of {at} ({name}): {why}"),
        )
    };
    let addresses = (at.host.as_str(), at.port)
        .to_socket_addrs()
        .map_err(|e| cannot_find(&e))?;
    let addresses: Vec<SocketAddr> = addresses.collect();
    let preferred = addresses
        .iter()
        .find(|address| address.is_ipv4())
        .or(addresses.first());
    preferred
        .copied()
        .ok_or_else(|| cannot_find(&"it has none"))
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A restarted broker must not wait for the connections of the one before to time out.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn cannot_listen(name: &str, at: &HostPort, error: &io::Error) -> Failure {
    let (why, fix) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            "address in use".to_owned(),
            format!("another broker? use --{name} HOST:PORT"),
        ),
        io::ErrorKind::PermissionDenied => (
            "permission denied".to_owned(),
            format!("ports below 1024 are reserved, use --{name} HOST:PORT"),
        ),
        io::ErrorKind::AddrNotAvailable => (
            "this machine has no such address".to_owned(),
            format!("use --{name} with an address of this machine"),
        ),
        _ => (error.to_string(), format!("use --{name} HOST:PORT")),
    };
    Failure::new(
        Cause::Failed,
        format!("cannot listen on {at} ({name}): {why}; {fix}"),
    )
}

/// Accepts until the stop and hands each connection to `handle` on a task of its own. `places`
/// bounds the connections at one time; when all of them are free, all connections have ended.
pub(crate) async fn accept<H, F>(
    bound: Bound,
    places: Arc<Places>,
    keepalive: Duration,
    mut stop: Stop,
    handle: H,
) where
    H: Fn(TcpStream, SocketAddr) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let name = bound.name;
    let listener = tokio::net::TcpListener::from_std(bound.listener)
        .expect("the socket is non-blocking and the runtime has IO enabled");
    let mut refusals = Refusals::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.requested() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_exhaustion(&error) => {
                refusals.log(name, &error.to_string());
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
                continue;
            }
            // The client gave up between its SYN and our accept.
            Err(error) => {
                tracing::debug!(listener = name, %error, "connection lost before it was accepted");
                continue;
            }
        };
        let Some(place) = places.take() else {
            drop(stream);
            let limit = places.limit();
            refusals.log(name, &format!("all {limit} connections are taken"));
            continue;
        };
        if let Err(error) = set_options(&stream, keepalive) {
            tracing::debug!(listener = name, %peer, %error, "connection lost while accepting");
            continue;
        }
        let connection = handle(stream, peer);
        tokio::spawn(async move {
            connection.await;
            drop(place);
        });
    }
}

fn set_options(stream: &TcpStream, keepalive: Duration) -> io::Result<()> {
    // Answers are written whole; waiting for more bytes only delays them.
    stream.set_nodelay(true)?;
    // A machine that lost its power or its network says no goodbye. The kernel counts in seconds.
    let pause = (keepalive / KEEPALIVE_PROBES).max(Duration::from_secs(1));
    let probes = TcpKeepalive::new()
        .with_time(keepalive)
        .with_interval(pause)
        .with_retries(KEEPALIVE_PROBES);
    SockRef::from(stream).set_tcp_keepalive(&probes)
}

/// Whether accepting again at once would fail the same way.
fn is_exhaustion(error: &io::Error) -> bool {
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| exhausted.contains(&errno))
}

/// Counts refused connections between two log lines about them.
#[derive(Default)]
struct Refusals {
    unlogged: u64,
    logged_at: Option<Instant>,
}

impl Refusals {
    fn log(&mut self, listener: &str, reason: &str) {
        self.unlogged += 1;
        if self.logged_at.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
            tracing::warn!(
                listener,
                refused = self.unlogged,
                reason,
                "connections refused"
            );
            self.unlogged = 0;
            self.logged_at = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::signals::stop_pair;

    fn at(text: &str) -> HostPort {
        HostPort::parse(text).unwrap()
    }

    #[test]
    fn a_listener_that_strangers_can_reach_is_refused_with_the_fix() {
        let failure = bind("kafka", &at("0.0.0.0:0"), false).unwrap_err();
        assert_eq!(failure.cause, Cause::Usage);
        assert!(
            failure
                .message
                .contains("kafka would listen on 0.0.0.0:0 without credentials")
        );
        let hint = failure.hint.unwrap();
        assert!(hint.contains("--kafka 127.0.0.1:0") && hint.contains("--allow-anonymous"));
        assert!(bind("kafka", &at("[::]:0"), false).is_err());
    }

    #[test]
    fn loopback_needs_no_permission_and_anonymous_access_lifts_the_refusal() {
        assert!(
            bind("kafka", &at("127.0.0.1:0"), false)
                .unwrap()
                .address
                .port()
                != 0
        );
        assert!(
            bind("kafka", &at("localhost:0"), false)
                .unwrap()
                .address
                .is_ipv4()
        );
        assert!(bind("kafka", &at("0.0.0.0:0"), true).is_ok());
    }

    #[test]
    fn a_taken_port_is_told_in_one_line() {
        let first = bind("kafka", &at("127.0.0.1:0"), false).unwrap();
        let failure = bind("kafka", &at(&first.address.to_string()), false).unwrap_err();
        assert_eq!(failure.cause, Cause::Failed);
        assert_eq!(
            failure.to_string(),
            format!(
                "cannot listen on {} (kafka): address in use; another broker? use --kafka HOST:PORT",
                first.address
            )
        );
    }

    #[test]
    fn only_exhaustion_pauses_accepting() {
        assert!(is_exhaustion(&io::Error::from(Errno::MFILE)));
        assert!(is_exhaustion(&io::Error::from(Errno::NFILE)));
        assert!(!is_exhaustion(&io::Error::from(Errno::CONNABORTED)));
        assert!(!is_exhaustion(&io::Error::other("no number")));
    }

    #[tokio::test]
    async fn a_connection_beyond_the_limit_is_closed_and_its_place_is_free_again_later() {
        let bound = bind("kafka", &at("127.0.0.1:0"), false).unwrap();
        let address = bound.address;
        let places = Places::new(1);
        let (stopper, stop) = stop_pair();
        let echo_end = |mut stream: TcpStream, _peer| async move {
            let _ = stream.read(&mut [0]).await;
        };
        let keepalive = Duration::from_secs(60);
        let accepting = tokio::spawn(accept(
            bound,
            Arc::clone(&places),
            keepalive,
            stop,
            echo_end,
        ));

        let first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        // A zero-byte read is the close; a reset is the same news.
        assert!(matches!(second.read(&mut [0]).await, Ok(0) | Err(_)));
        assert_eq!((places.taken(), places.refused()), (1, 1));
        drop(first);
        places.all_free().await;
        assert_eq!((places.taken(), places.refused()), (0, 1));

        stopper.stop();
        accepting.await.unwrap();
    }
}
