//! Receipt handles: what a client settles a message by.
//!
//! Opaque to clients: in Base64, `version u8, queue u64, number u64, offset u64, received u32 (seconds), checksum u32`,
//! all little-endian. The checksum tells a handle that was cut or mistyped from one that has ended.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use forebay_broker::host::Lease;
use forebay_broker::storage::LogId;

use super::error::SqsError;

/// A delivery of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) lease: Lease,
    /// When it was received, in seconds since the Unix epoch.
    pub(super) received: u32,
}

const VERSION: u8 = 1;
const BODY_BYTES: usize = 29;
const BYTES: usize = BODY_BYTES + 4;

impl Receipt {
    pub(super) fn handle(&self) -> String {
        let Lease {
            queue,
            number,
            offset,
        } = self.lease;
        let mut bytes = [0; BYTES];
        bytes[0] = VERSION;
        bytes[1..9].copy_from_slice(&queue.0.to_le_bytes());
        bytes[9..17].copy_from_slice(&number.to_le_bytes());
        bytes[17..25].copy_from_slice(&offset.to_le_bytes());
        bytes[25..29].copy_from_slice(&self.received.to_le_bytes());
        let checksum = checksum(&bytes[..BODY_BYTES]);
        bytes[BODY_BYTES..].copy_from_slice(&checksum.to_le_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(super) fn parse(handle: &str) -> Result<Self, SqsError> {
        let invalid = || SqsError::ReceiptHandleIsInvalid(handle.to_owned());
        let mut bytes = [0; BYTES];
        let decoded = URL_SAFE_NO_PAD.decode_slice(handle, &mut bytes);
        if decoded != Ok(BYTES) || bytes[0] != VERSION {
            return Err(invalid());
        }
        let (body, said) = bytes.split_at(BODY_BYTES);
        if checksum(body).to_le_bytes() != *said {
            return Err(invalid());
        }
        let number = |at: usize| {
            let eight = body[at..].first_chunk().copied();
            u64::from_le_bytes(eight.unwrap_or_default())
        };
        let received = body[25..].first_chunk().copied();
        Ok(Self {
            lease: Lease {
                queue: LogId(number(1)),
                number: number(9),
                offset: number(17),
            },
            received: u32::from_le_bytes(received.unwrap_or_default()),
        })
    }
}

/// FNV-1a. Nobody gains anything by a handle that is made up: who can send one can receive.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_good_as_it_was_given_and_no_other_way() {
        let receipt = Receipt {
            lease: Lease {
                queue: LogId(7),
                number: 1 << 40,
                offset: u64::MAX,
            },
            received: 1_700_000_000,
        };
        let handle = receipt.handle();
        assert_eq!(Receipt::parse(&handle), Ok(receipt));
        for at in 0..handle.len() {
            let mut changed = handle.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(Receipt::parse(&changed).is_err(), "{changed}");
        }
        for wrong in ["", "garbage", &handle[1..], &format!("{handle}A")] {
            assert!(Receipt::parse(wrong).is_err(), "{wrong}");
        }
    }
}
