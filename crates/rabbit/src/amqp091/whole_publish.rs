//! A publish that arrived whole, read where it lies.
//!
//! Most publishes are three small frames that arrive together and ask for nothing special. To cut these off the
//! buffer one by one, each with a count of who holds it, costs several times what it takes to read them. What is
//! unusual, incomplete or wrong is left to the [assembler](super::assembler), which says what is wrong with it.

use super::frame::{FRAME_OVERHEAD, FrameDecoder, FrameType, FrameView};
use super::method::basic;
use super::properties::Properties;

/// What its method begins with: the class and the method, and a field that is not in use.
const METHOD_HEAD_BYTES: usize = 6;
/// What its content header begins with: the class, a weight, and the body's size.
const HEADER_HEAD_BYTES: usize = 12;

/// A publish which is neither mandatory nor immediate, and by whose properties nothing but its priority is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WholePublish<'a> {
    pub(super) channel: u16,
    pub(super) exchange: &'a [u8],
    pub(super) routing_key: &'a [u8],
    /// As [`Properties::parse`] would take them.
    pub(super) properties: &'a [u8],
    pub(super) priority: u8,
    pub(super) body: &'a [u8],
    /// Bytes of all its frames.
    pub(super) bytes: usize,
}

impl<'a> WholePublish<'a> {
    /// The publish that `from` begins with, if it is one of these.
    #[inline]
    pub(super) fn read(frames: &FrameDecoder, from: &'a [u8]) -> Option<Self> {
        if *from.first()? != FrameType::Method as u8 {
            return None;
        }
        let method = frames.peek(from).ok()??;
        let channel = method.channel;
        let mut fields = method.payload.get(METHOD_HEAD_BYTES..)?;
        if method.payload[..4] != PUBLISH || channel == 0 {
            return None;
        }
        let exchange = take_short(&mut fields)?;
        let routing_key = take_short(&mut fields)?;
        // One octet for both bits.
        if *fields != [0] {
            return None;
        }
        let mut bytes = frame_bytes(&method);
        let mut next = |kind| {
            let frame = frames.peek(&from[bytes..]).ok()??;
            bytes += frame_bytes(&frame);
            (frame.kind == kind && frame.channel == channel).then_some(frame.payload)
        };
        let header = next(FrameType::Header)?;
        let (head, properties) = header.split_first_chunk::<HEADER_HEAD_BYTES>()?;
        let [class_and_weight @ .., _, _, _, _, _, _, _, _] = head;
        if *class_and_weight != CONTENT {
            return None;
        }
        let body_bytes = u64::from_be_bytes(*head.last_chunk()?);
        let body = match body_bytes {
            0 => &[],
            _ => next(FrameType::Body)?,
        };
        if body.len() as u64 != body_bytes {
            return None;
        }
        Some(Self {
            channel,
            exchange,
            routing_key,
            properties,
            priority: Properties::plain_priority(properties)?,
            body,
            bytes,
        })
    }
}

/// Class and method.
const PUBLISH: [u8; 4] = {
    let ([c0, c1], [m0, m1]) = (
        basic::Publish::ID.class.to_be_bytes(),
        basic::Publish::ID.method.to_be_bytes(),
    );
    [c0, c1, m0, m1]
};

/// Class and weight of content.
const CONTENT: [u8; 4] = {
    let [c0, c1] = basic::Method::CLASS.to_be_bytes();
    [c0, c1, 0, 0]
};

fn frame_bytes(frame: &FrameView<'_>) -> usize {
    frame.payload.len() + FRAME_OVERHEAD as usize
}

