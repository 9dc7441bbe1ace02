//! The loop around the socket.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::errors::Refusal;
use super::{Phase, Session, SessionError};
use crate::amqp091::frame::write_heartbeat;
use crate::amqp091::method::MethodId;
use crate::gateway::stop_requested;
use crate::limits;

/// Longer than any connection: a timer that is not wanted.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

impl Session<'_> {
    /// Serves the connection to its end.
    pub(super) async fn run(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), SessionError> {
        let mut stopping = self.shared.stopping.subscribe();
        let mut told_to_stop = false;
        let mut flushed = true;
        loop {
            self.handle_input().await;
            self.hand_over();
            // What the broker did while it was handed over.
            let is_held_up = !self.may_handle();
            if let Some(outcomes) = self.publishing.ready() {
                self.published(outcomes);
                if is_held_up {
                    continue;
                }
            }
            self.follow_streams();
            self.deliver().await;
            if let Phase::Over = self.phase {
                return self.finish(writer).await;
            }
            // A socket mostly takes what it is given, and a look at everything else costs more than to try.
            let is_held_up = !self.may_handle() || !self.may_deliver();
            let output = &mut self.output;
            if !output.is_empty()
                && let Some(sent) = send(writer, output).now_or_never()
            {
                flushed = self.sent(sent?);
                if is_held_up || !self.settlements.is_empty() {
                    continue;
                }
            }
            let may_read = self.may_handle();
            let (may_write, may_deliver) = (self.may_write(), self.may_deliver());
            let (is_reading, is_pending) = (self.reading.is_some(), self.publishing.is_pending());
            let has_streams = !self.streams.is_empty();
            let is_open = matches!(self.phase, Phase::Open);
            let timer = self.next_timer();
            tokio::select! {
                read = reader.read_buf(&mut self.input), if may_read => {
                    self.received(read?)?;
                }
                sent = send(writer, &mut self.output), if !flushed || !self.output.is_empty() => {
                    flushed = self.sent(sent?);
                }
                outcomes = self.publishing.next(), if is_pending => self.published(outcomes),
                reply = async { match &mut self.replies {
                    Some(replies) => replies.next().await,
                    None => std::future::pending().await,
                }}, if may_write => if let Some(reply) = reply { self.deliver_reply(&reply) },
                () = self.streams.news(), if may_deliver && has_streams => {}
                notice = self.incoming.recv(), if may_deliver => self.backlog.extend(notice),
                read = async { match &mut self.reading {
                    Some(reading) => reading.done().await,
                    None => std::future::pending().await,
                }}, if is_reading => self.read_done(read),
                () = self.access.changed(), if is_open => self.access_changed(),
                Ok(()) = self.full.changed() => self.space_changed(),
                () = sleep_until(timer) => self.timer()?,
                reason = self.registration.entry().close_requested() => {
                    self.close_connection(MethodId::default(), Refusal::forced(reason));
                }
                () = stop_requested(&mut stopping), if !told_to_stop => {
                    told_to_stop = true;
                    self.close_connection(MethodId::default(), Refusal::shutdown());
                }
            }
        }
    }

    /// Whether more of what arrives may be handled: not while the broker is behind with publishes or has no
    /// space for them, nor while the client does not take what it is sent.
    pub(super) fn may_handle(&self) -> bool {
        !self.publishing.is_full()
            && !self.is_blocked()
            && self.output.len() < limits::OUTPUT_BYTES_MAX
    }

    fn received(&mut self, bytes: usize) -> Result<(), SessionError> {
        if bytes == 0 {
            return Err(match &self.phase {
                Phase::Closing { why, .. } => SessionError::Refused(why.clone()),
                _ => SessionError::Vanished,
            });
        }
        if bytes >= self.read_bytes {
            self.read_bytes = (2 * self.read_bytes).min(limits::READ_BYTES_MAX);
        } else if bytes < self.read_bytes / 8 {
            self.read_bytes = (self.read_bytes / 2).max(limits::READ_BYTES_MIN);
        }
        self.last_received = Instant::now();
        self.shared.metrics.received_bytes.add(bytes as u64);
        let entry = self.registration.entry();
        entry.received_bytes.add(bytes as u64);
        entry.received_packets.add(1);
        Ok(())
    }

    /// Takes note of what was sent. Returns whether all of it has left.
    fn sent(&mut self, sent: Sent) -> bool {
        if sent.bytes > 0 {
            self.last_sent = Instant::now();
            self.sent_bytes += sent.bytes as u64;
            self.sent_at_once = sent.bytes.max(self.sent_at_once / 8 * 7);
            self.shared.metrics.sent_bytes.add(sent.bytes as u64);
            let entry = self.registration.entry();
            entry.sent_bytes.add(sent.bytes as u64);
            entry.sent_packets.add(1);
            self.settle_sent();
        }
        if self.output.is_empty() && self.output.capacity() > limits::OUTPUT_BYTES_KEPT {
            self.output = BytesMut::new();
        }
        sent.flushed
    }

    fn heartbeat(&self) -> Option<Duration> {
        let seconds = self.agreed.heartbeat;
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    fn next_timer(&self) -> Instant {
        let mut next = self.last_received + NEVER;
        if let Some(heartbeat) = self.heartbeat() {
            // What waits to be sent is a sign of life already.
            if self.output.is_empty() {
                next = next.min(self.last_sent + heartbeat / 2);
            }
            // A client that is not read from has no way to give one.
            if self.may_handle() {
                next = next.min(self.last_received + 2 * heartbeat);
            }
        }
        if let Phase::Closing { until, .. } = self.phase {
            next = next.min(until);
        }
        next
    }

    fn timer(&mut self) -> Result<(), SessionError> {
        let now = Instant::now();
        if let Phase::Closing { until, why } = &self.phase
            && now >= *until
        {
            return Err(SessionError::Refused(why.clone()));
        }
        let Some(heartbeat) = self.heartbeat() else {
            return Ok(());
        };
        if now >= self.last_received + 2 * heartbeat && self.may_handle() {
            return Err(SessionError::Silent(self.agreed.heartbeat));
        }
        if now >= self.last_sent + heartbeat / 2 && self.output.is_empty() {
            write_heartbeat(&mut self.output);
        }
        Ok(())
    }

    /// Sends the last bytes.
    async fn finish(&mut self, writer: &mut (impl AsyncWrite + Unpin)) -> Result<(), SessionError> {
        let last = async {
            writer.write_all_buf(&mut self.output).await?;
            writer.flush().await?;
            writer.shutdown().await
        };
        match timeout(limits::CLOSE_TIMEOUT, last).await {
            Ok(sent) => sent?,
            Err(_) => return Err(SessionError::Vanished),
        }
        Ok(())
    }
}

/// What a step of sending came to.
struct Sent {
    bytes: usize,
    /// Nothing is left, and what a stream held back has left, too.
    flushed: bool,
}

/// Sends some of what waits, or what a stream holds back of it.
async fn send(writer: &mut (impl AsyncWrite + Unpin), output: &mut BytesMut) -> io::Result<Sent> {
    poll_fn(|cx| poll_send(Pin::new(&mut *writer), output, cx)).await
}

fn poll_send(
    mut writer: Pin<&mut impl AsyncWrite>,
    output: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Sent>> {
    let mut bytes = 0;
    if !output.is_empty() {
        bytes = ready!(writer.as_mut().poll_write(cx, output))?;
        if bytes == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        output.advance(bytes);
    }
    let flushed = output.is_empty()
        && match writer.poll_flush(cx)? {
            Poll::Ready(()) => true,
            Poll::Pending if bytes == 0 => return Poll::Pending,
            Poll::Pending => false,
        };
    Poll::Ready(Ok(Sent { bytes, flushed }))
}
