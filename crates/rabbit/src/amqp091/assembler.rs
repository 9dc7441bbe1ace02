//! From frames of one channel to commands: a method, and the message that it carries.

use bytes::{Bytes, BytesMut};

use super::content::ContentHeader;
use super::frame::{Frame, FrameType};
use super::method::{Encode, Method, MethodId};
use super::properties::Properties;
use super::{DecodeError, ReplyCode};

/// What a peer wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The method.
    pub method: Method,
    /// The message, if the method carries one.
    pub content: Option<Content>,
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Its properties.
    pub properties: Properties,
    /// Its body: a slice of what arrived if it came in one frame, and a copy otherwise.
    pub body: Bytes,
}

/// Why frames make no command. In RabbitMQ's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssemblyFault {
    /// The bytes are not what they claim to be.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Content without a method before it.
    #[error("expected method frame, got non method frame instead")]
    NoMethod,
    /// A method that carries content, and no header after it.
    #[error("expected content header for class 60, got non content header frame instead")]
    NoHeader,
    /// A header that announces a body, and no body after it.
    #[error("expected content body, got non content body frame instead")]
    NoBody,
    /// More body than announced.
    #[error("content body frame exceeds remaining content size")]
    BodyTooLong,
    /// More body announced than is permitted. Only the channel ends; the body still comes.
    #[error("message size {size} is larger than configured max size {limit}")]
    MessageTooLarge {
        /// Bytes of body that were announced.
        size: u64,
        /// Bytes that a body may have.
        limit: u64,
    },
}

impl AssemblyFault {
    /// What the channel or connection is closed with.
    pub fn reply_code(self) -> ReplyCode {
        match self {
            Self::Decode(error) => error.reply_code(),
            Self::NoMethod | Self::NoHeader | Self::NoBody => ReplyCode::UnexpectedFrame,
            Self::BodyTooLong => ReplyCode::FrameError,
            Self::MessageTooLarge { .. } => ReplyCode::PreconditionFailed,
        }
    }
}

/// Why frames make no command, and which method failed thereby, as a close says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct AssemblyError {
    /// What is wrong.
    pub fault: AssemblyFault,
    /// The method; zeros if there is none.
    pub method: MethodId,
}

/// Puts the frames of one channel together. After an error it has nothing to add, and what still arrives on
/// the channel is to be thrown away until the close is answered.
///
/// What has arrived stays where it is until all has: a method has room for the largest there is, and to move it
/// with every frame costs more than to read it.
#[derive(Clone, Debug)]
pub struct Assembler {
    body_max: u64,
    expected: Expected,
    /// The method whose content is on its way.
    method: Option<Method>,
    /// What has arrived of the content, but for a body of several frames.
    content: Content,
    /// A body of several frames. Room grows as it arrives, and not by what was announced.
    pieces: BytesMut,
}

/// What the next frame must be.
#[derive(Clone, Copy, Debug)]
enum Expected {
    Method,
    Header,
    /// So many bytes of it.
    Body(u64),
}

impl Assembler {
    /// An assembler of messages with bodies of up to `body_max` bytes.
    pub fn new(body_max: u64) -> Self {
        Self {
            body_max,
            expected: Expected::Method,
            method: None,
            content: Content::default(),
            pieces: BytesMut::new(),
        }
    }

    /// Whether it would take a message with a body of so many bytes, method and all.
    pub(super) fn would_accept(&self, body_bytes: usize) -> bool {
        matches!(self.expected, Expected::Method) && body_bytes as u64 <= self.body_max
    }

    /// Takes a frame; answers the command that is whole with it.
    pub fn accept(&mut self, frame: Frame) -> Result<Option<Command>, AssemblyError> {
        let accepted = match self.expected {
            Expected::Method => return self.accept_method(&frame),
            Expected::Header => self.accept_header(&frame),
            Expected::Body(left) => self.accept_body(frame, left),
        };
        match accepted {
            Ok(true) => Ok(self.complete()),
            Ok(false) => Ok(None),
            Err(fault) => {
                let method = self.method.as_ref().map(Encode::id).unwrap_or_default();
                *self = Self::new(self.body_max);
                Err(AssemblyError { fault, method })
            }
        }
    }

    fn accept_method(&mut self, frame: &Frame) -> Result<Option<Command>, AssemblyError> {
        if frame.kind != FrameType::Method {
            return Err(AssemblyError {
                fault: AssemblyFault::NoMethod,
                method: MethodId::default(),
            });
        }
        let method = Method::decode(&frame.payload).map_err(|error| AssemblyError {
            fault: error.into(),
            method: MethodId::peek(&frame.payload).unwrap_or_default(),
        })?;
        if method.carries_content() {
            self.method = Some(method);
            self.expected = Expected::Header;
            return Ok(None);
        }
        Ok(Some(Command {
            method,
            content: None,
        }))
    }

    /// Whether that was all.
    fn accept_header(&mut self, frame: &Frame) -> Result<bool, AssemblyFault> {
        if frame.kind != FrameType::Header {
            return Err(AssemblyFault::NoHeader);
        }
        let header = ContentHeader::decode(&frame.payload)?;
        if header.body_bytes > self.body_max {
            return Err(AssemblyFault::MessageTooLarge {
                size: header.body_bytes,
                limit: self.body_max,
            });
        }
        self.content.properties = header.properties;
        self.expected = Expected::Body(header.body_bytes);
        Ok(header.body_bytes == 0)
    }

    /// Whether that was all.
    fn accept_body(&mut self, frame: Frame, left: u64) -> Result<bool, AssemblyFault> {
        if frame.kind != FrameType::Body {
            return Err(AssemblyFault::NoBody);
        }
        let left = left.checked_sub(frame.payload.len() as u64);
        let left = left.ok_or(AssemblyFault::BodyTooLong)?;
        if left == 0 && self.pieces.is_empty() {
            self.content.body = frame.payload;
            return Ok(true);
        }
        self.pieces.extend_from_slice(&frame.payload);
        self.expected = Expected::Body(left);
        Ok(left == 0)
    }

