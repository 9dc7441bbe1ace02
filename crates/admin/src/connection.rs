//! One HTTP/1.1 connection, from its first byte to its last.

use std::pin::pin;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::limits;
use crate::write_stall::WriteStall;

/// Serves requests until the client closes or keeps silent, or until `stop` completes: then the
/// request at hand is answered and the connection closed.
///
/// ```no_run
/// # async fn example(admin: forebay_admin::Admin, listener: tokio::net::TcpListener) -> std::io::Result<()> {
/// let router = admin.router();
/// let (stream, _peer) = listener.accept().await?;
/// tokio::spawn(forebay_admin::serve_connection(stream, router.clone(), std::future::pending()));
/// # Ok(()) }
/// ```
pub async fn serve_connection<S>(stream: S, router: Router, stop: impl Future<Output = ()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = WriteStall::new(stream, limits::WRITE_STALL_TIMEOUT);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIMEOUT)
        .max_buf_size(limits::HEAD_BYTES_MAX);
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // Clients that go away or send rubbish are everyday; what it was matters to them alone.
    if let Err(error) = ended {
        tracing::debug!(%error, "HTTP connection ended");
    }
}
