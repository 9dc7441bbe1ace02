//! The content of a simulated file. Copies share what they have in common, so that a simulation that
//! crashes at every step does not copy the whole disk each time.

use std::sync::Arc;

const PAGE_BYTES: usize = 4096;

/// Bytes of a fixed length, zeros at first.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    length: usize,
    /// None is a page of zeros.
    pages: Vec<Option<Arc<[u8; PAGE_BYTES]>>>,
}

impl Pages {
    pub(super) fn zeros(length: usize) -> Self {
        Self {
            length,
            pages: vec![None; length.div_ceil(PAGE_BYTES)],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
        self.pages.truncate(self.length.div_ceil(PAGE_BYTES));
    }

    /// Panics beyond the end: a journal never writes there.
    pub(super) fn write(&mut self, mut at: usize, mut bytes: &[u8]) {
        assert!(at + bytes.len() <= self.length, "a write beyond the end");
        while !bytes.is_empty() {
            let start = at % PAGE_BYTES;
            let (piece, rest) = bytes.split_at(bytes.len().min(PAGE_BYTES - start));
            let page = self.pages[at / PAGE_BYTES].get_or_insert_with(|| Arc::new([0; PAGE_BYTES]));
            Arc::make_mut(page)[start..start + piece.len()].copy_from_slice(piece);
            at += piece.len();
            bytes = rest;
        }
    }

    /// False when the bytes asked for end beyond the end.
    pub(super) fn read(&self, mut at: usize, mut buffer: &mut [u8]) -> bool {
        if at + buffer.len() > self.length {
            return false;
        }
        while !buffer.is_empty() {
            let start = at % PAGE_BYTES;
            let length = buffer.len().min(PAGE_BYTES - start);
            let (piece, rest) = buffer.split_at_mut(length);
            match &self.pages[at / PAGE_BYTES] {
                Some(page) => piece.copy_from_slice(&page[start..start + length]),
                None => piece.fill(0),
            }
            at += length;
            buffer = rest;
        }
        true
    }

    pub(super) fn flip(&mut self, at: usize, bit: u8) {
        let mut byte = [0];
        self.read(at, &mut byte);
        self.write(at, &[byte[0] ^ (1 << bit)]);
    }
}