fn take_short<'a>(fields: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = fields.split_first()?;
    let (string, rest) = rest.split_at_checked(usize::from(*length))?;
    *fields = rest;
    Some(string)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::*;

    use super::*;
    use crate::amqp091::ShortStr;
    use crate::amqp091::assembler::{Assembler, Command};
    use crate::amqp091::content::write_message;
    use crate::amqp091::method::Method;
    use crate::amqp091::properties::PropertyList;
    use crate::amqp091::table::TableBuilder;

    const FRAME_MAX: u32 = 256;

    fn decoder() -> FrameDecoder {
        FrameDecoder::new(FRAME_MAX)
    }

    /// The way of everything else.
    fn assembled(sent: &[u8]) -> Option<(Command, u16, usize)> {
        let mut left = BytesMut::from(sent);
        let mut assembler = Assembler::new(u64::MAX);
        loop {
            let frame = decoder().decode(&mut left).ok()??;
            let channel = frame.channel;
            if let Some(command) = assembler.accept(frame).ok()? {
                return Some((command, channel, sent.len() - left.len()));
            }
        }
    }

    fn text(bytes_max: usize) -> impl Strategy<Value = ShortStr> {
        prop::collection::vec(any::<u8>(), 0..bytes_max)
            .prop_map(|bytes| bytes::Bytes::from(bytes).try_into().unwrap())
    }

    fn plain() -> impl Strategy<Value = PropertyList> {
        let short = || prop::option::of(text(20));
        let octet = || prop::option::of(any::<u8>());
        let texts = (short(), short(), short(), short(), short());
        (texts, octet(), octet()).prop_map(|(texts, delivery_mode, priority)| {
            let (content_type, content_encoding, kind, app_id, cluster_id) = texts;
            PropertyList {
                content_type,
                content_encoding,
                delivery_mode,
                priority,
                kind,
                app_id,
                cluster_id,
                ..PropertyList::default()
            }
        })
    }

    /// With one property more, that is not plain, or none.
    fn properties() -> impl Strategy<Value = (PropertyList, bool)> {
        let more = (prop_oneof![3 => Just(7), 1 => 0..7], text(20));
        (plain(), more).prop_map(|(mut list, (which, text))| {
            let text = Some(text);
            match which {
                0 => list.headers = Some(TableBuilder::new().build()),
                1 => list.correlation_id = text,
                2 => list.reply_to = text,
                3 => list.expiration = text,
                4 => list.message_id = text,
                5 => list.timestamp = Some(1),
                6 => list.user_id = text,
                _ => return (list, true),
            }
            (list, false)
        })
    }

    fn publish() -> impl Strategy<Value = basic::Publish> {
        let flags = prop_oneof![3 => Just((false, false)), 1 => any::<(bool, bool)>()];
        (text(60), text(60), flags).prop_map(|(exchange, routing_key, (mandatory, immediate))| {
            basic::Publish {
                exchange,
                routing_key,
                mandatory,
                immediate,
                ..basic::Publish::default()
            }
        })
    }

    fn agrees_with_the_assembler(whole: &WholePublish<'_>, sent: &[u8]) {
        let (command, channel, bytes) = assembled(sent).unwrap();
        let Method::Basic(basic::Method::Publish(publish)) = command.method else {
            panic!("{:?}", command.method)
        };
        let content = command.content.unwrap();
        let properties = &content.properties;
        let expected = WholePublish {
            channel,
            exchange: &publish.exchange,
            routing_key: &publish.routing_key,
            properties: properties.as_bytes(),
            priority: properties.priority().unwrap_or(0),
            body: &content.body,
            bytes,
        };
        assert_eq!(*whole, expected);
        assert!(!publish.mandatory && !publish.immediate);
        let list = properties.to_list();
        assert!(list.headers.is_none() && list.user_id.is_none() && list.reply_to.is_none());
        assert!(list.correlation_id.is_none() && list.message_id.is_none());
        assert!(list.timestamp.is_none() && list.expiration.is_none());
    }

    proptest! {
        #[test]
        fn a_plain_publish_is_what_the_assembler_makes_of_it(
            publish in publish(),
            (properties, is_plain) in properties(),
            channel in 0..3u16,
            body in prop::collection::vec(any::<u8>(), 0..400),
            end: prop::sample::Index,
        ) {
            let mut sent = BytesMut::new();
            write_message(&mut sent, channel, FRAME_MAX, &publish, &properties.encode(), &body);
            let length = sent.len();
            let cut = WholePublish::read(&decoder(), &sent[..end.index(length)]);
            prop_assert_eq!(cut, None);
            sent.extend_from_slice(b"\x01\0\0 what follows");
            let whole = WholePublish::read(&decoder(), &sent);
            let is_one_frame = body.len() <= FRAME_MAX as usize - 8;
            let is_usual = !publish.mandatory && !publish.immediate && channel > 0;
            prop_assert_eq!(whole.is_some(), is_plain && is_one_frame && is_usual);
            if let Some(whole) = whole {
                agrees_with_the_assembler(&whole, &sent);
            }
        }

        #[test]
        fn what_the_assembler_refuses_is_left_to_it(
            publish in publish(),
            (properties, _) in properties(),
            body in prop::collection::vec(any::<u8>(), 0..20),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
        ) {
            let mut sent = BytesMut::new();
            write_message(&mut sent, 1, FRAME_MAX, &publish, &properties.encode(), &body);
            for (place, byte) in changes {
                let place = place.index(sent.len());
                sent[place] = byte;
            }
            if let Some(whole) = WholePublish::read(&decoder(), &sent) {
                agrees_with_the_assembler(&whole, &sent);
            }
        }
    }
}
