//! One connection that is kept, with one request under way.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::Answer;

/// Room for an answer about one message.
const ANSWER_BYTES: usize = 4 << 10;

pub(super) struct Connection {
    address: SocketAddr,
    /// None when the server has hung up after an answer.
    stream: Option<TcpStream>,
    arrived: BytesMut,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            address,
            stream: Some(connect(address).await?),
            arrived: BytesMut::new(),
        })
    }

    /// Sends a request; answers the body of what comes back, which lies until the next one.
    pub(super) async fn call(&mut self, request: &[u8]) -> io::Result<&[u8]> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address).await?,
        };
        self.arrived.clear();
        stream.write_all(request).await?;
        let answer = loop {
            self.arrived.reserve(ANSWER_BYTES);
            if stream.read_buf(&mut self.arrived).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(answer) = Answer::first_of(&self.arrived)? {
                break answer;
            }
        };
        if !answer.is_last {
            self.stream = Some(stream);
        }
        self.accepted(answer.is_ok, answer.body)
    }

    fn accepted(&self, is_ok: bool, body: Range<usize>) -> io::Result<&[u8]> {
        let body = &self.arrived[body];
        if is_ok {
            return Ok(body);
        }
        let refusal = String::from_utf8_lossy(body);
        Err(io::Error::other(format!("refused: {refusal}")))
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
