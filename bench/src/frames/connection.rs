//! A blocking connection that sends frames and reads answers.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use forebay_kafka::protocol::{Request, api};

/// The longest wait for a broker that does not answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// Where the correlation id is in a frame that begins with its length: behind that, key and version.
const CORRELATION_ID: std::ops::Range<usize> = 8..12;

pub(super) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            answer: Vec::new(),
        })
    }

    pub(super) fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.stream.write_all(frame)
    }

    /// The next answer, decoded; it borrows from the connection's buffer.
    pub(super) fn receive<R: Request<'static>>(
        &mut self,
        version: i16,
    ) -> io::Result<R::Response<'_>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        self.answer.resize(u32::from_be_bytes(length) as usize, 0);
        self.stream.read_exact(&mut self.answer)?;
        let (_, response) = api::decode_response(version, &self.answer)
            .map_err(|error| io::Error::other(format!("an answer to {}: {error}", R::NAME)))?;
        Ok(response)
    }
}

/// The frame of a request, with its length in front.
pub(super) fn frame<'a, R: Request<'a>>(version: i16, request: &R) -> Vec<u8> {
    let rope = api::encode_request(version, 0, Some("forebay-bench"), request);
    let rope = rope.expect("the request can be said in this version");
    rope.into_bytes().into()
}

/// Gives a frame that was encoded before another correlation id.
pub(super) fn renumber(frame: &mut [u8], correlation_id: u32) {
    frame[CORRELATION_ID].copy_from_slice(&correlation_id.to_be_bytes());
}
