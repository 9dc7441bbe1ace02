//! Encoded messages in pieces.

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// What a [`Writer`](super::Writer) has written: pieces that go to the socket one after the other
/// and are never joined. As a [`Buf`] it feeds vectored writes (`write_all_buf`).
#[derive(Clone, Default)]
pub struct Rope {
    pieces: VecDeque<Bytes>,
    remaining: usize,
}

impl Rope {
    pub(super) fn with_capacity(pieces: usize) -> Self {
        Self {
            pieces: VecDeque::with_capacity(pieces),
            remaining: 0,
        }
    }

    pub(super) fn push(&mut self, piece: Bytes) {
        // `chunk` may be empty only at the end.
        if !piece.is_empty() {
            self.remaining += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// Number of bytes that are left.
    pub fn len(&self) -> usize {
        self.remaining
    }

    /// Whether no byte is left.
    pub fn is_empty(&self) -> bool {
        self.remaining == 0
    }

    /// The pieces that are left.
    pub fn pieces(&self) -> impl ExactSizeIterator<Item = &Bytes> {
        self.pieces.iter()
    }

    /// All that is left as one piece; copies, unless it is one already.
    pub fn into_bytes(mut self) -> Bytes {
        if self.pieces.len() <= 1 {
            return self.pieces.pop_front().unwrap_or_default();
        }
        let mut whole = BytesMut::with_capacity(self.remaining);
        self.pieces
            .iter()
            .for_each(|piece| whole.extend_from_slice(piece));
        whole.freeze()
    }
}

impl Buf for Rope {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(piece);
            filled += 1;
        }
        filled
    }

    /// # Panics
    ///
    /// If `count` is more than what is left, as the trait demands.
    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.remaining, "advanced past the end of a rope");
        self.remaining -= count;
        while let Some(piece) = self.pieces.front_mut() {
            if count < piece.len() {
                piece.advance(count);
                return;
            }
            count -= piece.len();
            self.pieces.pop_front();
        }
    }
}

/// Shows the length alone: records are large and are the user's.
impl fmt::Debug for Rope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rope({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rope(pieces: &[&'static str]) -> Rope {
        let mut rope = Rope::default();
        pieces
            .iter()
            .for_each(|piece| rope.push(Bytes::from_static(piece.as_bytes())));
        rope
    }

    #[test]
    fn partial_writes_resume_where_they_stopped() {
        let mut rope = rope(&["head", "", "records", "tail"]);
        assert_eq!(rope.len(), 15);
        rope.advance(6);
        assert_eq!((rope.chunk(), rope.len()), (&b"cords"[..], 9));
        rope.advance(5);
        assert_eq!(rope.clone().into_bytes(), "tail");
        rope.advance(4);
        assert!(rope.is_empty() && rope.chunk().is_empty());
    }

    #[test]
    fn vectored_writes_see_every_piece() {
        let rope = rope(&["head", "records", "tail"]);
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(rope.chunks_vectored(&mut slices), 3);
        assert_eq!(&*slices[1], b"records");
        assert_eq!(rope.chunks_vectored(&mut slices[..2]), 2);
    }
}
