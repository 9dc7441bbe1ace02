//! Record batches in messages.

use std::fmt;

use bytes::{Bytes, BytesMut};

/// A records field: record batches back to back, not looked into here.
///
/// Decoded, they are a slice of the frame. In a reply they are the pieces in which the log holds
/// them, and go to the socket from where they lie.
#[derive(Clone)]
pub enum Records<'a> {
    /// Record batches in a frame.
    Borrowed(&'a [u8]),
    /// Record batches in shared pieces, which need not be cut at batch boundaries.
    Pieces(Vec<Bytes>),
}

impl Records<'_> {
    /// Number of bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Borrowed(bytes) => bytes.len(),
            Self::Pieces(pieces) => pieces.iter().map(Bytes::len).sum(),
        }
    }

    /// Whether there is not a byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The records as shared bytes. Decoded from `frame` they become a part of it without a copy;
    /// otherwise they are copied, unless they are one shared piece already.
    pub fn to_bytes_in(&self, frame: &Bytes) -> Bytes {
        match self {
            Self::Borrowed(bytes) => {
                // Compared by address, since `slice_ref` panics on a slice from elsewhere.
                let outer = frame.as_ptr_range();
                let inner = bytes.as_ptr_range();
                if outer.start <= inner.start && inner.end <= outer.end {
                    frame.slice_ref(bytes)
                } else {
                    Bytes::copy_from_slice(bytes)
                }
            }
            Self::Pieces(pieces) => match pieces.as_slice() {
                [piece] => piece.clone(),
                pieces => {
                    let mut whole = BytesMut::with_capacity(self.len());
                    pieces
                        .iter()
                        .for_each(|piece| whole.extend_from_slice(piece));
                    whole.freeze()
                }
            },
        }
    }

    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let (borrowed, shared) = match self {
            Self::Borrowed(bytes) => (Some(*bytes), &[][..]),
            Self::Pieces(pieces) => (None, pieces.as_slice()),
        };
        borrowed
            .into_iter()
            .chain(shared.iter().map(|piece| &**piece))
    }
}

impl Default for Records<'_> {
    fn default() -> Self {
        Self::Borrowed(&[])
    }
}

impl<'a> From<&'a [u8]> for Records<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Borrowed(bytes)
    }
}

impl From<Bytes> for Records<'_> {
    fn from(bytes: Bytes) -> Self {
        Self::Pieces(vec![bytes])
    }
}

impl From<Vec<Bytes>> for Records<'_> {
    fn from(pieces: Vec<Bytes>) -> Self {
        Self::Pieces(pieces)
    }
}

impl PartialEq for Records<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.pieces().flatten().eq(other.pieces().flatten())
    }
}

impl Eq for Records<'_> {}

/// Shows the length alone: records are large and are the user's.
impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Records({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_a_frame_stay_in_the_frame() {
        let frame = Bytes::from_static(b"headRECORDStail");
        let records = Records::from(&frame[4..11]);
        let shared = records.to_bytes_in(&frame);
        assert_eq!(shared, "RECORDS");
        assert_eq!(shared.as_ptr(), frame[4..].as_ptr());
    }

    #[test]
    fn records_from_elsewhere_are_copied() {
        let frame = Bytes::from_static(b"frame");
        let elsewhere = b"RECORDS".to_vec();
        assert_eq!(Records::from(&elsewhere[..]).to_bytes_in(&frame), "RECORDS");
        assert_eq!(Records::default().to_bytes_in(&frame), "");
    }

    #[test]
    fn records_are_equal_however_they_are_cut() {
        let cut = Records::from(vec![
            Bytes::from_static(b"REC"),
            Bytes::from_static(b"ORDS"),
        ]);
        assert_eq!(cut, Records::from(&b"RECORDS"[..]));
        assert_ne!(cut, Records::from(&b"RECORDZ"[..]));
        assert_eq!(cut.to_bytes_in(&Bytes::new()), "RECORDS");
    }
}
