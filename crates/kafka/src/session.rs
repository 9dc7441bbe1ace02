//! One connection: requests in, answers out, in the same order.
//!
//! Kafka answers a connection's requests one after the other, and clients count on it: a heartbeat
//! behind a join is not looked at before the join is answered. Produce requests are the exception
//! that throughput needs: while nothing else is in the works, they go to the broker as they arrive,
//! and are answered in order as their commits complete.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use crate::dispatch::{self, Answer};
use crate::fetch::FetchConnection;
use crate::frame::{Frame, FrameError, FrameReader};
use crate::gateway::{Gateway, Shared, stop_requested};
use crate::limits::{PRESSED_LOOK_INTERVAL, REQUESTS_IN_FLIGHT_MAX};
use crate::metrics::{Ending, InFlight};
use crate::pressure::Schedule;
use crate::request_memory::Share;

/// What a handler knows about where a request came from.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
    /// The client's address, as groups show it.
    pub(crate) client_host: Arc<str>,
    /// State of fetches on this connection.
    pub(crate) fetch: Arc<FetchConnection>,
}

/// Why a connection is closed from our side.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Protocol(String),
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("no traffic for {} seconds", .0.as_secs())]
    Idle(Duration),
    #[error("an answer was taken too slowly while others waited for memory")]
    TooSlow,
}

impl SessionError {
    fn ending(&self) -> Ending {
        match self {
            Self::Idle(_) => Ending::Idle,
            Self::Io(_) | Self::Frame(FrameError::Io(_) | FrameError::Truncated) => Ending::Broken,
            Self::Frame(FrameError::Stalled(_)) => Ending::Stalled,
            Self::TooSlow | Self::Frame(FrameError::TooSlow) => Ending::TooSlow,
            Self::Protocol(_) | Self::Frame(FrameError::TooLarge { .. }) => Ending::Protocol,
        }
    }
}

type Work = Pin<Box<dyn Future<Output = Result<Answer, SessionError>> + Send>>;

/// A request that is not answered yet.
enum Slot {
    /// In the works.
    Running {
        work: Work,
        /// It is a produce request: more of them may be put to work behind it.
        pipelined: bool,
        _memory: Share,
        _counted: InFlight,
    },
    /// Behind one that must be answered first.
    Waiting(Frame, InFlight),
}

impl Gateway {
    /// Serves one connection until the client ends it, misbehaves, or the gateway stops.
    pub async fn serve<S>(&self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Send,
    {
        let metrics = &self.shared.metrics;
        metrics.connections.add(1);
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut session = Session::new(&self.shared, peer);
        let ending = match session.run(&mut reader, &mut writer).await {
            Ok(()) => {
                tracing::debug!(%peer, "connection ended");
                Ending::Orderly
            }
            Err(error) => {
                let ending = error.ending();
                // Networks fail and clients vanish every day; what no client should send is news.
                if ending == Ending::Protocol {
                    tracing::warn!(%peer, %error, "connection closed");
                } else {
                    tracing::debug!(%peer, %error, "connection closed");
                }
                ending
            }
        };
        // What the session held is free before it counts as ended.
        drop(session);
        metrics.ended(ending);
    }
}

struct Session {
    context: Context,
    frames: FrameReader,
    slots: VecDeque<Slot>,
}

impl Session {
    fn new(shared: &Arc<Shared>, peer: SocketAddr) -> Self {
        let options = &shared.options;
        let memory = shared.request_memory.clone();
        let frames = FrameReader::new(memory, options.frame_bytes_max, options.stall_timeout);
        let context = Context {
            shared: Arc::clone(shared),
            // Kafka writes the host with a slash in front, as Java prints addresses.
            client_host: format!("/{}", peer.ip()).into(),
            fetch: Arc::default(),
        };
        Self {
            context,
            frames,
            slots: VecDeque::new(),
        }
    }

