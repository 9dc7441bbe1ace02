//! One request to an endpoint.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/http-header.html>

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::http::uri::Scheme;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{Kind, Tls};
use crate::limits::SNS_REQUEST_TIMEOUT;
use crate::sns::subscription::Subscription;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    /// The endpoint has it.
    Yes,
    /// It may have it another time.
    Later(String),
    /// It does not want it.
    Refused(String),
}

/// What is sent.
pub(super) struct Delivery<'a> {
    pub(super) kind: Kind,
    pub(super) message_id: &'a str,
    pub(super) topic_arn: &'a str,
    pub(super) body: Bytes,
}

/// Sends a message to an endpoint, and hears what it says.
pub(super) async fn send(
    tls: &Arc<Tls>,
    subscription: &Subscription,
    delivery: &Delivery<'_>,
) -> Delivered {
    let sent = post(tls, subscription, delivery);
    let sent = tokio::time::timeout(SNS_REQUEST_TIMEOUT, sent).await;
    match sent {
        Err(_) => Delivered::Later("no answer in time".to_owned()),
        Ok(Err(error)) => Delivered::Later(error.to_string()),
        Ok(Ok(status)) => judge(status),
    }
}

/// What a status means ("Message delivery retries": those of clients are final, but for too many requests).
fn judge(status: u16) -> Delivered {
    match status {
        200..=299 => Delivered::Yes,
        429 => Delivered::Later(format!("status {status}")),
        400..=499 => Delivered::Refused(format!("status {status}")),
        _ => Delivered::Later(format!("status {status}")),
    }
}

pub(super) type SendError = Box<dyn std::error::Error + Send + Sync>;

/// A connection, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn connect(tls: &Arc<Tls>, endpoint: &Uri) -> Result<Box<dyn Stream>, SendError> {
    let host = endpoint.host().ok_or("the endpoint has no host")?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_encrypted = endpoint.scheme() == Some(&Scheme::HTTPS);
    let port = if is_encrypted { 443 } else { 80 };
    let stream = TcpStream::connect((host, endpoint.port_u16().unwrap_or(port))).await?;
    Ok(match is_encrypted {
        true => Box::new(tls.connect(host, stream).await?),
        false => Box::new(stream),
    })
}

async fn post(
    tls: &Arc<Tls>,
    subscription: &Subscription,
    delivery: &Delivery<'_>,
) -> Result<u16, SendError> {
    let endpoint: Uri = subscription.record.endpoint.parse()?;
    let authority = endpoint.authority().ok_or("the endpoint has no host")?;
    let stream = connect(tls, &endpoint).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let path = endpoint.path_and_query().map_or("/", |path| path.as_str());
    let (user, host_and_port) = match authority.as_str().rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, authority.as_str()),
    };
    let is_confirmation = delivery.kind != Kind::Notification;
    let is_raw = subscription.is_raw && !is_confirmation;
    let content_type = match is_confirmation {
        true => "text/plain; charset=UTF-8",
        false => &subscription.delivery_policy.content_type,
    };
    let mut request = Request::post(path)
        .header(HOST, host_and_port)
        .header(USER_AGENT, "Amazon Simple Notification Service Agent")
        .header(CONTENT_TYPE, HeaderValue::from_str(content_type)?)
        .header("x-amz-sns-message-type", delivery.kind.as_str())
        .header("x-amz-sns-message-id", delivery.message_id)
        .header("x-amz-sns-topic-arn", delivery.topic_arn);
    if !is_confirmation {
        request = request.header("x-amz-sns-subscription-arn", &subscription.arn);
    }
    if is_raw {
        request = request.header("x-amz-sns-rawdelivery", "true");
    }
    if let Some(user) = user {
        let credentials = format!("Basic {}", STANDARD.encode(user));
        request = request.header(AUTHORIZATION, credentials);
    }
    let request = request.body(Full::new(delivery.body.clone()))?;
    let answered = async {
        let response = sender.send_request(request).await?;
        // What else it says is not read: the connection ends with this.
        Ok::<_, SendError>(response.status().as_u16())
    };
    tokio::pin!(connection, answered);
    tokio::select! {
        answered = &mut answered => answered,
        // Servers may close it with the answer, which is there then.
        ended = &mut connection => {
            ended?;
            answered.await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_are_blamed_for_is_not_sent_again() {
        assert_eq!(judge(204), Delivered::Yes);
        for status in [400, 403, 404, 410] {
            assert!(matches!(judge(status), Delivered::Refused(_)), "{status}");
        }
        for status in [100, 301, 429, 500, 503] {
            assert!(matches!(judge(status), Delivered::Later(_)), "{status}");
        }
    }
}
