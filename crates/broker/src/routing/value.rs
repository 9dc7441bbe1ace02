//! Values of headers and arguments, as far as routing compares them.

use std::hash::{Hash, Hasher};

use bytes::Bytes;

/// A value. Two are equal if RabbitMQ finds them so: numbers by what they are, whatever their width, and
/// strings by their bytes.
#[derive(Clone, Copy, Debug)]
pub enum Value<B = Bytes> {
    /// Nothing; in an argument it stands for anything at all.
    Void,
    /// Yes or no.
    Bool(bool),
    /// A whole number, also a timestamp. Wide enough for those with a sign and those without.
    Integer(i128),
    /// A number that need not be whole; it equals itself only.
    Float(f64),
    /// `value` divided by ten to the power of `scale`.
    Decimal {
        /// Digits behind the point.
        scale: u8,
        /// All the digits.
        value: u32,
    },
    /// Text, or other bytes.
    Bytes(B),
    /// A table or an array in the form of its protocol: equal if its bytes are.
    Nested(B),
}

/// A value in borrowed bytes.
pub type ValueRef<'a> = Value<&'a [u8]>;

impl<B: AsRef<[u8]>> Value<B> {
    /// The same, borrowed.
    pub fn view(&self) -> ValueRef<'_> {
        match self {
            Self::Void => Value::Void,
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Integer(number) => Value::Integer(*number),
            Self::Float(number) => Value::Float(*number),
            Self::Decimal { scale, value } => Value::Decimal {
                scale: *scale,
                value: *value,
            },
            Self::Bytes(bytes) => Value::Bytes(bytes.as_ref()),
            Self::Nested(bytes) => Value::Nested(bytes.as_ref()),
        }
    }

    /// The same, in memory of its own.
    pub fn detached(&self) -> Value {
        match self.view() {
            Value::Void => Value::Void,
            Value::Bool(bool) => Value::Bool(bool),
            Value::Integer(number) => Value::Integer(number),
            Value::Float(number) => Value::Float(number),
            Value::Decimal { scale, value } => Value::Decimal { scale, value },
            Value::Bytes(bytes) => Value::Bytes(Bytes::copy_from_slice(bytes)),
            Value::Nested(bytes) => Value::Nested(Bytes::copy_from_slice(bytes)),
        }
    }
}

impl<A: AsRef<[u8]>, B: AsRef<[u8]>> PartialEq<Value<B>> for Value<A> {
    fn eq(&self, other: &Value<B>) -> bool {
        match (self.view(), other.view()) {
            (Value::Void, Value::Void) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Integer(a), Value::Integer(b)) => a == b,
            // Bit by bit, so that everything equals itself.
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::Decimal { scale, value }, Value::Decimal { scale: s, value: v }) => {
                (scale, value) == (s, v)
            }
            (Value::Bytes(a), Value::Bytes(b)) | (Value::Nested(a), Value::Nested(b)) => a == b,
            _ => false,
        }
    }
}

impl<B: AsRef<[u8]>> Eq for Value<B> {}

impl<B: AsRef<[u8]>> Hash for Value<B> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let value = self.view();
        std::mem::discriminant(&value).hash(state);
        match value {
            Value::Void => {}
            Value::Bool(bool) => bool.hash(state),
            Value::Integer(number) => number.hash(state),
            Value::Float(number) => number.to_bits().hash(state),
            Value::Decimal { scale, value } => (scale, value).hash(state),
            Value::Bytes(bytes) | Value::Nested(bytes) => bytes.hash(state),
        }
    }
}
