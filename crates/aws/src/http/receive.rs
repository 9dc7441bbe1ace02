//! Taking bytes out of a stream.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// What is read at once where nobody knows how much comes. Most requests are less.
pub(super) const ROOM: usize = 16 << 10;

/// Appends what has arrived, at most `room` bytes. 0: nothing will come any more.
///
/// It is read into the stack and copied from there, so that a connection that waits holds no room for what may come,
/// and one whose request is at work holds that and no more: there are tens of thousands that wait, and few that read.
pub(super) fn poll_receive<S>(
    stream: &mut S,
    arrived: &mut Vec<u8>,
    room: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>>
where
    S: AsyncRead + Unpin,
{
    let mut bytes = [const { MaybeUninit::uninit() }; ROOM];
    let mut read = ReadBuf::uninit(&mut bytes[..room.min(ROOM)]);
    ready!(Pin::new(stream).poll_read(cx, &mut read))?;
    arrived.extend_from_slice(read.filled());
    Poll::Ready(Ok(read.filled().len()))
}