    async fn run(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), SessionError> {
        let idle = self.context.shared.options.idle_timeout;
        let mut stopping = self.context.shared.stopping.subscribe();
        let mut reading = true;
        loop {
            self.start_waiting();
            let busy = !self.slots.is_empty();
            if !reading && !busy {
                return Ok(());
            }
            if !busy {
                // What came before belongs to requests that are answered.
                self.frames.take_progress();
            }
            let may_read = reading && self.slots.len() < REQUESTS_IN_FLIGHT_MAX;
            tokio::select! {
                biased;
                answer = first_answer(&mut self.slots), if busy => {
                    self.slots.pop_front();
                    send(&self.context.shared, writer, answer?).await?;
                }
                frame = self.frames.next(reader, !busy), if may_read => match frame? {
                    Some(frame) => self.accept(frame),
                    // The client has gone; whoever waits for it need not.
                    None => {
                        self.finish();
                        return Ok(());
                    }
                },
                () = stop_requested(&mut stopping), if reading => reading = false,
                () = tokio::time::sleep(idle), if !busy => {
                    if !self.frames.take_progress() {
                        return Err(SessionError::Idle(idle));
                    }
                }
            }
        }
    }

    /// Puts a request in line.
    fn accept(&mut self, frame: Frame) {
        let metrics = &self.context.shared.metrics;
        metrics.request_bytes.add(frame.bytes.len() as u64 + 4);
        let counted = metrics.requests_in_flight.begin();
        self.slots.push_back(Slot::Waiting(frame, counted));
    }

    /// Puts to work the request at the head of the line, and if it is a produce request those right
    /// behind it. Behind anything else they wait: it may create the topic that they are for.
    fn start_waiting(&mut self) {
        for at in 0..self.slots.len() {
            let pipelined = match &self.slots[at] {
                Slot::Running { pipelined, .. } => *pipelined,
                Slot::Waiting(frame, _) => {
                    let pipelined = dispatch::is_produce(&frame.bytes);
                    if at > 0 && !pipelined {
                        return;
                    }
                    self.start(at);
                    pipelined
                }
            };
            if !pipelined {
                return;
            }
        }
    }

    /// Takes over what a client that has gone left behind. Nobody waits for answers any more, but a
    /// producer that asked for none counts as written what it has sent.
    fn finish(&mut self) {
        for at in 0..self.slots.len() {
            if matches!(&self.slots[at], Slot::Waiting(frame, _) if dispatch::is_produce(&frame.bytes))
            {
                self.start(at);
            }
        }
    }

    fn start(&mut self, at: usize) {
        let Some(Slot::Waiting(frame, counted)) = self.slots.remove(at) else {
            return;
        };
        let Frame { bytes, share } = frame;
        let pipelined = dispatch::is_produce(&bytes);
        let work = dispatch::start(self.context.clone(), bytes);
        let running = Slot::Running {
            work,
            pipelined,
            _memory: share,
            _counted: counted,
        };
        self.slots.insert(at, running);
    }
}

/// Writes an answer. A client that takes none of it for long is given up, and while others wait for
/// memory one that takes it too slowly: until then the answer is all the memory it holds.
async fn send(
    shared: &Shared,
    writer: &mut (impl AsyncWrite + Unpin),
    answer: Answer,
) -> Result<(), SessionError> {
    let Answer { rope, held: _held } = answer;
    let Some(mut rope) = rope else {
        return Ok(());
    };
    shared.metrics.response_bytes.add(rope.len() as u64);
    let patience = shared.options.idle_timeout;
    let mut schedule = Schedule::begin(rope.len());
    let mut given_up = Instant::now() + patience;
    while rope.has_remaining() {
        let look = given_up.min(Instant::now() + PRESSED_LOOK_INTERVAL);
        match timeout_at(look, writer.write_buf(&mut rope)).await {
            Ok(Ok(0)) => return Err(std::io::Error::from(std::io::ErrorKind::WriteZero).into()),
            Ok(written) => {
                schedule.moved(written?);
                given_up = Instant::now() + patience;
            }
            Err(_) if look == given_up => return Err(SessionError::Idle(patience)),
            Err(_) => {}
        }
        if shared.answer_memory.is_pressed() && schedule.is_behind() {
            return Err(SessionError::TooSlow);
        }
    }
    Ok(())
}

/// The answer to the request at the head of the line. Those behind it make progress by themselves:
/// their work is in the broker's hands already.
async fn first_answer(slots: &mut VecDeque<Slot>) -> Result<Answer, SessionError> {
    match slots.front_mut() {
        Some(Slot::Running { work, .. }) => work.as_mut().await,
        _ => std::future::pending().await,
    }
}
