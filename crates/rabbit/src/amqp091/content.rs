//! What follows a method that carries a message (AMQP 0-9-1 §4.2.6): its header, and its body in frames that
//! are not larger than was agreed on.

use bytes::{BufMut, Bytes, BytesMut};

use super::DecodeError;
use super::frame::{
    FRAME_END, FRAME_OVERHEAD, FrameType, begin_frame, end_frame, frame_head, write_method,
};
use super::method::{Encode, basic};
use super::properties::Properties;
use super::wire::{Field, Reader, Writer, short_length};

/// Class, weight and body size in front of the properties.
const HEADER_BYTES: usize = 12;

/// A content header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentHeader {
    /// Bytes that all bodies have together.
    pub body_bytes: u64,
    /// The message's properties.
    pub properties: Properties,
}

impl ContentHeader {
    /// Reads the payload of a header frame.
    pub fn decode(payload: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let class = u16::read(&mut reader)?;
        let weight = u16::read(&mut reader)?;
        let body_bytes = u64::read(&mut reader)?;
        // Only messages have content.
        if class != basic::Method::CLASS {
            return Err(DecodeError::ContentClass(class));
        }
        if weight != 0 {
            return Err(DecodeError::ContentWeight(weight));
        }
        Ok(Self {
            body_bytes,
            properties: Properties::parse(reader.bytes(reader.remaining())?)?,
        })
    }
}

/// Appends header and body of a message in frames of up to `frame_max` bytes; zero is no limit.
pub fn write_content(
    out: &mut BytesMut,
    channel: u16,
    frame_max: u32,
    properties: &Properties,
    body: &[u8],
) {
    let frame = begin_frame(out, FrameType::Header, channel);
    let mut writer = Writer::new(out);
    basic::Method::CLASS.write(&mut writer);
    0u16.write(&mut writer);
    (body.len() as u64).write(&mut writer);
    out.put_slice(properties.as_bytes());
    end_frame(out, frame);
    write_body(out, channel, frame_max, body);
}

/// Appends a method and the message that it carries.
pub fn write_message(
    out: &mut BytesMut,
    channel: u16,
    frame_max: u32,
    method: &impl Encode,
    properties: &Properties,
    body: &[u8],
) {
    write_method(out, channel, method);
    write_content(out, channel, frame_max, properties, body);
}

/// A `basic.deliver` that borrows all it has: what a broker sends most. Its names are short strings, and its
/// properties as [`Properties`] has them.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the fields are those of the specification")]
pub struct Delivery<'a> {
    pub consumer_tag: &'a [u8],
    pub delivery_tag: u64,
    pub redelivered: bool,
    pub exchange: &'a [u8],
    pub routing_key: &'a [u8],
    pub properties: &'a [u8],
    pub body: &'a [u8],
}

impl Delivery<'_> {
    /// Appends all its frames of up to `frame_max` bytes; zero is no limit. Room is made once.
    pub fn write(&self, out: &mut BytesMut, channel: u16, frame_max: u32) {
        out.reserve(self.encoded_bytes(frame_max));
        let start = out.len();
        out.put_bytes(0, self.head_bytes());
        let mut room = Room(&mut out[start..]);
        room.put(&frame_head(FrameType::Method, channel, self.method_bytes()));
        room.put(&basic::Deliver::ID.class.to_be_bytes());
        room.put(&basic::Deliver::ID.method.to_be_bytes());
        room.put_short(self.consumer_tag);
        room.put(&self.delivery_tag.to_be_bytes());
        room.put(&[self.redelivered.into()]);
        room.put_short(self.exchange);
        room.put_short(self.routing_key);
        room.put(&[FRAME_END]);
        room.put(&frame_head(FrameType::Header, channel, self.header_bytes()));
        room.put(&basic::Method::CLASS.to_be_bytes());
        room.put(&0u16.to_be_bytes());
        room.put(&(self.body.len() as u64).to_be_bytes());
        room.put(self.properties);
        room.put(&[FRAME_END]);
        write_body(out, channel, frame_max, self.body);
    }

    /// Bytes of all its frames.
    pub fn encoded_bytes(&self, frame_max: u32) -> usize {
        let bodies = self.body.len().div_ceil(body_piece(frame_max));
        self.head_bytes() + bodies * FRAME_OVERHEAD as usize + self.body.len()
    }

    /// The same without the body.
    fn head_bytes(&self) -> usize {
        2 * FRAME_OVERHEAD as usize + self.method_bytes() + self.header_bytes()
    }

    /// What the method has for its payload: its id, three short strings, the tag and a bit.
    fn method_bytes(&self) -> usize {
        let names = self.consumer_tag.len() + self.exchange.len() + self.routing_key.len();
        4 + 3 + names + 8 + 1
    }

    /// The same of the content header.
    fn header_bytes(&self) -> usize {
        HEADER_BYTES + self.properties.len()
    }
}

