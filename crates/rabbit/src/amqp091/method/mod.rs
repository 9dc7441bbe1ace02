//! Methods (AMQP 0-9-1 §1.4 to §1.9, and RabbitMQ's extensions): one file a class, each a table of what
//! the class's methods are called and which fields they have.
//!
//! Fields have the specification's names. Everything is read and written in both directions, since the
//! same table serves the broker, and clients of ours that test it.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::DecodeError;
use super::wire::{Field, Reader, Writer};

/// Writes the structs and the enum of a class from its table.
macro_rules! class {
    (
        $class:ident $class_name:literal = $class_id:literal
        $(
            $(#[$doc:meta])*
            $name:ident $method_name:literal = $id:literal $(carries $content:ident)? {
                $($field:ident: $type:ty),* $(,)?
            }
        )*
    ) => {
        use $crate::amqp091::DecodeError;
        use $crate::amqp091::method::{Encode, MethodId};
        use $crate::amqp091::wire::{Reader, Writer};

        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq, Eq)]
            #[allow(missing_docs, reason = "the fields are those of the specification")]
            pub struct $name {
                $(pub $field: $type,)*
            }

            impl $name {
                /// What it is on the wire.
                pub const ID: MethodId = MethodId { class: $class_id, method: $id };
                /// What it is called.
                pub const NAME: &str = concat!($class_name, ".", $method_name);
                /// Whether a content header follows.
                pub const CARRIES_CONTENT: bool = class!(@carries $($content)?);
            }

            impl Encode for $name {
                fn id(&self) -> MethodId {
                    Self::ID
                }

                fn carries_content(&self) -> bool {
                    Self::CARRIES_CONTENT
                }

                #[allow(unused_variables, reason = "some methods have no fields")]
                fn write_fields(&self, writer: &mut Writer<'_>) {
                    $($crate::amqp091::wire::Field::write(&self.$field, writer);)*
                }
            }

            impl From<$name> for Method {
                fn from(method: $name) -> Self {
                    Self::$name(method)
                }
            }

            impl From<$name> for $crate::amqp091::method::Method {
                fn from(method: $name) -> Self {
                    Self::$class(method.into())
                }
            }
        )*

        /// A method of this class.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Method {
            $($(#[$doc])* $name($name),)*
        }

        impl Method {
            /// The class on the wire.
            pub const CLASS: u16 = $class_id;

            /// Every method of the class, and what it is called.
            pub const TABLE: &[(MethodId, &str)] = &[$(($name::ID, $name::NAME)),*];

            pub(super) fn read(id: MethodId, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                match id.method {
                    $($id => {
                        // RabbitMQ, too, does not look for the sake of speed.
                        reader.wants_text = !$name::CARRIES_CONTENT;
                        Ok(Self::$name($name { $($field: $crate::amqp091::wire::Field::read(reader)?,)* }))
                    })*
                    _ => Err(DecodeError::UnknownMethod(id)),
                }
            }
        }

        impl Encode for Method {
            fn id(&self) -> MethodId {
                match self {
                    $(Self::$name(method) => method.id(),)*
                }
            }

            fn carries_content(&self) -> bool {
                match self {
                    $(Self::$name(_) => $name::CARRIES_CONTENT,)*
                }
            }

            fn write_fields(&self, writer: &mut Writer<'_>) {
                match self {
                    $(Self::$name(method) => method.write_fields(writer),)*
                }
            }
        }
    };
    (@carries content) => { true };
    (@carries) => { false };
}

