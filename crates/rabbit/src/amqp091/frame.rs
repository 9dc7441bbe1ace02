//! The protocol header, and frames (AMQP 0-9-1 §4.2.2, §4.2.3): off a buffer and onto one.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::DecodeError;
use super::method::Encode;
use super::wire::Writer;

/// What a client begins with, and what one that began otherwise is answered before the connection closes.
pub const PROTOCOL_HEADER: [u8; 8] = *b"AMQP\0\x00\x09\x01";
/// What a client of AMQP 0-9 begins with. RabbitMQ takes it for 0-9-1, and so do the clients.
const PROTOCOL_HEADER_0_9: [u8; 8] = *b"AMQP\x01\x01\x00\x09";

/// Type, channel and size in front of a payload.
const HEAD_BYTES: usize = 7;
/// What is behind every payload.
pub(super) const FRAME_END: u8 = 0xce;
/// What a frame is larger than its payload.
pub const FRAME_OVERHEAD: u32 = 8;
/// Clients get the limit wrong by what an empty frame takes. RabbitMQ lets them.
const SIZE_LENIENCE: u32 = FRAME_OVERHEAD;

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// A client of this protocol.
    Amqp091,
    /// Anything else; it is answered with [`PROTOCOL_HEADER`] and closed.
    Other,
}

impl Greeting {
    /// Looks at the first bytes of a connection, and takes them if they are the protocol header. None as
    /// long as they could still become one.
    pub fn decode(from: &mut BytesMut) -> Option<Self> {
        let known = [PROTOCOL_HEADER, PROTOCOL_HEADER_0_9];
        if known.iter().any(|header| from.starts_with(header)) {
            from.advance(PROTOCOL_HEADER.len());
            Some(Self::Amqp091)
        } else if known.iter().any(|header| header.starts_with(from)) {
            None
        } else {
            Some(Self::Other)
        }
    }
}

/// What is in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameType {
    /// A method, see [`Method::decode`](super::method::Method::decode).
    Method = 1,
    /// A content header, see [`ContentHeader::decode`](super::content::ContentHeader::decode).
    Header = 2,
    /// A piece of a message's body.
    Body = 3,
    /// A sign of life.
    Heartbeat = 8,
}

impl FrameType {
    fn new(octet: u8) -> Result<Self, DecodeError> {
        match octet {
            1 => Ok(Self::Method),
            2 => Ok(Self::Header),
            3 => Ok(Self::Body),
            8 => Ok(Self::Heartbeat),
            other => Err(DecodeError::UnknownFrameType(other)),
        }
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What is in it.
    pub kind: FrameType,
    /// The channel; 0 is the connection itself.
    pub channel: u16,
    /// A slice of what arrived.
    pub payload: Bytes,
}

/// One frame, where it arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameView<'a> {
    pub(super) kind: FrameType,
    pub(super) channel: u16,
    pub(super) payload: &'a [u8],
}

/// Cuts what arrives into frames. It has no buffer of its own.
#[derive(Clone, Copy, Debug)]
pub struct FrameDecoder {
    payload_max: u32,
}

impl FrameDecoder {
    /// A decoder of frames of up to `frame_max` bytes, as it was agreed on: with head and end.
    pub fn new(frame_max: u32) -> Self {
        Self {
            payload_max: frame_max.saturating_sub(FRAME_OVERHEAD),
        }
    }

    /// Takes the next frame off `from`; none if not all of it has arrived. What is wrong with a frame's
    /// head is said before its payload is waited for.
    pub fn decode(&self, from: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        let Some(FrameView {
            kind,
            channel,
            payload,
        }) = self.peek(from)?
        else {
            return Ok(None);
        };
        let length = payload.len();
        let mut payload = from.split_to(HEAD_BYTES + length + 1).freeze();
        payload.advance(HEAD_BYTES);
        payload.truncate(length);
        Ok(Some(Frame {
            kind,
            channel,
            payload,
        }))
    }

