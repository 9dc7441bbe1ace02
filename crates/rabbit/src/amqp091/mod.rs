//! AMQP 0-9-1 with RabbitMQ's extensions: what the bytes mean. No IO, and no state beyond a command, but in
//! the session.
//!
//! | module | what it is |
//! |---|---|
//! | [`frame`] | the protocol header; frames off a buffer and onto one |
//! | [`method`] | every method of every class: one file a class |
//! | [`content`] | what follows a method that carries a message: header and bodies |
//! | [`assembler`] | all these together: from a channel's frames to commands |
//! | [`properties`] | a message's properties, kept as they came |
//! | [`table`] | field tables and arrays, kept as they came |
//! | [`routing`] | what exchanges look at in all that |
//! | [`reply`] | reply codes: what they are called, and whether they end a channel or a connection |
//! | `whole_publish` | a publish that arrived whole, read where it lies: what a broker receives most |
//! | `session` | a connection: its channels, and what their methods ask of the broker |
//!
//! Nothing is copied on the way in: methods, tables, properties and bodies are slices of the buffer that
//! arrived, and keep it alive; only a body that came in several frames is joined. What is remembered for
//! longer than a message (the name of a queue, the arguments of a binding) is to be
//! [detached](ShortStr::detached) first.
//!
//! ```
//! use bytes::BytesMut;
//! use forebay_rabbit::amqp091::frame::{FrameDecoder, FrameType, write_method};
//! use forebay_rabbit::amqp091::method::{Method, queue};
//! use forebay_rabbit::limits::FRAME_BYTES_MAX;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut arrived = BytesMut::new(); // what a socket was read into
//! let sent = queue::Declare { queue: "orders".try_into()?, durable: true, ..Default::default() };
//! write_method(&mut arrived, 1, &sent);
//!
//! let frames = FrameDecoder::new(FRAME_BYTES_MAX);
//! while let Some(frame) = frames.decode(&mut arrived)? {
//!     assert_eq!((frame.kind, frame.channel), (FrameType::Method, 1));
//!     match Method::decode(&frame.payload)? {
//!         Method::Queue(queue::Method::Declare(declare)) => assert_eq!(declare, sent),
//!         other => panic!("{}", other.name()),
//!     }
//! }
//! # Ok(())
//! # }
//! ```

pub mod assembler;
pub mod content;
mod error;
pub mod frame;
pub mod method;
pub mod properties;
pub mod reply;
pub mod routing;
pub(crate) mod session;
mod short_str;
pub mod table;
mod whole_publish;
mod wire;

pub use error::DecodeError;
pub use reply::ReplyCode;
pub use short_str::{ShortStr, TooLong};
