//! One connection: requests go out as they come, answers come back in the same order.
//!
//! A task of its own writes and reads. It outlives the caller of a request, so a caller that gives
//! up leaves nothing half-read behind.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot};

use super::error::{ClientError, plain_reason};
use crate::frame::{FrameError, FrameReader};
use crate::limits::STALL_TIMEOUT;
use crate::protocol::{Request, Rope, api};
use crate::request_memory::RequestMemory;

/// Requests that may wait to be written. Those that are written wait for their answers; how many
/// there are is up to the caller, who holds a future for each.
const QUEUED_MAX: usize = 16;

/// A connection to a broker.
pub(super) struct Connection {
    address: Arc<str>,
    client_id: String,
    next_id: AtomicI32,
    requests: mpsc::Sender<Outgoing>,
    /// How the connection ended.
    ended: Arc<OnceLock<String>>,
}

struct Outgoing {
    frame: Rope,
    correlation_id: i32,
    /// Whether the broker answers; it does not when a producer wants no acknowledgement.
    answered: bool,
    reply: oneshot::Sender<Bytes>,
}

/// A request that has been answered not yet.
struct Waiting {
    correlation_id: i32,
    reply: oneshot::Sender<Bytes>,
}

/// A request on its way, and the place where its answer will be.
pub(super) struct Answer {
    address: Arc<str>,
    ended: Arc<OnceLock<String>>,
    reply: oneshot::Receiver<Bytes>,
}