    /// The same frame, left where it is.
    #[inline]
    pub(super) fn peek<'a>(&self, from: &'a [u8]) -> Result<Option<FrameView<'a>>, DecodeError> {
        let Some(head) = self.head(from)? else {
            return Ok(None);
        };
        let end = HEAD_BYTES + head.payload_bytes;
        match from.get(end) {
            None => Ok(None),
            Some(&FRAME_END) => Ok(Some(FrameView {
                kind: head.kind,
                channel: head.channel,
                payload: &from[HEAD_BYTES..end],
            })),
            Some(&found) => Err(DecodeError::FrameEnd {
                kind: head.kind as u8,
                size: head.size,
                found,
            }),
        }
    }

    /// How many bytes more the frame that `from` begins with needs, as far as that is known. Room for them
    /// may be made at once if it is little, and otherwise in step with what arrives.
    pub fn missing(&self, from: &[u8]) -> Result<usize, DecodeError> {
        let needed = match self.head(from)? {
            Some(head) => HEAD_BYTES + head.payload_bytes + 1,
            None => HEAD_BYTES,
        };
        Ok(needed.saturating_sub(from.len()))
    }

    fn head(&self, from: &[u8]) -> Result<Option<Head>, DecodeError> {
        let Some(&[kind, c0, c1, s0, s1, s2, s3]) = from.first_chunk::<HEAD_BYTES>() else {
            // A peer that does not speak in frames need not say seven bytes to be told.
            return match from.first() {
                Some(&kind) => FrameType::new(kind).map(|_| None),
                None => Ok(None),
            };
        };
        let channel = u16::from_be_bytes([c0, c1]);
        let size = u32::from_be_bytes([s0, s1, s2, s3]);
        let kind = FrameType::new(kind)?;
        let too_large = DecodeError::FrameTooLarge {
            kind: kind as u8,
            size,
            limit: self.payload_max,
        };
        if size > self.payload_max.saturating_add(SIZE_LENIENCE) {
            return Err(too_large);
        }
        if kind == FrameType::Heartbeat && size > 0 {
            return Err(DecodeError::HeartbeatNotEmpty(size));
        }
        if kind == FrameType::Heartbeat && channel != 0 {
            return Err(DecodeError::HeartbeatOnChannel(channel));
        }
        Ok(Some(Head {
            kind,
            channel,
            size,
            payload_bytes: usize::try_from(size).map_err(|_| too_large)?,
        }))
    }
}

struct Head {
    kind: FrameType,
    channel: u16,
    size: u32,
    payload_bytes: usize,
}

/// Appends a frame with a method.
pub fn write_method(out: &mut BytesMut, channel: u16, method: &impl Encode) {
    let head = begin_frame(out, FrameType::Method, channel);
    method.id().write(out);
    method.write_fields(&mut Writer::new(out));
    end_frame(out, head);
}

/// Appends a heartbeat.
pub fn write_heartbeat(out: &mut BytesMut) {
    let head = begin_frame(out, FrameType::Heartbeat, 0);
    end_frame(out, head);
}

/// What is in front of a payload whose length is known.
#[inline]
pub(super) fn frame_head(kind: FrameType, channel: u16, payload_bytes: usize) -> [u8; HEAD_BYTES] {
    let [c0, c1] = channel.to_be_bytes();
    let [s0, s1, s2, s3] = size_of_payload(payload_bytes).to_be_bytes();
    [kind as u8, c0, c1, s0, s1, s2, s3]
}

fn size_of_payload(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("nothing that is sent is as large as 4 GiB")
}

/// Where the head of a frame is that is being written.
pub(super) struct OpenFrame(usize);

pub(super) fn begin_frame(out: &mut BytesMut, kind: FrameType, channel: u16) -> OpenFrame {
    let at = out.len();
    out.put_u8(kind as u8);
    out.put_u16(channel);
    out.put_u32(0);
    OpenFrame(at)
}

