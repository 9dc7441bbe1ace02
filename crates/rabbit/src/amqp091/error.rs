//! Why bytes from a peer are not AMQP.

use super::ReplyCode;
use super::method::MethodId;

/// The bytes are not what they claim to be. All of these end the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A frame announces more than was agreed on. In RabbitMQ's words.
    #[error("type {kind}, all octets = <<>>: {{frame_too_large,{size},{limit}}}")]
    FrameTooLarge {
        /// Its type.
        kind: u8,
        /// Bytes of payload that it announces.
        size: u32,
        /// Bytes of payload that were agreed on.
        limit: u32,
    },
    /// There is no such type of frame.
    #[error("unknown frame type {0}")]
    UnknownFrameType(u8),
    /// A frame does not end where its length says.
    #[error("type {kind}, {size} octets: {{invalid_frame_end_marker,{found}}}")]
    FrameEnd {
        /// Its type.
        kind: u8,
        /// Bytes of its payload.
        size: u32,
        /// What is there in place of the frame-end octet.
        found: u8,
    },
    /// Heartbeats belong to the connection.
    #[error("heartbeat on channel {0}")]
    HeartbeatOnChannel(u16),
    /// Heartbeats are empty.
    #[error("heartbeat with {0} octets of payload")]
    HeartbeatNotEmpty(u32),
    /// No class has such a method.
    #[error("unknown method {0}")]
    UnknownMethod(MethodId),
    /// A field reaches beyond the end of its frame, or a value beyond the end of its table.
    #[error("a field ends beyond its frame")]
    Truncated,
    /// Bytes are left after the last field.
    #[error("{0} octets after the last field")]
    TrailingBytes(usize),
    /// A name is not text. In RabbitMQ's words.
    #[error("Malformed UTF-8 in shortstr")]
    MalformedUtf8,
    /// A table has a value of a type that there is not.
    #[error("unknown field type {0}")]
    UnknownFieldType(u8),
    /// Tables in tables in tables.
    #[error("tables nested too deeply")]
    TableTooDeep,
    /// Properties that no class has, or a second word of flags.
    #[error("unknown property flags {0:#06x}")]
    UnknownPropertyFlags(u16),
    /// A content header of a class that has no content. In RabbitMQ's words.
    #[error("expected content header for class 60, got one for class {0} instead")]
    ContentClass(u16),
    /// The weight of a content header is always zero.
    #[error("content header with weight {0}")]
    ContentWeight(u16),
}

impl DecodeError {
    /// What the connection is closed with.
    pub fn reply_code(self) -> ReplyCode {
        match self {
            Self::FrameTooLarge { .. }
            | Self::UnknownFrameType(_)
            | Self::FrameEnd { .. }
            | Self::HeartbeatNotEmpty(_)
            | Self::Truncated
            | Self::TrailingBytes(_)
            | Self::MalformedUtf8 => ReplyCode::FrameError,
            Self::HeartbeatOnChannel(_) | Self::ContentClass(_) | Self::ContentWeight(_) => {
                ReplyCode::UnexpectedFrame
            }
            Self::UnknownMethod(_) => ReplyCode::NotImplemented,
            Self::UnknownFieldType(_) | Self::TableTooDeep | Self::UnknownPropertyFlags(_) => {
                ReplyCode::SyntaxError
            }
        }
    }
}
