//! Taking what a program is made of off the front of an input. There is always something: behind the
//! end come zeros.

use forebay_storage::limits::NUMBER_MAX;

/// The bytes that are left.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn u8(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.u8())
    }

    /// A number: small ones and the edges are one byte, all others are written out behind one.
    pub(crate) fn number(&mut self) -> u64 {
        match self.u8() {
            0xe0 => u16::from_le_bytes(self.array()).into(),
            0xe1 => u32::from_le_bytes(self.array()).into(),
            // Just below the largest number that an engine believes it could not count on.
            0xe2 => match u64::from_le_bytes(self.array()) {
                near if near.abs_diff(NUMBER_MAX) < 1 << 32 => 1 << 61,
                number => number,
            },
            0xe3 => 4096,
            0xe4 => 1 << 20,
            0xe5 => i32::MAX as u64,
            0xe6 => u32::MAX.into(),
            0xe7 => 1 << 32,
            0xe8 => i64::MAX as u64 - 1,
            0xe9 => i64::MAX as u64,
            0xea => 1 << 63,
            0xeb => u64::MAX - 1,
            0xec => u64::MAX,
            small => small.into(),
        }
    }

    /// Bytes behind a length of one byte.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.u8()).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    /// Changes some of a structure's fields, given in order: usually none.
    pub(crate) fn bend<const N: usize>(&mut self, fields: [&mut u64; N]) {
        for _ in 0..self.u8() % 4 {
            let which = usize::from(self.u8()) % N;
            let how = self.u8();
            let number = self.number();
            let field = &mut *fields[which];
            *field = match how % 3 {
                0 => number,
                1 => field.wrapping_add(number),
                _ => field.wrapping_sub(number),
            };
        }
    }
}
