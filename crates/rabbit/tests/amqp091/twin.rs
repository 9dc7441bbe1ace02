//! The same in the oracle's types.

use amq_protocol::frame::{AMQPFrame, WriteContext, gen_frame};
use amq_protocol::types::{
    AMQPValue, ByteArray, DecimalValue, FieldArray, FieldTable, LongString, ShortString,
};
use bytes::Bytes;
use forebay_rabbit::amqp091::ShortStr;
use forebay_rabbit::amqp091::table::{Table, TableView, Value};

/// Something that the oracle has too.
pub(crate) trait Twin {
    type Theirs;

    fn theirs(&self) -> Self::Theirs;
}

macro_rules! same {
    ($($type:ty)*) => {
        $(impl Twin for $type {
            type Theirs = Self;

            fn theirs(&self) -> Self {
                *self
            }
        })*
    };
}

same! { bool u8 u16 u32 u64 }

impl Twin for ShortStr {
    type Theirs = ShortString;

    fn theirs(&self) -> ShortString {
        self.to_str().unwrap().into()
    }
}

impl Twin for Bytes {
    type Theirs = LongString;

    fn theirs(&self) -> LongString {
        self.to_vec().into()
    }
}

impl Twin for Table {
    type Theirs = FieldTable;

    fn theirs(&self) -> FieldTable {
        table(self.view())
    }
}

impl<T: Twin> Twin for Option<T> {
    type Theirs = Option<T::Theirs>;

    fn theirs(&self) -> Option<T::Theirs> {
        self.as_ref().map(T::theirs)
    }
}

fn table(ours: TableView<'_>) -> FieldTable {
    let mut theirs = FieldTable::default();
    for entry in ours.entries() {
        let name = std::str::from_utf8(entry.name).unwrap();
        theirs.insert(name.into(), value(entry.value));
    }
    theirs
}

fn value(ours: Value<'_>) -> AMQPValue {
    match ours {
        Value::Bool(bool) => AMQPValue::Boolean(bool),
        Value::I8(number) => AMQPValue::ShortShortInt(number),
        Value::U8(number) => AMQPValue::ShortShortUInt(number),
        Value::I16(number) => AMQPValue::ShortInt(number),
        Value::U16(number) => AMQPValue::ShortUInt(number),
        Value::I32(number) => AMQPValue::LongInt(number),
        Value::U32(number) => AMQPValue::LongUInt(number),
        Value::I64(number) => AMQPValue::LongLongInt(number),
        Value::F32(number) => AMQPValue::Float(number),
        Value::F64(number) => AMQPValue::Double(number),
        Value::Decimal { scale, value } => AMQPValue::DecimalValue(DecimalValue { scale, value }),
        Value::LongStr(bytes) => AMQPValue::LongString(bytes.into()),
        Value::Array(array) => {
            let values: Vec<_> = array.values().map(value).collect();
            AMQPValue::FieldArray(FieldArray::from(values))
        }
        Value::Timestamp(seconds) => AMQPValue::Timestamp(seconds),
        Value::Table(nested) => AMQPValue::FieldTable(table(nested)),
        Value::Binary(bytes) => AMQPValue::ByteArray(ByteArray::from(bytes)),
        Value::Void => AMQPValue::Void,
    }
}

/// A frame as the oracle writes it.
pub(crate) fn their_frame(frame: &AMQPFrame) -> Vec<u8> {
    let context = WriteContext::from(Vec::new());
    let (bytes, _) = gen_frame(frame)(context).unwrap().into_inner();
    bytes
}
