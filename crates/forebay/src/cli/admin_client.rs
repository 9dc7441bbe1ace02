//! How commands ask the admin listener: JSON over one HTTP/1.1 connection.

use std::fmt::Write;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::failure::{Cause, Failure};
use crate::config::address::HostPort;
use crate::config::units::show_duration;

/// The largest answer that is read. The largest honest one has a thousand messages.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// After this time without a request a new connection is made: the listener closes those that are idle, and
/// somebody may take their time to confirm something.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// A connection to the admin listener.
pub(crate) struct AdminClient {
    sender: SendRequest<Full<Bytes>>,
    used: Instant,
    address: HostPort,
    timeout: Duration,
}

impl AdminClient {
    pub(crate) async fn connect(address: &HostPort, timeout: Duration) -> Result<Self, Failure> {
        Ok(Self {
            sender: open(address, timeout).await?,
            used: Instant::now(),
            address: address.clone(),
            timeout,
        })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Value, Failure> {
        self.ask(Method::GET, path, None).await
    }

    pub(crate) async fn delete(&mut self, path: &str) -> Result<Value, Failure> {
        self.ask(Method::DELETE, path, None).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        if self.sender.is_closed() || self.used.elapsed() > IDLE_MAX {
            self.sender = open(&self.address, self.timeout).await?;
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(text)))
            .map_err(|error| Failure::new(Cause::Usage, error.to_string()))?;
        let (timeout, sender) = (self.timeout, &mut self.sender);
        let asking = async {
            let response = sender.send_request(request).await?;
            let (parts, body) = response.into_parts();
            Ok((
                parts.status,
                Limited::new(body, ANSWER_BYTES_MAX).collect().await,
            ))
        };
        let answered: Result<_, hyper::Error> = tokio::time::timeout(timeout, asking)
            .await
            .map_err(|_| timed_out(&self.address, timeout))?;
        self.used = Instant::now();
        let (status, body) = answered.map_err(|error| self.not_admin(&error.to_string()))?;
        let body = body.map_err(|error| self.not_admin(&error.to_string()))?;
        let json = serde_json::from_slice::<Value>(&body.to_bytes());
        let json = json.map_err(|_| self.not_admin(&format!("{status} without JSON")))?;
        if status.is_success() {
            return Ok(json);
        }
        let error = &json["error"];
        let code = error["code"].as_str().unwrap_or_default();
        let message = error["message"].as_str().unwrap_or("the broker refused it");
        Err(refusal(status, code, message))
    }

    fn not_admin(&self, reason: &str) -> Failure {
        let message = format!("no use talking to {}: {reason}", self.address);
        Failure::new(Cause::Unreachable, message)
            .hint("is the admin listener at this address? --admin HOST:PORT names another one")
    }
}

async fn open(address: &HostPort, timeout: Duration) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let unreachable = |reason: String| {
        let message = format!("cannot reach {address}: {reason}");
        Failure::new(Cause::Unreachable, message)
            .hint("forebay serve starts a broker; --admin HOST:PORT names another one")
    };
    let connecting = TcpStream::connect((address.host.as_str(), address.port));
    let stream = tokio::time::timeout(timeout, connecting)
        .await
        .map_err(|_| timed_out(address, timeout))?
        .map_err(|error| unreachable(error.to_string()))?;
    let (sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unreachable(error.to_string()))?;
    tokio::spawn(connection);
    Ok(sender)
}

fn timed_out(address: &HostPort, timeout: Duration) -> Failure {
    let waited = show_duration(timeout);
    let message = format!("no answer within {waited} from {address}");
    Failure::new(Cause::TimedOut, message).hint("--timeout gives it more time")
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Failure {
    let cause = match status {
        StatusCode::NOT_FOUND => Cause::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Cause::Denied,
        StatusCode::BAD_REQUEST => Cause::Usage,
        _ => Cause::Failed,
    };
    // The API quotes names as Markdown does, a command line does not.
    let failure = Failure::new(cause, message.replace('`', ""));
    match code {
        "queue_not_found" => failure.hint("forebay queue list shows those that do"),
        "topic_not_found" => failure.hint("forebay topic list shows those that do"),
        "storage_full" => failure.hint("make space; nothing was moved"),
        _ => failure,
    }
}

/// A name as part of a path or a query (RFC 3986 §2.3).
pub(crate) fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(byte.into());
        } else {
            write!(text, "%{byte:02X}").expect("strings take all that is written");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_part_of_a_path() {
        assert_eq!(encoded("orders.dead-1_~"), "orders.dead-1_~");
        assert_eq!(encoded("a/b c?é"), "a%2Fb%20c%3F%C3%A9");
    }

    #[test]
    fn scripts_can_tell_refusals_apart() {
        let failure = refusal(
            StatusCode::NOT_FOUND,
            "queue_not_found",
            "queue `q` does not exist",
        );
        assert_eq!(failure.cause, Cause::NotFound);
        assert_eq!(
            failure.to_string(),
            "queue q does not exist; forebay queue list shows those that do"
        );
        assert_eq!(refusal(StatusCode::CONFLICT, "", "x").cause, Cause::Failed);
    }
}