/// Writes the enum of all methods from the list of classes.
macro_rules! classes {
    ($($(#[$doc:meta])* $class:ident $module:ident;)*) => {
        $($(#[$doc])* pub mod $module;)*

        /// A method of any class.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Method {
            $($(#[$doc])* $class($module::Method),)*
        }

        impl Method {
            /// What the methods of all classes are.
            const TABLES: &[&[(MethodId, &str)]] = &[$($module::Method::TABLE),*];

            fn read(id: MethodId, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                match id.class {
                    $($module::Method::CLASS => {
                        $module::Method::read(id, reader).map(Self::$class)
                    })*
                    _ => Err(DecodeError::UnknownMethod(id)),
                }
            }
        }

        impl Encode for Method {
            fn id(&self) -> MethodId {
                match self {
                    $(Self::$class(method) => method.id(),)*
                }
            }

            fn carries_content(&self) -> bool {
                match self {
                    $(Self::$class(method) => method.carries_content(),)*
                }
            }

            fn write_fields(&self, writer: &mut Writer<'_>) {
                match self {
                    $(Self::$class(method) => method.write_fields(writer),)*
                }
            }
        }
    };
}

classes! {
    /// Connections: logging in, tuning, closing.
    Connection connection;
    /// Channels: opening, closing, flow.
    Channel channel;
    /// Realms, which are no more; very old clients still ask.
    Access access;
    /// Exchanges, and bindings between them.
    Exchange exchange;
    /// Queues, and their bindings.
    Queue queue;
    /// Messages: publishing, consuming, acknowledging.
    Basic basic;
    /// Publisher confirms.
    Confirm confirm;
    /// Transactions.
    Tx tx;
}

/// A class and a method of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MethodId {
    /// The class.
    pub class: u16,
    /// The method within the class.
    pub method: u16,
}

impl MethodId {
    /// Which method a payload says it has: what a close names if the rest cannot be read.
    pub fn peek(payload: &Bytes) -> Result<Self, DecodeError> {
        Self::read(&mut Reader::new(payload))
    }

    /// What the method is called, if there is one.
    pub fn name(self) -> Option<&'static str> {
        self.find().map(|(_, name)| *name)
    }

    fn find(self) -> Option<&'static (Self, &'static str)> {
        let mut methods = Method::TABLES.iter().copied().flatten();
        methods.find(|(id, ..)| *id == self)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (class, method) = (u16::read(reader)?, u16::read(reader)?);
        Ok(Self { class, method })
    }

    pub(super) fn write(self, out: &mut BytesMut) {
        out.put_u16(self.class);
        out.put_u16(self.method);
    }
}

impl fmt::Display for MethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{{{},{}}}", self.class, self.method),
        }
    }
}

/// What can be put in a method frame: a method, or one of the enums that have it.
pub trait Encode {
    /// Which method it is.
    fn id(&self) -> MethodId;

    /// Whether a content header follows.
    fn carries_content(&self) -> bool;

    #[doc(hidden)]
    fn write_fields(&self, writer: &mut Writer<'_>);
}

impl Method {
    /// Reads the payload of a method frame.
    pub fn decode(payload: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let id = MethodId::read(&mut reader)?;
        let method = Self::read(id, &mut reader)?;
        reader.finish()?;
        Ok(method)
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        self.id().name().expect("every method is in the table")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_methods_as_rabbitmq_has() {
        let methods = Method::TABLES.iter().copied().flatten();
        assert_eq!(methods.count(), 66);
    }

    #[test]
    fn what_is_no_method_is_refused_by_its_number() {
        for id in [[0, 50, 0, 12], [0, 70, 0, 10]] {
            let error = Method::decode(&Bytes::copy_from_slice(&id)).unwrap_err();
            assert_eq!(error.reply_code() as u16, 540);
            let text = format!("unknown method {{{},{}}}", id[1], id[3]);
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn names_of_queues_are_text_and_routing_keys_need_not_be() {
        let declare = Bytes::from_static(b"\0\x32\0\x0a\0\0\x01\xff\0\0\0\0\0");
        assert_eq!(Method::decode(&declare), Err(DecodeError::MalformedUtf8));
        let publish = Bytes::from_static(b"\0\x3c\0\x28\0\0\0\x01\xff\0");
        let publish = Method::decode(&publish).unwrap();
        let Method::Basic(basic::Method::Publish(publish)) = publish else {
            panic!("{publish:?}")
        };
        assert_eq!(publish.routing_key.as_bytes(), &b"\xff"[..]);
    }

    #[test]
    fn more_than_the_fields_is_refused() {
        let close_ok = Bytes::from_static(b"\0\x14\0\x29!");
        let refused = Method::decode(&close_ok);
        assert_eq!(refused, Err(DecodeError::TrailingBytes(1)));
    }
}
