//! Reply codes (AMQP 0-9-1 §1.2): why a channel or a connection is closed, or a message is returned.

use super::ShortStr;

/// Writes the enum and its tables from one list, so that they cannot disagree.
macro_rules! reply_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal $name:literal $scope:ident;)*) => {
        /// A reply code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum ReplyCode {
            $($(#[$doc])* $variant = $code,)*
        }

        impl ReplyCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// What texts begin with, as RabbitMQ writes it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What it ends.
            pub fn scope(self) -> Scope {
                match self {
                    $(Self::$variant => Scope::$scope,)*
                }
            }
        }
    };
}

/// What a reply code ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Nothing.
    Nothing,
    /// The channel: a soft error. On channel 0 there is nothing less than the connection.
    Channel,
    /// The connection: a hard error.
    Connection,
}

reply_codes! {
    /// All is well; said in an orderly close.
    Success = 200 "REPLY_SUCCESS" Nothing;
    /// The message is too large.
    ContentTooLarge = 311 "CONTENT_TOO_LARGE" Channel;
    /// A mandatory message went to no queue. Said in `basic.return`.
    NoRoute = 312 "NO_ROUTE" Channel;
    /// An immediate message found no consumer. Said in `basic.return`.
    NoConsumers = 313 "NO_CONSUMERS" Channel;
    /// An operator closed the connection, or the broker stops.
    ConnectionForced = 320 "CONNECTION_FORCED" Connection;
    /// The virtual host cannot be had.
    InvalidPath = 402 "INVALID_PATH" Connection;
    /// Not permitted to this user, or to anyone.
    AccessRefused = 403 "ACCESS_REFUSED" Channel;
    /// There is no such queue, exchange or virtual host.
    NotFound = 404 "NOT_FOUND" Channel;
    /// Another connection has it for itself.
    ResourceLocked = 405 "RESOURCE_LOCKED" Channel;
    /// It cannot be done to the thing as it is.
    PreconditionFailed = 406 "PRECONDITION_FAILED" Channel;
    /// The bytes are no frame.
    FrameError = 501 "FRAME_ERROR" Connection;
    /// A field has a value that it cannot have.
    SyntaxError = 502 "SYNTAX_ERROR" Connection;
    /// A method that does not belong there.
    CommandInvalid = 503 "COMMAND_INVALID" Connection;
    /// A method on a channel that is not open, or not closed.
    ChannelError = 504 "CHANNEL_ERROR" Connection;
    /// A frame that does not belong there.
    UnexpectedFrame = 505 "UNEXPECTED_FRAME" Connection;
    /// The broker has not got what it takes.
    ResourceError = 506 "RESOURCE_ERROR" Connection;
    /// Against what was agreed on.
    NotAllowed = 530 "NOT_ALLOWED" Connection;
    /// The broker does not do this.
    NotImplemented = 540 "NOT_IMPLEMENTED" Connection;
    /// The broker failed.
    InternalError = 541 "INTERNAL_ERROR" Connection;
}

impl ReplyCode {
    /// The text of a close, as RabbitMQ puts it: the code's name, and the explanation as far as there is
    /// room.
    pub fn text(self, explanation: impl std::fmt::Display) -> ShortStr {
        ShortStr::truncated(format!("{} - {explanation}", self.name()))
    }

    /// Whether the connection must be closed, and not only the channel.
    pub fn is_hard(self) -> bool {
        self.scope() == Scope::Connection
    }
}

impl From<ReplyCode> for u16 {
    fn from(code: ReplyCode) -> Self {
        code as Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_rabbitmqs() {
        let text = ReplyCode::NotFound.text("no queue 'nope' in vhost '/'");
        assert_eq!(text, "NOT_FOUND - no queue 'nope' in vhost '/'");
    }

    #[test]
    fn a_long_explanation_ends_where_a_character_does() {
        let text = ReplyCode::NotFound.text("é".repeat(200));
        assert_eq!(
            text.len(),
            255,
            "12 bytes of name, 120 of two bytes, three dots"
        );
        assert!(text.to_str().is_ok());
    }

    #[test]
    fn hard_codes_are_those_of_the_specification() {
        let hard = ReplyCode::ALL.iter().filter(|code| code.is_hard());
        let hard: Vec<_> = hard.map(|code| u16::from(*code)).collect();
        let expected = [320, 402, 501, 502, 503, 504, 505, 506, 530, 540, 541];
        assert_eq!(hard, expected);
    }
}
