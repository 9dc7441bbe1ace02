//! The same bytes as another implementation, for the same methods, tables and properties.

use amq_protocol::frame::{AMQPContentHeader, AMQPFrame, parse_frame};
use amq_protocol::protocol::{self, AMQPClass};
use bytes::BytesMut;
use forebay_rabbit::amqp091::ShortStr;
use forebay_rabbit::amqp091::content::{ContentHeader, write_content};
use forebay_rabbit::amqp091::frame::FrameDecoder;
use forebay_rabbit::amqp091::method::{
    Method, access, basic, channel, confirm, connection, exchange, queue, tx,
};
use forebay_rabbit::amqp091::properties::PropertyList;
use forebay_rabbit::limits::FRAME_BYTES_MAX;
use proptest::prelude::*;

use crate::made_up::{MakeUp, Source, method_frame};
use crate::methods::for_each_method;
use crate::twin::{Twin, their_frame};

const CHANNEL: u16 = 7;

/// A method, and the frame that the oracle has for it.
type Pair = (Method, AMQPFrame);

/// What the oracle puts where it shows nothing.
trait Hidden {
    fn hidden() -> Self;
}

impl Hidden for bool {
    fn hidden() -> Self {
        false
    }
}

impl Hidden for u32 {
    fn hidden() -> Self {
        0
    }
}

impl Hidden for u16 {
    fn hidden() -> Self {
        0
    }
}

impl Hidden for ShortStr {
    fn hidden() -> Self {
        Self::default()
    }
}

impl Hidden for bytes::Bytes {
    fn hidden() -> Self {
        Self::new()
    }
}

macro_rules! pair_each {
    ($($module:ident $class:ident $name:ident {
        $($field:ident)*
    } $(+ { $($hidden:ident)* })?)*) => {
        const PAIRS: &[fn(&mut Source) -> Pair] = &[$(
            |_source| {
                let ours = $module::$name {
                    $($field: MakeUp::make_up(_source),)*
                    $($($hidden: Hidden::hidden(),)*)?
                };
                let theirs = protocol::$module::$name { $($field: ours.$field.theirs(),)* };
                let theirs = protocol::$module::AMQPMethod::$name(theirs);
                let theirs = AMQPFrame::Method(CHANNEL, AMQPClass::$class(theirs));
                (ours.into(), theirs)
            },
        )*];
    };
}

for_each_method!(pair_each);

/// The oracle's ticket is the specification's default, and not zero as everywhere else.
fn their_ticket(method: Method) -> Method {
    match method {
        Method::Access(access::Method::RequestOk(_)) => access::RequestOk { ticket: 1 }.into(),
        other => other,
    }
}

fn hold(pair: fn(&mut Source) -> Pair, seed: u64) {
    let (ours, theirs) = pair(&mut Source::new(seed));
    let ours = their_ticket(ours);
    let mut frame = method_frame(&ours);
    assert_eq!(frame, their_frame(&theirs), "{}", ours.name());
    let (rest, parsed) = parse_frame(&frame[..]).unwrap();
    assert_eq!((rest.len(), parsed), (0, theirs));
    let frame = FrameDecoder::new(FRAME_BYTES_MAX).decode(&mut frame);
    let frame = frame.unwrap().unwrap();
    assert_eq!(frame.channel, CHANNEL);
    assert_eq!(Method::decode(&frame.payload).unwrap(), ours);
}

fn their_header(list: &PropertyList, body_bytes: u64) -> AMQPFrame {
    let mut properties = protocol::basic::AMQPProperties::default();
    macro_rules! each {
        ($($name:ident $with:ident)*) => {
            $(if let Some(value) = list.$name.theirs() {
                properties = properties.$with(value);
            })*
        };
    }
    each! {
        content_type with_content_type
        content_encoding with_content_encoding
        headers with_headers
        delivery_mode with_delivery_mode
        priority with_priority
        correlation_id with_correlation_id
        reply_to with_reply_to
        expiration with_expiration
        message_id with_message_id
        timestamp with_timestamp
        kind with_type
        user_id with_user_id
        app_id with_app_id
        cluster_id with_cluster_id
    }
    let header = AMQPContentHeader {
        class_id: 60,
        body_size: body_bytes,
        properties,
    };
    AMQPFrame::Header(CHANNEL, header)
}

#[test]
fn every_method_is_compared() {
    let with_name = |(method, _): Pair| method.name();
    let mut names: Vec<_> = PAIRS
        .iter()
        .map(|pair| with_name(pair(&mut Source::new(0))))
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 66);
}

proptest! {
    #[test]
    fn methods_are_the_same_bytes(seed: u64) {
        for pair in PAIRS {
            hold(*pair, seed);
        }
    }

    #[test]
    fn properties_are_the_same_bytes(seed: u64) {
        let list = PropertyList::make_up(&mut Source::new(seed));
        let body = vec![b'b'; (seed % 100) as usize];
        let mut frames = BytesMut::new();
        write_content(&mut frames, CHANNEL, FRAME_BYTES_MAX, &list.encode(), &body);
        let header = their_frame(&their_header(&list, body.len() as u64));
        prop_assert_eq!(&frames[..header.len()], &header[..]);
        if !body.is_empty() {
            let body = their_frame(&AMQPFrame::Body(CHANNEL, body.clone()));
            prop_assert_eq!(&frames[header.len()..], &body[..]);
        }
        let frame = FrameDecoder::new(FRAME_BYTES_MAX).decode(&mut frames).unwrap().unwrap();
        let header = ContentHeader::decode(&frame.payload).unwrap();
        prop_assert_eq!(header.body_bytes, body.len() as u64);
        prop_assert_eq!(header.properties.to_list(), list);
    }
}
