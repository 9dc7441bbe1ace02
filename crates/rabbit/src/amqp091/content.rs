//! What follows a method that carries a message (AMQP 0-9-1 §4.2.6): its header, and its body in frames that
//! are not larger than was agreed on.

use bytes::{BufMut, Bytes, BytesMut};

use super::frame::{FRAME_OVERHEAD, FrameType, begin_frame, end_frame, write_method};
use super::method::{Encode, basic};
use super::properties::Properties;
use super::wire::{Field, Reader, Writer, put_short};
use super::{DecodeError, ShortStr};

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
    for piece in body.chunks(body_piece(frame_max)) {
        let frame = begin_frame(out, FrameType::Body, channel);
        out.put_slice(piece);
        end_frame(out, frame);
    }
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

/// A `basic.deliver` that borrows its names: what a broker sends most.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the fields are those of the specification")]
pub struct Delivery<'a> {
    pub consumer_tag: &'a ShortStr,
    pub delivery_tag: u64,
    pub redelivered: bool,
    pub exchange: &'a ShortStr,
    pub routing_key: &'a ShortStr,
    pub properties: &'a Properties,
    pub body: &'a [u8],
}

impl Delivery<'_> {
    /// Appends all its frames of up to `frame_max` bytes; zero is no limit. Room is made once.
    pub fn write(&self, out: &mut BytesMut, channel: u16, frame_max: u32) {
        out.reserve(self.encoded_bytes(frame_max));
        let frame = begin_frame(out, FrameType::Method, channel);
        basic::Deliver::ID.write(out);
        put_short(out, self.consumer_tag);
        out.put_u64(self.delivery_tag);
        out.put_u8(self.redelivered.into());
        put_short(out, self.exchange);
        put_short(out, self.routing_key);
        end_frame(out, frame);
        write_content(out, channel, frame_max, self.properties, self.body);
    }

    /// Bytes of all its frames.
    pub fn encoded_bytes(&self, frame_max: u32) -> usize {
        let overhead = FRAME_OVERHEAD as usize;
        let names = [self.consumer_tag, self.exchange, self.routing_key];
        let names: usize = names.iter().map(|name| 1 + name.len()).sum();
        let method = overhead + 4 + names + 8 + 1;
        let header = overhead + HEADER_BYTES + self.properties.as_bytes().len();
        let bodies = self.body.len().div_ceil(body_piece(frame_max));
        method + header + bodies * overhead + self.body.len()
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
                properties: &properties,
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