impl Connection {
    /// Takes over a stream. `answer_bytes_max` bounds what one answer may take.
    pub(super) fn open(
        address: &str,
        client_id: &str,
        stream: impl AsyncRead + AsyncWrite + Send + 'static,
        answer_bytes_max: usize,
    ) -> Self {
        let (requests, mut queue) = mpsc::channel(QUEUED_MAX);
        let ended = Arc::new(OnceLock::new());
        let end = Arc::clone(&ended);
        tokio::spawn(async move {
            let waiting = Mutex::new(VecDeque::new());
            let (from, to) = tokio::io::split(stream);
            let reason = tokio::select! {
                reason = write(&mut queue, &waiting, to) => reason,
                reason = read(from, &waiting, answer_bytes_max) => reason,
            };
            let _ = end.set(reason);
            // Only now are callers let go, so that they find the reason.
            drop((queue, waiting));
        });
        Self {
            address: Arc::from(address),
            client_id: client_id.to_owned(),
            next_id: AtomicI32::new(0),
            requests,
            ended,
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Whether no further request can be sent.
    pub(super) fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Puts a request on its way. Requests reach the broker in the order in which this is called.
    pub(super) async fn start<'q, Q: Request<'q>>(
        &self,
        version: i16,
        request: &Q,
        answered: bool,
    ) -> Result<Answer, ClientError> {
        let correlation_id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let frame = api::encode_request(version, correlation_id, Some(&self.client_id), request)
            .map_err(|error| ClientError::unsayable(&self.address, &error))?;
        let (reply, receiver) = oneshot::channel();
        let outgoing = Outgoing {
            frame,
            correlation_id,
            answered,
            reply,
        };
        let answer = Answer {
            address: Arc::clone(&self.address),
            ended: Arc::clone(&self.ended),
            reply: receiver,
        };
        match self.requests.send(outgoing).await {
            Ok(()) => Ok(answer),
            Err(_) => Err(answer.lost()),
        }
    }
}

impl Answer {
    /// Waits for the answer's frame; empty for a request that has none, once it is written.
    pub(super) async fn frame(mut self) -> Result<Bytes, ClientError> {
        match (&mut self.reply).await {
            Ok(frame) => Ok(frame),
            Err(_) => Err(self.lost()),
        }
    }

    fn lost(&self) -> ClientError {
        let reason = self.ended.get().map_or("it was closed", String::as_str);
        ClientError::Lost {
            address: self.address.to_string(),
            reason: reason.to_owned(),
        }
    }
}

async fn write<S: AsyncWrite>(
    queue: &mut mpsc::Receiver<Outgoing>,
    waiting: &Mutex<VecDeque<Waiting>>,
    mut to: WriteHalf<S>,
) -> String {
    while let Some(mut outgoing) = queue.recv().await {
        let mut unanswered = Some(outgoing.reply);
        if outgoing.answered
            && let Some(reply) = unanswered.take()
        {
            // Before the first byte is out, so that no answer can come too early.
            waiting.lock().push_back(Waiting {
                correlation_id: outgoing.correlation_id,
                reply,
            });
        }
        if let Err(error) = to.write_all_buf(&mut outgoing.frame).await {
            return plain_reason(&error);
        }
        if let Some(reply) = unanswered {
            let _ = reply.send(Bytes::new());
        }
    }
    "it was given up".to_owned()
}

async fn read<S: AsyncRead>(
    mut from: ReadHalf<S>,
    waiting: &Mutex<VecDeque<Waiting>>,
    answer_bytes_max: usize,
) -> String {
    // One answer is read at a time, so this memory is never waited for.
    let memory = RequestMemory::new(answer_bytes_max);
    let mut frames = FrameReader::new(memory, answer_bytes_max, STALL_TIMEOUT);
    loop {
        let frame = match frames.next(&mut from, true).await {
            Ok(Some(frame)) => frame.bytes.freeze(),
            Ok(None) => return "the broker closed it".to_owned(),
            Err(FrameError::Io(error)) => return plain_reason(&error),
            Err(error @ (FrameError::Stalled(_) | FrameError::TooSlow)) => {
                return error.to_string();
            }
            Err(FrameError::Truncated) => return "it ended inside an answer".to_owned(),
            Err(FrameError::TooLarge { length, limit }) => return foreign(length, limit),
        };
        let id = frame.first_chunk().copied().map(i32::from_be_bytes);
        let next = waiting.lock().pop_front();
        match next {
            // A caller that is gone has given up; its answer is of no use to anybody.
            Some(waiting) if id == Some(waiting.correlation_id) => drop(waiting.reply.send(frame)),
            _ => return "an answer came that nobody waits for".to_owned(),
        }
    }
}

/// What a length that cannot be stands for: whoever mixes up two ports meets one of the first two.
fn foreign(length: i32, limit: usize) -> String {
    /// A TLS alert, its version and the first byte of its length.
    const TLS_ALERT: [u8; 2] = [21, 3];
    match length.to_be_bytes() {
        [b'H', b'T', b'T', b'P'] => "it speaks HTTP, not Kafka's protocol".to_owned(),
        [first, second, ..] if [first, second] == TLS_ALERT => "it speaks TLS".to_owned(),
        _ => format!("an answer of {length} bytes is over the limit of {limit}"),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    use super::*;
    use crate::protocol::generated::{HeartbeatRequest, HeartbeatResponse};

    fn pair() -> (Connection, DuplexStream) {
        let (near, far) = duplex(1 << 16);
        (Connection::open("test:1", "me", near, 1 << 10), far)
    }

    fn group(name: &str) -> HeartbeatRequest<'_> {
        HeartbeatRequest {
            group_id: name.into(),
            ..HeartbeatRequest::default()
        }
    }

    /// The next request that the broker sees: correlation id and group.
    async fn next_request(far: &mut DuplexStream) -> (i32, String) {
        let mut frame = vec![0; far.read_i32().await.unwrap() as usize];
        far.read_exact(&mut frame).await.unwrap();
        let head = api::decode_request_header(&frame).unwrap();
        let body: HeartbeatRequest<'_> = head.decode_body().unwrap();
        (head.header.correlation_id, body.group_id.to_string())
    }

    async fn answer(far: &mut DuplexStream, id: i32, error_code: i16) {
        let response = HeartbeatResponse {
            error_code,
            ..HeartbeatResponse::default()
        };
        let mut frame = api::encode_response(4, id, &response).unwrap();
        far.write_all_buf(&mut frame).await.unwrap();
    }

    async fn code(answer: Answer) -> Result<i16, ClientError> {
        let frame = answer.frame().await?;
        let (_, response) = api::decode_response::<HeartbeatResponse>(4, &frame).unwrap();
        Ok(response.error_code)
    }

    #[tokio::test]
    async fn requests_go_out_before_earlier_ones_are_answered() {
        let (connection, mut far) = pair();
        let first = connection.start(4, &group("a"), true).await.unwrap();
        let second = connection.start(4, &group("b"), true).await.unwrap();
        let (first_id, name) = next_request(&mut far).await;
        assert_eq!(name, "a");
        let (second_id, name) = next_request(&mut far).await;
        assert_eq!(name, "b");
        answer(&mut far, first_id, 11).await;
        answer(&mut far, second_id, 22).await;
        assert_eq!(code(second).await, Ok(22));
        assert_eq!(code(first).await, Ok(11));
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_does_not_shift_later_answers() {
        let (connection, mut far) = pair();
        drop(connection.start(4, &group("a"), true).await.unwrap());
        let second = connection.start(4, &group("b"), true).await.unwrap();
        for error_code in [11, 22] {
            let (id, _) = next_request(&mut far).await;
            answer(&mut far, id, error_code).await;
        }
        assert_eq!(code(second).await, Ok(22));
    }

    #[tokio::test]
    async fn a_request_without_answer_is_done_when_it_is_written() {
        let (connection, mut far) = pair();
        let silent = connection.start(4, &group("a"), false).await.unwrap();
        let loud = connection.start(4, &group("b"), true).await.unwrap();
        assert_eq!(silent.frame().await, Ok(Bytes::new()));
        next_request(&mut far).await;
        let (id, _) = next_request(&mut far).await;
        answer(&mut far, id, 22).await;
        assert_eq!(code(loud).await, Ok(22));
    }

    #[tokio::test]
    async fn callers_learn_how_the_connection_ended() {
        let (connection, far) = pair();
        let waiting = connection.start(4, &group("a"), true).await.unwrap();
        drop(far);
        let error = waiting.frame().await.unwrap_err();
        assert!(error.is_outage(), "{error}");
        let later = connection.start(4, &group("b"), true).await;
        assert!(connection.is_closed() && later.is_err());
    }

    #[tokio::test]
    async fn answers_that_are_too_large_or_nobodys_end_the_connection() {
        let (connection, mut far) = pair();
        let waiting = connection.start(4, &group("a"), true).await.unwrap();
        far.write_i32(1 << 20).await.unwrap();
        let error = waiting.frame().await.unwrap_err().to_string();
        assert!(error.contains("over the limit of 1024"), "{error}");

        let (connection, mut far) = pair();
        let waiting = connection.start(4, &group("a"), true).await.unwrap();
        let (id, _) = next_request(&mut far).await;
        answer(&mut far, id + 1, 0).await;
        let error = waiting.frame().await.unwrap_err().to_string();
        assert!(error.contains("nobody waits for"), "{error}");
    }
}
