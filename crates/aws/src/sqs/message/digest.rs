//! Checksums, as SDKs compute them again.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>

use md5::{Digest, Md5};

use super::attributes::MessageAttributes;
use crate::auth::hex;

/// Of a body.
pub(crate) fn md5_of_body(body: &[u8]) -> String {
    hex(&Md5::digest(body))
}

/// Of attributes in the order of their names; none of none.
pub(crate) fn md5_of_attributes(attributes: &MessageAttributes) -> Option<String> {
    const TEXT: u8 = 1;
    const BINARY: u8 = 2;
    if attributes.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    let add = |digest: &mut Md5, bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        digest.update(length.to_be_bytes());
        digest.update(bytes);
    };
    for attribute in attributes.iter() {
        add(&mut digest, attribute.name.as_bytes());
        add(&mut digest, attribute.data_type.as_bytes());
        digest.update([if attribute.is_binary() { BINARY } else { TEXT }]);
        add(&mut digest, &attribute.value);
    }
    Some(hex(&digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqs::message::MessageAttribute;

    #[test]
    fn bodies_have_the_md5_that_everybody_knows() {
        assert_eq!(md5_of_body(b""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(
            md5_of_body(b"This is a test message"),
            "fafb00f5732ab283681e124bf8747ed1"
        );
    }

    /// Computed apart from this code, from the layout that AWS describes.
    #[test]
    fn attributes_have_the_md5_of_their_layout() {
        let attribute = |name: &str, data_type: &str, value: &[u8]| MessageAttribute {
            name: name.to_owned(),
            data_type: data_type.to_owned(),
            value: value.to_vec(),
        };
        let attributes = MessageAttributes::of(vec![
            attribute("b", "Binary.gif", b"\x00\xff"),
            attribute("a", "String", "ä".as_bytes()),
            attribute("n", "Number", b"42"),
        ]);
        assert_eq!(
            md5_of_attributes(&attributes).unwrap(),
            "a0214998daf25c7907444ce357212dc9"
        );
        assert_eq!(md5_of_attributes(&MessageAttributes::default()), None);
    }
}
