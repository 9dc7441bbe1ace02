//! The properties of a message (AMQP 0-9-1 §4.2.6.1, class basic): kept as they came, read when somebody asks.

use bytes::{Bytes, BytesMut};

use super::table::{self, Table, TableBuilder};
use super::wire::{Field, Reader, Writer};
use super::{DecodeError, ShortStr};

/// What a persistent message has as its delivery mode.
pub const PERSISTENT: u8 = 2;
/// The word of flags.
const FLAGS_BYTES: usize = 2;

/// How long a property is, by its type.
#[derive(Clone, Copy)]
enum Shape {
    Short,
    Table,
    Octet,
    Timestamp,
}

impl Shape {
    /// The length of the property at the front, if all of it is there.
    fn length(self, at: &[u8]) -> usize {
        match self {
            Self::Short => 1 + at.first().map_or(0, |length| usize::from(*length)),
            Self::Table => {
                let length = at
                    .first_chunk()
                    .map_or(0, |bytes| u32::from_be_bytes(*bytes));
                4 + usize::try_from(length).unwrap_or_default()
            }
            Self::Octet => 1,
            Self::Timestamp => 8,
        }
    }
}

/// Writes both forms of the properties from one list, in the order of the wire.
macro_rules! properties {
    ($($(#[$doc:meta])* $name:ident: $type:ty, $shape:ident, $flag:literal;)*) => {
        /// What may be present.
        const LAYOUT: &[(u16, Shape)] = &[$((1 << $flag, Shape::$shape)),*];
        const KNOWN_FLAGS: u16 = $((1 << $flag))|*;

        /// The properties one by one, to make or to change them.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct PropertyList {
            $($(#[$doc])* pub $name: Option<$type>,)*
        }

        impl PropertyList {
            fn read(flags: u16, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self {
                    $($name: (flags & (1 << $flag) != 0).then(|| Field::read(reader)).transpose()?,)*
                })
            }

            /// The properties as they go over the wire.
            pub fn encode(&self) -> Properties {
                let mut flags = 0u16;
                $(flags |= u16::from(self.$name.is_some()) << $flag;)*
                let mut out = BytesMut::new();
                let mut writer = Writer::new(&mut out);
                flags.write(&mut writer);
                $(if let Some(value) = &self.$name {
                    value.write(&mut writer);
                })*
                Properties(out.freeze())
            }
        }

        impl Properties {
            $(
                $(#[$doc])*
                pub fn $name(&self) -> Option<$type> {
                    self.get(1 << $flag)
                }
            )*
        }
    };
}

/// The properties as they came: the word of flags, and what it says is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Properties(Bytes);

properties! {
    /// MIME type of the body.
    content_type: ShortStr, Short, 15;
    /// MIME encoding of the body.
    content_encoding: ShortStr, Short, 14;
    /// What the application, and the broker, have to say beside.
    headers: Table, Table, 13;
    /// [`PERSISTENT`], or not.
    delivery_mode: u8, Octet, 12;
    /// Priority.
    priority: u8, Octet, 11;
    /// What it is an answer to.
    correlation_id: ShortStr, Short, 10;
    /// Where an answer goes.
    reply_to: ShortStr, Short, 9;
    /// Milliseconds that it lives, as text.
    expiration: ShortStr, Short, 8;
    /// The application's own number.
    message_id: ShortStr, Short, 7;
    /// The application's own time, in seconds since 1970.
    timestamp: u64, Timestamp, 6;
    /// The application's own type (`type` in the specification).
    kind: ShortStr, Short, 5;
    /// Who published it; if given, it must be true.
    user_id: ShortStr, Short, 4;
    /// Which application published it.
    app_id: ShortStr, Short, 3;
    /// Not in use any more.
    cluster_id: ShortStr, Short, 2;
}

const PRIORITY_FLAG: u16 = 1 << 11;
/// Content type and encoding, delivery mode, priority, and what the application says of its own.
const PLAIN_FLAGS: u16 = 1 << 15 | 1 << 14 | 1 << 12 | PRIORITY_FLAG | 1 << 5 | 1 << 3 | 1 << 2;

impl Properties {
    /// No properties.
    pub const EMPTY: Self = Self(Bytes::from_static(&[0; FLAGS_BYTES]));

    /// Checks that everything can be read. RabbitMQ would ignore unknown flags; who then consumed the message
    /// would not.
    pub fn parse(bytes: Bytes) -> Result<Self, DecodeError> {
        Self::check(&bytes)?;
        Ok(Self(bytes))
    }

    /// The same of bytes that stay where they are.
    pub(super) fn check(bytes: &[u8]) -> Result<(), DecodeError> {
        let (flags, mut rest) = bytes.split_first_chunk().ok_or(DecodeError::Truncated)?;
        let flags = u16::from_be_bytes(*flags);
        if flags & !KNOWN_FLAGS != 0 {
            return Err(DecodeError::UnknownPropertyFlags(flags & !KNOWN_FLAGS));
        }
        if flags != 0 {
            for (_, shape) in present(flags) {
                let split = rest.split_at_checked(shape.length(rest));
                let (property, after) = split.ok_or(DecodeError::Truncated)?;
                if let Shape::Table = shape {
                    table::validate(&property[4..])?;
                }
                rest = after;
            }
        }
        match rest.len() {
            0 => Ok(()),
            left => Err(DecodeError::TrailingBytes(left)),
        }
    }

    /// The priority in properties by which nothing else is decided when they are published; zero if there is none.
    /// None if something is, or if [`parse`](Self::parse) would refuse them.
    pub(super) fn plain_priority(bytes: &[u8]) -> Option<u8> {
        if flags_of(bytes) & !PLAIN_FLAGS != 0 {
            return None;
        }
        Self::check(bytes).ok()?;
        match find(bytes, PRIORITY_FLAG) {
            Some(at) => bytes.get(at).copied(),
            None => Some(0),
        }
    }

    /// Properties whose bytes [`parse`](Self::parse) has accepted once. Others have wrong values, or none, and
    /// nothing worse.
    pub fn from_validated(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// As they go over the wire.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// Whether the message is to survive a restart.
    pub fn is_persistent(&self) -> bool {
        self.delivery_mode() == Some(PERSISTENT)
    }

    /// The same with other headers: without those of these names, and with what is added.
    pub fn with_headers(&self, without: &[&str], add: impl FnOnce(&mut TableBuilder)) -> Self {
        let mut list = self.to_list();
        let mut headers = TableBuilder::new();
        for entry in list.headers.iter().flat_map(Table::entries) {
            if !without.iter().any(|name| name.as_bytes() == entry.name) {
                headers.copy(entry);
            }
        }
        add(&mut headers);
        list.headers = Some(headers.build());
        list.encode()
    }

    /// All of them, to change some.
    pub fn to_list(&self) -> PropertyList {
        let mut reader = self.reader();
        reader.seek(FLAGS_BYTES);
        PropertyList::read(flags_of(&self.0), &mut reader).unwrap_or_default()
    }

    fn get<T: Field>(&self, wanted: u16) -> Option<T> {
        let at = find(&self.0, wanted)?;
        let mut reader = self.reader();
        reader.seek(at);
        T::read(&mut reader).ok()
    }

    fn reader(&self) -> Reader<'_> {
        let mut reader = Reader::new(&self.0);
        reader.is_validated = true;
        reader
    }
}

fn flags_of(properties: &[u8]) -> u16 {
    properties
        .first_chunk()
        .map_or(0, |flags| u16::from_be_bytes(*flags))
}

/// What is there, in order.
fn present(flags: u16) -> impl Iterator<Item = (u16, Shape)> {
    let layout = LAYOUT.iter().copied();
    layout.filter(move |(flag, _)| flags & flag != 0)
}

/// Where a property is in those that were validated.
fn find(properties: &[u8], wanted: u16) -> Option<usize> {
    let flags = flags_of(properties);
    if flags & wanted == 0 {
        return None;
    }
    let mut at = FLAGS_BYTES;
    for (_, shape) in present(flags).take_while(|(flag, _)| *flag != wanted) {
        at += shape.length(properties.get(at..)?);
    }
    Some(at)
}

impl Default for Properties {
    fn default() -> Self {
        Self::EMPTY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp091::table::{TableBuilder, Value};

    fn short(text: &str) -> Option<ShortStr> {
        Some(text.try_into().unwrap())
    }

    fn all() -> PropertyList {
        let mut headers = TableBuilder::new();
        headers.put("n", Value::I32(1));
        PropertyList {
            content_type: short("text/plain"),
            content_encoding: short("identity"),
            headers: Some(headers.build()),
            delivery_mode: Some(PERSISTENT),
            priority: Some(9),
            correlation_id: short("c"),
            reply_to: short("r"),
            expiration: short("60000"),
            message_id: short("m"),
            timestamp: Some(1_700_000_000),
            kind: short("t"),
            user_id: short("guest"),
            app_id: short("a"),
            cluster_id: short("z"),
        }
    }

    #[test]
    fn each_property_is_found_among_any_others() {
        let all = all();
        for flags in 0..1u16 << 14 {
            let mut list = all.clone();
            let mut absent = (0..14).map(|bit| flags & (1 << bit) == 0);
            macro_rules! drop_absent {
                ($($name:ident)*) => {
                    $(if absent.next().unwrap() { list.$name = None; })*
                };
            }
            macro_rules! found {
                ($properties:ident: $($name:ident)*) => {
                    $(assert_eq!($properties.$name(), list.$name);)*
                };
            }
            drop_absent!(content_type content_encoding headers delivery_mode priority correlation_id
                reply_to expiration message_id timestamp kind user_id app_id cluster_id);
            let properties = Properties::parse(list.encode().as_bytes().clone()).unwrap();
            assert_eq!(properties.to_list(), list);
            found!(properties: content_type content_encoding headers delivery_mode priority
                correlation_id reply_to expiration message_id timestamp kind user_id app_id cluster_id);
        }
    }

    #[test]
    fn a_dead_letter_gets_other_headers_and_no_expiration() {
        let properties = all().encode();
        let mut list = properties.to_list();
        list.headers = None;
        list.expiration = None;
        let changed = list.encode();
        assert_eq!((changed.headers(), changed.expiration()), (None, None));
        assert_eq!(changed.cluster_id(), short("z"));
        assert!(changed.is_persistent());
    }

    #[test]
    fn flags_that_no_property_has_are_refused() {
        for flags in [1u16, 2, 0x8001] {
            let bytes = [&flags.to_be_bytes()[..], &[0]].concat();
            let error = Properties::parse(bytes.into()).unwrap_err();
            assert_eq!(error, DecodeError::UnknownPropertyFlags(flags & 3));
        }
    }

    #[test]
    fn no_properties_are_two_bytes() {
        assert_eq!(PropertyList::default().encode(), Properties::EMPTY);
        assert_eq!(
            Properties::parse(Bytes::from_static(&[0, 0])),
            Ok(Properties::EMPTY)
        );
        let refused = Properties::parse(Bytes::new());
        assert_eq!(refused, Err(DecodeError::Truncated));
    }
}
