//! HTTP/1.1: a connection from its first byte to its last, and each request from its head to its answer.
//!
//! | module | what it is |
//! |---|---|
//! | `body` | reading what a request brings, within bounds |
//! | `request` | whose it is, what it asks and by which protocol |
//! | `response` | answers and errors with their headers |

mod body;
mod request;
mod response;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::gateway::Shared;
use crate::limits;
use crate::metrics::Ending;

/// Serves requests one after the other until the client closes or keeps silent, or until the gateway stops: then the
/// request at hand is answered and the connection closed. A client that goes away in the middle ends what it asked.
pub(crate) async fn serve<S>(shared: &Shared, stream: S, peer: SocketAddr) -> Ending
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits::IDLE_TIMEOUT)
        .max_buf_size(limits::HEAD_BYTES_MAX);
    let service = service_fn(|request: hyper::Request<Incoming>| async {
        Ok::<_, Infallible>(request::answer(shared, request, peer).await)
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shared.stop_requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    let Err(error) = ended else {
        return Ending::Orderly;
    };
    // Clients that go away or send rubbish are everyday; what it was matters to them alone.
    tracing::debug!(%peer, %error, "connection of an AWS client ended");
    if error.is_timeout() {
        Ending::Idle
    } else if error.is_parse() {
        Ending::Protocol
    } else {
        Ending::Broken
    }
}