    fn complete(&mut self) -> Option<Command> {
        self.expected = Expected::Method;
        let mut content = std::mem::take(&mut self.content);
        if !self.pieces.is_empty() {
            content.body = std::mem::take(&mut self.pieces).freeze();
        }
        Some(Command {
            method: self.method.take()?,
            content: Some(content),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp091::content::write_message;
    use crate::amqp091::frame::{FrameDecoder, write_method};
    use crate::amqp091::method::{basic, channel};
    use crate::amqp091::properties::PropertyList;
    use crate::limits::FRAME_BYTES_MIN;

    const BODY_MAX: u64 = 1 << 20;

    fn frames(mut sent: BytesMut) -> Vec<Frame> {
        let decoder = FrameDecoder::new(FRAME_BYTES_MIN);
        let next = || decoder.decode(&mut sent).unwrap();
        std::iter::from_fn(next).collect()
    }

    fn message(body: &[u8]) -> Vec<Frame> {
        let publish = basic::Publish::default();
        let properties = PropertyList {
            priority: Some(1),
            ..PropertyList::default()
        };
        let mut sent = BytesMut::new();
        let properties = properties.encode();
        write_message(&mut sent, 1, FRAME_BYTES_MIN, &publish, &properties, body);
        frames(sent)
    }

    fn body(length: usize) -> Vec<u8> {
        (0..length).map(|n| n as u8).collect()
    }

    fn refused(frames: impl IntoIterator<Item = Frame>) -> AssemblyError {
        let mut assembler = Assembler::new(BODY_MAX);
        let mut accepted = frames.into_iter().map(|frame| assembler.accept(frame));
        accepted.find_map(Result::err).unwrap()
    }

    #[test]
    fn messages_of_no_one_and_many_frames_are_put_together() {
        let mut assembler = Assembler::new(BODY_MAX);
        for length in [0, 1, 4088, 4089, 50_000, 0] {
            let mut commands = Vec::new();
            for frame in message(&body(length)) {
                assert!(commands.is_empty(), "nothing follows a command");
                commands.extend(assembler.accept(frame).unwrap());
            }
            let [Command { method, content }] = &commands[..] else {
                panic!("{commands:?}")
            };
            assert_eq!(method.id(), basic::Publish::ID);
            let content = content.as_ref().unwrap();
            assert_eq!(content.body, body(length));
            assert_eq!(content.properties.priority(), Some(1));
        }
    }

    #[test]
    fn a_body_of_one_frame_is_not_copied() {
        let frames = message(&body(100));
        let place = frames[2].payload.as_ptr();
        let mut assembler = Assembler::new(BODY_MAX);
        let command = frames
            .into_iter()
            .find_map(|frame| assembler.accept(frame).unwrap());
        assert_eq!(command.unwrap().content.unwrap().body.as_ptr(), place);
    }

    #[test]
    fn a_method_without_content_is_a_command() {
        let mut sent = BytesMut::new();
        write_method(&mut sent, 1, &channel::CloseOk {});
        let command = Assembler::new(0)
            .accept(frames(sent).remove(0))
            .unwrap()
            .unwrap();
        assert_eq!(
            (command.method, command.content),
            (channel::CloseOk {}.into(), None)
        );
    }

    #[test]
    fn frames_out_of_turn_are_unexpected() {
        let [publish, header, piece] = <[Frame; 3]>::try_from(message(b"b")).unwrap();
        let cases = [
            (
                vec![header.clone()],
                AssemblyFault::NoMethod,
                MethodId::default(),
            ),
            (
                vec![piece.clone()],
                AssemblyFault::NoMethod,
                MethodId::default(),
            ),
            (
                vec![publish.clone(), publish.clone()],
                AssemblyFault::NoHeader,
                basic::Publish::ID,
            ),
            (
                vec![publish.clone(), piece],
                AssemblyFault::NoHeader,
                basic::Publish::ID,
            ),
            (
                vec![publish, header.clone(), header],
                AssemblyFault::NoBody,
                basic::Publish::ID,
            ),
        ];
        for (frames, fault, method) in cases {
            let error = refused(frames);
            assert_eq!(error, AssemblyError { fault, method });
            assert_eq!(error.fault.reply_code(), ReplyCode::UnexpectedFrame);
        }
    }

    #[test]
    fn more_body_than_announced_is_refused() {
        let mut frames = message(&body(100));
        frames[2].payload = body(101).into();
        let error = refused(frames);
        assert_eq!(error.fault, AssemblyFault::BodyTooLong);
        assert_eq!(error.fault.reply_code(), ReplyCode::FrameError);
    }

    #[test]
    fn a_message_over_the_limit_costs_the_channel_and_no_memory() {
        let most = usize::try_from(BODY_MAX).unwrap();
        let mut frames = message(&body(most + 1));
        frames.truncate(2);
        let error = refused(frames);
        let text = "message size 1048577 is larger than configured max size 1048576";
        assert_eq!(error.to_string(), text);
        assert_eq!(error.fault.reply_code(), ReplyCode::PreconditionFailed);
        assert!(!error.fault.reply_code().is_hard());
    }

    #[test]
    fn what_cannot_be_read_is_blamed_on_its_method() {
        let mut frames = message(b"");
        frames[0].payload = frames[0].payload.slice(..5);
        let error = refused(frames);
        assert_eq!(error.fault, AssemblyFault::Decode(DecodeError::Truncated));
        assert_eq!(error.method, basic::Publish::ID);
    }
}