/// Room for exactly what is put there. To fill it costs a fraction of what it costs to append to a buffer, which
/// asks each time whether it must grow.
struct Room<'a>(&'a mut [u8]);

impl Room<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let (here, rest) = std::mem::take(&mut self.0).split_at_mut(bytes.len());
        here.copy_from_slice(bytes);
        self.0 = rest;
    }

    #[inline]
    fn put_short(&mut self, string: &[u8]) {
        self.put(&[short_length(string)]);
        self.put(string);
    }
}

/// Appends a body in frames of up to `frame_max` bytes.
fn write_body(out: &mut BytesMut, channel: u16, frame_max: u32, body: &[u8]) {
    for piece in body.chunks(body_piece(frame_max)) {
        out.put_slice(&frame_head(FrameType::Body, channel, piece.len()));
        out.put_slice(piece);
        out.put_u8(FRAME_END);
    }
}

/// How much of a body fits in one frame.
fn body_piece(frame_max: u32) -> usize {
    match frame_max {
        0 => u32::MAX as usize,
        limit => limit.saturating_sub(FRAME_OVERHEAD).max(1) as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp091::frame::{Frame, FrameDecoder};
    use crate::amqp091::method::Method;
    use crate::amqp091::properties::PropertyList;
    use crate::limits::FRAME_BYTES_MIN;

    fn frames(mut sent: BytesMut) -> Vec<Frame> {
        let decoder = FrameDecoder::new(FRAME_BYTES_MIN);
        let mut frames = Vec::new();
        while let Some(frame) = decoder.decode(&mut sent).unwrap() {
            frames.push(frame);
        }
        assert!(sent.is_empty());
        frames
    }

    #[test]
    fn a_delivery_is_a_method_a_header_and_bodies_that_fit() {
        let deliver = basic::Deliver {
            consumer_tag: "tag".try_into().unwrap(),
            delivery_tag: 5,
            redelivered: true,
            exchange: "x".try_into().unwrap(),
            routing_key: "key".try_into().unwrap(),
        };
        let properties = PropertyList {
            priority: Some(3),
            ..PropertyList::default()
        };
        let properties = properties.encode();
        let piece = (FRAME_BYTES_MIN - FRAME_OVERHEAD) as usize;
        for (length, bodies) in [(0, 0), (1, 1), (piece, 1), (piece + 1, 2), (3 * piece, 3)] {
            let body = vec![b'b'; length];
            let delivery = Delivery {
                consumer_tag: &deliver.consumer_tag,
                delivery_tag: deliver.delivery_tag,
                redelivered: deliver.redelivered,
                exchange: &deliver.exchange,
                routing_key: &deliver.routing_key,
                properties: properties.as_bytes(),
                body: &body,
            };
            let mut sent = BytesMut::new();
            delivery.write(&mut sent, 9, FRAME_BYTES_MIN);
            assert_eq!(sent.len(), delivery.encoded_bytes(FRAME_BYTES_MIN));
            let mut slowly = BytesMut::new();
            write_message(
                &mut slowly,
                9,
                FRAME_BYTES_MIN,
                &deliver,
                &properties,
                &body,
            );
            assert_eq!(sent, slowly);

            let frames = frames(sent);
            assert_eq!(frames.len(), 2 + bodies);
            assert!(frames.iter().all(|frame| frame.channel == 9));
            let method = Method::decode(&frames[0].payload).unwrap();
            assert_eq!(method, deliver.clone().into());
            let header = ContentHeader::decode(&frames[1].payload).unwrap();
            assert_eq!(header.body_bytes, length as u64);
            assert_eq!(header.properties, properties);
            let pieces: Vec<_> = frames[2..].iter().map(|frame| &frame.payload[..]).collect();
            assert_eq!(pieces.concat(), body);
        }
    }

    #[test]
    fn no_limit_is_one_frame() {
        let mut sent = BytesMut::new();
        let body = vec![0; 1 << 20];
        write_content(&mut sent, 1, 0, &Properties::EMPTY, &body);
        assert_eq!(sent.len(), 8 + 14 + 8 + body.len());
    }

    #[test]
    fn headers_of_other_classes_and_with_weight_are_unexpected() {
        let decode = |head: &[u8]| {
            let payload = [head, &[0; 8], &[0, 0]].concat();
            ContentHeader::decode(&payload.into()).unwrap_err()
        };
        assert_eq!(decode(&[0, 50, 0, 0]), DecodeError::ContentClass(50));
        assert_eq!(decode(&[0, 60, 0, 1]), DecodeError::ContentWeight(1));
        assert_eq!(decode(&[0, 60, 0, 1]).reply_code() as u16, 505);
    }
}
