//! Values in tables and arrays.

use bytes::{BufMut, BytesMut};

use super::{ArrayView, TableView};
use crate::amqp091::DecodeError;
use crate::amqp091::wire::put_long;

/// A value, which borrows from the table that it is in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// `t`
    Bool(bool),
    /// `b`
    I8(i8),
    /// `B`
    U8(u8),
    /// `s`; in the specification this would be a short string.
    I16(i16),
    /// `u`
    U16(u16),
    /// `I`
    I32(i32),
    /// `i`
    U32(u32),
    /// `l`, and `L`, which in the specification would have no sign.
    I64(i64),
    /// `f`
    F32(f32),
    /// `d`
    F64(f64),
    /// `D`: `value` divided by ten to the power of `scale`.
    Decimal {
        /// Digits behind the point.
        scale: u8,
        /// All the digits.
        value: u32,
    },
    /// `S`: text, usually.
    LongStr(&'a [u8]),
    /// `A`
    Array(ArrayView<'a>),
    /// `T`: seconds since 1970.
    Timestamp(u64),
    /// `F`
    Table(TableView<'a>),
    /// `x`
    Binary(&'a [u8]),
    /// `V`
    Void,
}

/// What RabbitMQ holds to be the same kind of value when arguments are compared: a queue may be declared again
/// with another width of number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeClass {
    /// Numbers without a fraction, and decimals.
    Integer,
    /// `f` and `d`.
    Float,
    /// Every other type is its own.
    Other(&'static str),
}

impl<'a> Value<'a> {
    /// What RabbitMQ calls the type, also in what it says of arguments that it refuses.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::I8(_) => "byte",
            Self::U8(_) => "unsignedbyte",
            Self::I16(_) => "short",
            Self::U16(_) => "unsignedshort",
            Self::I32(_) => "signedint",
            Self::U32(_) => "unsignedint",
            Self::I64(_) => "long",
            Self::F32(_) => "float",
            Self::F64(_) => "double",
            Self::Decimal { .. } => "decimal",
            Self::LongStr(_) => "longstr",
            Self::Array(_) => "array",
            Self::Timestamp(_) => "timestamp",
            Self::Table(_) => "table",
            Self::Binary(_) => "binary",
            Self::Void => "void",
        }
    }

    /// What it can be compared with (`rabbit_misc:type_class/1`).
    pub fn type_class(self) -> TypeClass {
        match self {
            Self::F32(_) | Self::F64(_) => TypeClass::Float,
            Self::Decimal { .. } => TypeClass::Integer,
            value if value.as_i64().is_some() => TypeClass::Integer,
            other => TypeClass::Other(other.type_name()),
        }
    }

    /// The number, if it is one without a fraction, of whatever width.
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::I8(number) => Some(number.into()),
            Self::U8(number) => Some(number.into()),
            Self::I16(number) => Some(number.into()),
            Self::U16(number) => Some(number.into()),
            Self::I32(number) => Some(number.into()),
            Self::U32(number) => Some(number.into()),
            Self::I64(number) => Some(number),
            _ => None,
        }
    }

    /// Whether it says yes or no.
    pub fn as_bool(self) -> Option<bool> {
        match self {
            Self::Bool(bool) => Some(bool),
            _ => None,
        }
    }

    /// The bytes of a long string.
    pub fn as_long_str(self) -> Option<&'a [u8]> {
        match self {
            Self::LongStr(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub fn as_table(self) -> Option<TableView<'a>> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The array, if it is one.
    pub fn as_array(self) -> Option<ArrayView<'a>> {
        match self {
            Self::Array(array) => Some(array),
            _ => None,
        }
    }

    /// Takes a value off the front; tables and arrays are not looked into.
    pub(super) fn read(from: &mut &'a [u8]) -> Result<Self, DecodeError> {
        let [tag] = take(from)?;
        Ok(match tag {
            b't' => {
                let [octet] = take(from)?;
                Self::Bool(octet != 0)
            }
            b'b' => Self::I8(i8::from_be_bytes(take(from)?)),
            b'B' => Self::U8(u8::from_be_bytes(take(from)?)),
            b's' => Self::I16(i16::from_be_bytes(take(from)?)),
            b'u' => Self::U16(u16::from_be_bytes(take(from)?)),
            b'I' => Self::I32(i32::from_be_bytes(take(from)?)),
            b'i' => Self::U32(u32::from_be_bytes(take(from)?)),
            b'l' | b'L' => Self::I64(i64::from_be_bytes(take(from)?)),
            b'f' => Self::F32(f32::from_be_bytes(take(from)?)),
            b'd' => Self::F64(f64::from_be_bytes(take(from)?)),
            b'D' => {
                let [scale] = take(from)?;
                let value = u32::from_be_bytes(take(from)?);
                Self::Decimal { scale, value }
            }
            b'S' => Self::LongStr(take_long(from)?),
            b'A' => Self::Array(ArrayView(take_long(from)?)),
            b'T' => Self::Timestamp(u64::from_be_bytes(take(from)?)),
            b'F' => Self::Table(TableView(take_long(from)?)),
            b'x' => Self::Binary(take_long(from)?),
            b'V' => Self::Void,
            other => return Err(DecodeError::UnknownFieldType(other)),
        })
    }

    pub(super) fn write(self, out: &mut BytesMut) {
        match self {
            Self::Bool(bool) => put(out, b't', &[u8::from(bool)]),
            Self::I8(number) => put(out, b'b', &number.to_be_bytes()),
            Self::U8(number) => put(out, b'B', &number.to_be_bytes()),
            Self::I16(number) => put(out, b's', &number.to_be_bytes()),
            Self::U16(number) => put(out, b'u', &number.to_be_bytes()),
            Self::I32(number) => put(out, b'I', &number.to_be_bytes()),
            Self::U32(number) => put(out, b'i', &number.to_be_bytes()),
            Self::I64(number) => put(out, b'l', &number.to_be_bytes()),
            Self::F32(number) => put(out, b'f', &number.to_be_bytes()),
            Self::F64(number) => put(out, b'd', &number.to_be_bytes()),
            Self::Decimal { scale, value } => {
                put(out, b'D', &[scale]);
                out.put_u32(value);
            }
            Self::LongStr(bytes) => put_tagged_long(out, b'S', bytes),
            Self::Array(array) => put_tagged_long(out, b'A', array.0),
            Self::Timestamp(seconds) => put(out, b'T', &seconds.to_be_bytes()),
            Self::Table(table) => put_tagged_long(out, b'F', table.0),
            Self::Binary(bytes) => put_tagged_long(out, b'x', bytes),
            Self::Void => put(out, b'V', &[]),
        }
    }
}

fn put(out: &mut BytesMut, tag: u8, bytes: &[u8]) {
    out.put_u8(tag);
    out.put_slice(bytes);
}

fn put_tagged_long(out: &mut BytesMut, tag: u8, bytes: &[u8]) {
    out.put_u8(tag);
    put_long(out, bytes);
}

pub(super) fn take<const N: usize>(from: &mut &[u8]) -> Result<[u8; N], DecodeError> {
    let (bytes, rest) = from.split_first_chunk().ok_or(DecodeError::Truncated)?;
    *from = rest;
    Ok(*bytes)
}

pub(super) fn take_slice<'a>(from: &mut &'a [u8], length: usize) -> Result<&'a [u8], DecodeError> {
    let (bytes, rest) = from
        .split_at_checked(length)
        .ok_or(DecodeError::Truncated)?;
    *from = rest;
    Ok(bytes)
}

fn take_long<'a>(from: &mut &'a [u8]) -> Result<&'a [u8], DecodeError> {
    let length = u32::from_be_bytes(take(from)?);
    let length = usize::try_from(length).map_err(|_| DecodeError::Truncated)?;
    take_slice(from, length)
}
