//! HTTP/1.1 (RFC 9112): a connection from its first byte to its last, and each request from its head to its answer.
//!
//! It is the hot path of this gateway, where a general server would do more than is wanted: a request needs six of its
//! fields and is there in one piece, an answer is written in one, and who waits, for a request or for a message, is to
//! hold next to no memory.
//!
//! | module | what it is |
//! |---|---|
//! | `connection` | requests and answers in turn |
//! | `receive` | taking bytes out of a stream |
//! | `deadline` | how long a client may take |
//! | `head` | the first part of a request, and where its body ends |
//! | `field_lines` | all of a head's fields by name, for signatures |
//! | `body`, `chunks` | reading what a request brings, within bounds |
//! | `request` | whose it is, what it asks and by which protocol |
//! | `response`, `date` | answers and errors with their heads |

mod body;
mod chunks;
mod connection;
mod date;
mod deadline;
mod field_lines;
mod head;
mod receive;
mod request;
mod response;

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::gateway::Shared;
use crate::metrics::Ending;
use connection::Connection;
pub(crate) use field_lines::FieldLines;
pub(crate) use head::readable;

/// Serves requests one after the other until the client closes or keeps silent, or until the gateway stops: then the
/// request at hand is answered and the connection closed. A client that goes away in the middle ends what it asked.
pub(crate) async fn serve<S>(shared: &Shared, stream: S, peer: SocketAddr) -> Ending
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (ending, error) = Connection::new(shared, stream, peer).run().await;
    if let Some(error) = error {
        // Clients that go away are everyday; what it was matters to them alone.
        tracing::debug!(%peer, %error, "connection of an AWS client ended");
    }
    ending
}
