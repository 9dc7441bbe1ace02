//! The promises of the protocol module, held for every message at every version.

mod debug_tree;
mod differential;
mod frames;
mod generated;
mod hostile;
mod round_trip;
mod source;

use forebay_kafka::protocol::{EncodeError, Message, Writer};

/// A message as bytes, without a frame around it.
fn encoded<'a, M: Message<'a>>(message: &M, version: i16) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer::new();
    message.encode(&mut writer, version)?;
    Ok(writer.finish()?.into_bytes().to_vec())
}
