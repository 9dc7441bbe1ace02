//! A connection: request, answer, request, answer.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::deadline::Deadline;
use super::head::{self, Head};
use super::receive::{ROOM, poll_receive};
use super::request;
use super::response::{self, Answer};
use crate::gateway::Shared;
use crate::limits;
use crate::metrics::Ending;
use crate::wire::Fault;

/// What is kept of a connection between two looks at it.
pub(super) struct Connection<'g, S> {
    pub(super) shared: &'g Shared,
    pub(super) stream: S,
    /// The request at hand, or what is there of it, and what came behind it.
    pub(super) arrived: Vec<u8>,
    peer: SocketAddr,
    pub(super) deadline: Deadline,
}

/// Why a connection is not served any more.
pub(super) enum End {
    /// The client has closed it, or we do, between requests.
    Orderly,
    /// The client is gone.
    Gone(io::Error),
    /// It sends nothing.
    Silent,
    /// It is told why; of what it sends nothing more is read.
    Last { answer: Answer, ending: Ending },
}

impl<'g, S> Connection<'g, S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    pub(super) fn new(shared: &'g Shared, stream: S, peer: SocketAddr) -> Self {
        Self {
            shared,
            stream,
            peer,
            arrived: Vec::new(),
            deadline: Deadline::new(limits::IDLE_TIMEOUT),
        }
    }

    /// Serves it to its end.
    pub(super) async fn run(mut self) -> (Ending, Option<io::Error>) {
        let mut stop = pin!(self.shared.stop_requested());
        let end = loop {
            if let Err(end) = self.turn(stop.as_mut()).await {
                break end;
            }
        };
        match end {
            End::Orderly => {
                // The client may be gone.
                let _ = self.stream.shutdown().await;
                (Ending::Orderly, None)
            }
            End::Gone(error) => (Ending::Broken, Some(error)),
            End::Silent => {
                let _ = self.stream.shutdown().await;
                (Ending::Idle, None)
            }
            End::Last { answer, ending } => match Box::pin(self.part(answer)).await {
                Ok(()) => (ending, None),
                Err(error) => (Ending::Broken, Some(error)),
            },
        }
    }

    /// Serves one request.
    async fn turn(&mut self, stop: Pin<&mut impl Future<Output = ()>>) -> Result<(), End> {
        self.deadline.restart(limits::IDLE_TIMEOUT);
        let mut head = self.head(stop).await?;
        if !self.is_whole(&head) {
            // Seldom, and large.
            Box::pin(self.rest(&mut head)).await?;
        }
        let answer = self.answer(&head).await?;
        self.write(&answer).await.map_err(End::Gone)?;
        match answer.is_last {
            true => Err(End::Orderly),
            false => Ok(()),
        }
    }

    /// Waits for a head. A stop ends the wait for its first byte.
    async fn head(&mut self, mut stop: Pin<&mut impl Future<Output = ()>>) -> Result<Head, End> {
        // Up to here there is no end of a head.
        let mut searched = 0;
        loop {
            if searched == 0 || ends_behind(&self.arrived, searched) {
                let head = Head::parse(&self.arrived);
                let refused = |status| End::Last {
                    answer: response::bare(self.shared, status),
                    ending: Ending::Protocol,
                };
                if let Some(head) = head.map_err(refused)? {
                    return Ok(head);
                }
            }
            if self.arrived.len() >= limits::HEAD_BYTES_MAX {
                return Err(End::Last {
                    answer: response::bare(self.shared, head::TOO_LARGE),
                    ending: Ending::Protocol,
                });
            }
            searched = self.arrived.len();
            // Some send an empty line behind a body.
            let is_between = self.arrived.iter().all(|byte| b"\r\n".contains(byte));
            let read = poll_fn(|cx| {
                let read = poll_receive(&mut self.stream, &mut self.arrived, ROOM, cx);
                if let Poll::Ready(read) = read {
                    return Poll::Ready(read.map_err(End::Gone));
                }
                if is_between && stop.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Err(End::Orderly));
                }
                self.deadline.poll(cx).map(|()| Err(End::Silent))
            });
            match read.await? {
                0 if is_between => return Err(End::Orderly),
                0 => return Err(End::Gone(io::ErrorKind::UnexpectedEof.into())),
                _ => {}
            }
        }
    }

    /// Answers a request that is there in full, and is done with it. A client that goes away ends what it has asked.
    async fn answer(&mut self, head: &Head) -> Result<Answer, End> {
        let mut ahead = Vec::new();
        let request = head.of(&self.arrived);
        let end = head.end + request.body().len();
        let stream = &mut self.stream;
        let answer = {
            let mut answer = pin!(request::answer(self.shared, request, self.peer));
            poll_fn(|cx| {
                if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                    return Poll::Ready(Ok(answer));
                }
                // What follows may come before the answer, to some amount; then nothing is read, and not the end.
                loop {
                    let room = limits::AHEAD_BYTES_MAX - ahead.len();
                    if room == 0 {
                        return Poll::Pending;
                    }
                    match ready!(poll_receive(stream, &mut ahead, room, cx)) {
                        Ok(0) => {
                            let gone = io::ErrorKind::UnexpectedEof.into();
                            return Poll::Ready(Err(End::Gone(gone)));
                        }
                        Ok(_) => {}
                        Err(error) => return Poll::Ready(Err(End::Gone(error))),
                    }
                }
            })
            .await?
        };
        if self.arrived.len() == end {
            self.arrived = ahead;
        } else {
            self.arrived.drain(..end);
            self.arrived.append(&mut ahead);
        }
        Ok(answer)
    }

    async fn write(&mut self, answer: &Answer) -> io::Result<()> {
        self.stream.write_all(&answer.bytes).await?;
        if !answer.body.is_empty() {
            self.stream.write_all(&answer.body).await?;
        }
        self.stream.flush().await
    }

    /// The end of a connection whose request cannot be, or is not worth being read to its end.
    pub(super) fn refused(&self, head: &Head, fault: Fault) -> End {
        End::Last {
            answer: request::refusal(self.shared, head.of(&self.arrived), fault),
            ending: Ending::Orderly,
        }
    }

    /// Says the last word, and has it heard: a socket that is closed with bytes unread takes back what it has sent.
    async fn part(&mut self, answer: Answer) -> io::Result<()> {
        self.write(&answer).await?;
        self.stream.shutdown().await?;
        self.arrived = Vec::new();
        self.deadline.restart(limits::FAREWELL_TIMEOUT);
        let mut rest = limits::FAREWELL_BYTES_MAX;
        while rest > 0 {
            self.arrived.clear();
            let read = poll_fn(|cx| {
                let read = poll_receive(&mut self.stream, &mut self.arrived, ROOM, cx);
                match read.is_ready() {
                    true => read,
                    false => self.deadline.poll(cx).map(|()| Ok(0)),
                }
            });
            match read.await {
                Ok(count @ 1..) => rest = rest.saturating_sub(count),
                // It has heard, or never will.
                Ok(0) | Err(_) => break,
            }
        }
        Ok(())
    }
}

/// Whether the empty line that ends a head may be among the bytes from `from` on.
fn ends_behind(bytes: &[u8], from: usize) -> bool {
    // The last two of what was searched may be its beginning.
    let rest = &bytes[from.saturating_sub(2)..];
    let ends = rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let mut ends = ends.map(|(at, _)| &rest[at + 1..]);
    ends.any(|behind| behind.starts_with(b"\n") || behind.starts_with(b"\r\n"))
}
