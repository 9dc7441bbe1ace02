//! Reading what a request brings beside its head, in full and within bounds.

use std::future::poll_fn;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::SemaphorePermit;

use super::chunks::{ChunkError, Chunks};
use super::connection::{Connection, End};
use super::head::{self, Framing, Head};
use super::receive::{ROOM, poll_receive};
use super::{request, response};
use crate::gateway::Shared;
use crate::limits;
use crate::metrics::Ending;
use crate::wire::faults;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl<S> Connection<'_, S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    /// Whether all of a request is there.
    pub(super) fn is_whole(&self, head: &Head) -> bool {
        let arrived = self.arrived.len() - head.end;
        matches!(head.framing, Framing::Length(length) if length <= arrived as u64)
    }

    /// Waits for the rest of a request. What comes in chunks lies behind the head in one piece then.
    pub(super) async fn rest(&mut self, head: &mut Head) -> Result<(), End> {
        if let Some(fault) = request::unwanted(head.of(&self.arrived)) {
            return Err(self.refused(head, fault));
        }
        self.deadline.restart(limits::BODY_TIMEOUT);
        match head.framing {
            Framing::Length(length) => {
                // It was compared with what a request may have.
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                self.rest_of_length(head, length).await
            }
            Framing::Chunked => {
                let length = self.rest_of_chunks(head).await?;
                head.framing = Framing::Length(length as u64);
                Ok(())
            }
        }
    }

    async fn rest_of_length(&mut self, head: &Head, length: usize) -> Result<(), End> {
        let shared = self.shared;
        let _memory = match length > limits::REQUEST_BYTES_FREE {
            true => Some(self.memory(shared, head, length).await?),
            false => None,
        };
        self.welcome(head).await?;
        let end = head.end + length;
        while self.arrived.len() < end {
            self.more(head, end - self.arrived.len()).await?;
        }
        Ok(())
    }

    async fn rest_of_chunks(&mut self, head: &Head) -> Result<usize, End> {
        let shared = self.shared;
        let mut memory = None;
        self.welcome(head).await?;
        let (mut chunks, mut body) = (Chunks::default(), Vec::new());
        loop {
            let read = chunks.read(&self.arrived[head.end..], &mut body);
            let read = read.map_err(|error| match error {
                ChunkError::Malformed => End::Last {
                    answer: response::bare(shared, head::BAD_REQUEST),
                    ending: Ending::Protocol,
                },
                ChunkError::TooLarge => {
                    self.refused(head, faults::too_large(limits::REQUEST_BYTES_MAX))
                }
            })?;
            self.arrived.drain(head.end..head.end + read);
            if chunks.is_done() {
                break;
            }
            // Nobody says how much it will be.
            if memory.is_none() && body.len() > limits::REQUEST_BYTES_FREE {
                memory = Some(self.memory(shared, head, limits::REQUEST_BYTES_MAX).await?);
            }
            self.more(head, ROOM).await?;
        }
        let length = body.len();
        self.arrived.splice(head.end..head.end, body);
        Ok(length)
    }

    /// Waits until there is memory for so much.
    async fn memory<'m>(
        &mut self,
        shared: &'m Shared,
        head: &Head,
        bytes: usize,
    ) -> Result<SemaphorePermit<'m>, End> {
        let kib = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
        let acquired = tokio::select! {
            biased;
            acquired = shared.request_memory.acquire_many(kib) => acquired,
            () = poll_fn(|cx| self.deadline.poll(cx)) => {
                return Err(self.refused(head, faults::timed_out()));
            }
        };
        let stopping = |_| {
            let fault = faults::unavailable("The server is stopping");
            self.refused(head, fault)
        };
        acquired.map_err(stopping)
    }

    /// Tells a client that waits for it that the body is wanted. One that has begun with it does not wait.
    async fn welcome(&mut self, head: &Head) -> Result<(), End> {
        if head.expects_continue && self.arrived.len() == head.end {
            self.stream.write_all(CONTINUE).await.map_err(End::Gone)?;
            self.stream.flush().await.map_err(End::Gone)?;
        }
        Ok(())
    }

    /// Reads some of the bytes that are missing.
    async fn more(&mut self, head: &Head, missing: usize) -> Result<(), End> {
        let Self {
            stream,
            arrived,
            deadline,
            ..
        } = self;
        let timed_out = poll_fn(|cx| deadline.poll(cx));
        let read = if missing <= ROOM {
            let read = poll_fn(|cx| poll_receive(stream, arrived, ROOM, cx));
            tokio::select! {
                biased;
                read = read => Some(read),
                () = timed_out => None,
            }
        } else {
            // What a client announces is believed as far as it keeps its word.
            if arrived.len() == arrived.capacity() {
                arrived.reserve_exact(missing.min(arrived.len().max(ROOM)));
            }
            tokio::select! {
                biased;
                read = stream.read_buf(arrived) => Some(read),
                () = timed_out => None,
            }
        };
        match read {
            Some(Ok(0)) => Err(End::Gone(std::io::ErrorKind::UnexpectedEof.into())),
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(End::Gone(error)),
            None => Err(self.refused(head, faults::timed_out())),
        }
    }
}