/// Now that the payload is there, says how long it is.
pub(super) fn end_frame(out: &mut BytesMut, OpenFrame(at): OpenFrame) {
    let size = size_of_payload(out.len() - at - HEAD_BYTES);
    out[at + 3..at + HEAD_BYTES].copy_from_slice(&size.to_be_bytes());
    out.put_u8(FRAME_END);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp091::method::{Method, basic};
    use crate::limits::{FRAME_BYTES_MAX, FRAME_BYTES_MIN};

    const FRAMES: FrameDecoder = FrameDecoder {
        payload_max: FRAME_BYTES_MIN - FRAME_OVERHEAD,
    };

    fn decode(bytes: &[u8]) -> Result<Option<Frame>, DecodeError> {
        FRAMES.decode(&mut BytesMut::from(bytes))
    }

    #[test]
    fn a_frame_that_arrives_byte_by_byte_is_read_when_it_is_whole() {
        let ack = basic::Ack {
            delivery_tag: 7,
            multiple: true,
        };
        let mut sent = BytesMut::new();
        write_method(&mut sent, 3, &ack);
        write_heartbeat(&mut sent);
        let mut arrived = BytesMut::new();
        let mut frames = Vec::new();
        for octet in &sent {
            assert!(FRAMES.missing(&arrived).unwrap() > 0);
            arrived.put_u8(*octet);
            frames.extend(FRAMES.decode(&mut arrived).unwrap());
        }
        let [method, heartbeat] = &frames[..] else {
            panic!("{frames:?}")
        };
        assert_eq!((method.kind, method.channel), (FrameType::Method, 3));
        assert_eq!(Method::decode(&method.payload).unwrap(), ack.into());
        assert_eq!(heartbeat.kind, FrameType::Heartbeat);
        assert!(arrived.is_empty());
    }

    #[test]
    fn a_payload_is_a_slice_of_what_arrived() {
        let mut arrived = BytesMut::from(&b"\x03\0\x01\0\0\0\x05hello\xce"[..]);
        let place = arrived[HEAD_BYTES..].as_ptr();
        let frame = FRAMES.decode(&mut arrived).unwrap().unwrap();
        assert_eq!(frame.payload.as_ptr(), place);
    }

    #[test]
    fn frames_may_be_a_little_larger_than_agreed() {
        let largest = FRAME_BYTES_MIN;
        assert_eq!(FRAMES.missing(&head(3, 1, largest)), Ok(4096 + 1));
        let refused = decode(&head(3, 1, largest + 1)).unwrap_err();
        assert_eq!(refused.reply_code() as u16, 501);
        let text = "type 3, all octets = <<>>: {frame_too_large,4097,4088}";
        assert_eq!(refused.to_string(), text);
    }

    #[test]
    fn a_wrong_head_is_refused_before_the_rest_is_waited_for() {
        let refused = |head: &[u8]| {
            let error = decode(head).unwrap_err();
            assert_eq!(FRAMES.missing(head).unwrap_err(), error);
            error
        };
        assert_eq!(refused(b"GET"), DecodeError::UnknownFrameType(b'G'));
        let error = refused(&head(1, 0, u32::MAX));
        assert!(matches!(error, DecodeError::FrameTooLarge { .. }));
        assert_eq!(refused(&head(8, 0, 1)), DecodeError::HeartbeatNotEmpty(1));
        let error = refused(&head(8, 2, 0));
        assert_eq!(error, DecodeError::HeartbeatOnChannel(2));
        assert_eq!(error.reply_code() as u16, 505);
    }

    #[test]
    fn a_wrong_end_is_refused() {
        let error = decode(b"\x03\0\x01\0\0\0\x01a\xcd").unwrap_err();
        assert_eq!(error.reply_code() as u16, 501);
        let text = "type 3, 1 octets: {invalid_frame_end_marker,205}";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn greetings_are_told_apart_as_soon_as_possible() {
        let greeting = |bytes: &[u8]| Greeting::decode(&mut BytesMut::from(bytes));
        for header in [PROTOCOL_HEADER, PROTOCOL_HEADER_0_9] {
            for length in 0..8 {
                assert_eq!(greeting(&header[..length]), None);
            }
            assert_eq!(greeting(&header), Some(Greeting::Amqp091));
        }
        let others: [&[u8]; 4] = [b"G", b"AMQP\x03", b"AMQP\0\x00\x09\x02", b"AMQP\0\x01\0\0"];
        for other in others {
            assert_eq!(greeting(other), Some(Greeting::Other), "{other:?}");
        }
        let mut more = BytesMut::from(&b"AMQP\0\x00\x09\x01\x08"[..]);
        assert_eq!(Greeting::decode(&mut more), Some(Greeting::Amqp091));
        assert_eq!(&more[..], b"\x08", "what follows is left");
    }

    #[test]
    fn the_proposed_limit_is_rabbitmqs() {
        assert_eq!(FRAME_BYTES_MAX, 131_072);
    }

    fn head(kind: u8, channel: u16, size: u32) -> Vec<u8> {
        let mut head = vec![kind];
        head.extend(channel.to_be_bytes());
        head.extend(size.to_be_bytes());
        head
    }
}
