//! The Kafka wire protocol: what the bytes inside a frame mean, and nothing about what to do with
//! them.
//!
//! The messages in [`generated`] are written by `cargo xtask codegen` from Apache Kafka's own
//! schemas and are checked in. Everything else here is the ground they stand on: [`Reader`] takes
//! bytes that a stranger sent, [`Writer`] builds a reply without copying the records in it,
//! [`Str`], [`Blob`] and [`Records`] are the field types that both share.
//!
//! A decoded message borrows from its frame. It never takes more memory than a small multiple of
//! the bytes that arrived, whatever their length fields claim, and no bytes make it panic.

pub mod api;
mod blob;
mod error;
mod error_code;
mod form;
pub mod generated;
mod limits;
mod message;
mod read;
mod records;
mod rope;
mod text;
mod write;

pub use self::blob::Blob;
pub use self::error::{DecodeError, EncodeError};
pub use self::error_code::ErrorCode;
pub use self::form::Form;
pub use self::generated::ApiKey;
pub use self::message::{Message, Request, Response};
pub use self::read::Reader;
pub use self::records::Records;
pub use self::rope::Rope;
pub use self::text::Str;
pub use self::write::Writer;
