//! Made-up methods, tables and properties, from a seed, with a liking for the edges.

use bytes::{Bytes, BytesMut};
use forebay_rabbit::amqp091::ShortStr;
use forebay_rabbit::amqp091::method::{
    Method, access, basic, channel, confirm, connection, exchange, queue, tx,
};
use forebay_rabbit::amqp091::properties::{Properties, PropertyList};
use forebay_rabbit::amqp091::table::{ArrayBuilder, Table, TableBuilder, Value};

use super::methods::for_each_method;

/// How deep made-up tables are nested.
const DEPTH_MAX: usize = 3;

/// A stream of made-up values (SplitMix64).
pub(crate) struct Source {
    state: u64,
}

impl Source {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) fn u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.u64() % end as u64) as usize
    }

    /// Any number, but the first and the last ones more often.
    fn edgy(&mut self) -> u64 {
        match self.below(4) {
            0 => 0,
            1 => u64::MAX,
            2 => self.u64() % 1000,
            _ => self.u64(),
        }
    }

    fn text(&mut self) -> String {
        let length = match self.below(16) {
            0 => 80,
            _ => self.below(12),
        };
        let letters = ['a', 'Z', '.', '#', 'é', '水'];
        (0..length).map(|_| letters[self.below(6)]).collect()
    }

    /// A table whose names are in order and differ, so that the oracle can have the same one.
    fn table(&mut self, depth: usize) -> TableBuilder {
        let mut table = TableBuilder::new();
        for n in 0..self.below(5) {
            let name = format!("{n}{}", self.text());
            self.with_value(depth, &mut |value| {
                let put = table.try_put(name.as_bytes(), value);
                put.expect("made-up names are short");
            });
        }
        table
    }

    fn with_value(&mut self, depth: usize, take: &mut dyn FnMut(Value<'_>)) {
        let number = self.edgy();
        let text = self.text();
        match self.below(if depth > 0 { 17 } else { 15 }) {
            0 => take(Value::Bool(number & 1 == 1)),
            1 => take(Value::I8(number as i8)),
            2 => take(Value::U8(number as u8)),
            3 => take(Value::I16(number as i16)),
            4 => take(Value::U16(number as u16)),
            5 => take(Value::I32(number as i32)),
            6 => take(Value::U32(number as u32)),
            7 => take(Value::I64(number as i64)),
            // From whole numbers, so that they equal themselves.
            8 => take(Value::F32(number as i32 as f32)),
            9 => take(Value::F64(number as i64 as f64)),
            10 => take(Value::Decimal {
                scale: number as u8,
                value: number as u32,
            }),
            11 => take(Value::LongStr(text.as_bytes())),
            12 => take(Value::Timestamp(number)),
            13 => take(Value::Binary(&number.to_be_bytes())),
            14 => take(Value::Void),
            15 => take(Value::Table(self.table(depth - 1).view())),
            _ => {
                let mut array = ArrayBuilder::new();
                for _ in 0..self.below(4) {
                    self.with_value(depth - 1, &mut |value| {
                        array.push(value);
                    });
                }
                take(Value::Array(array.view()));
            }
        }
    }
}

/// Something that can be made up.
pub(crate) trait MakeUp: Sized {
    fn make_up(source: &mut Source) -> Self;
}

macro_rules! numbers {
    ($($type:ty)*) => {
        $(impl MakeUp for $type {
            fn make_up(source: &mut Source) -> Self {
                source.edgy() as Self
            }
        })*
    };
}

numbers! { u8 u16 u32 u64 }

impl MakeUp for bool {
    fn make_up(source: &mut Source) -> Self {
        source.u64() & 1 == 1
    }
}

impl MakeUp for ShortStr {
    fn make_up(source: &mut Source) -> Self {
        Self::truncated(source.text())
    }
}

impl MakeUp for Bytes {
    fn make_up(source: &mut Source) -> Self {
        source.text().into()
    }
}

impl MakeUp for Table {
    fn make_up(source: &mut Source) -> Self {
        source.table(DEPTH_MAX).build()
    }
}

impl<T: MakeUp> MakeUp for Option<T> {
    fn make_up(source: &mut Source) -> Self {
        bool::make_up(source).then(|| T::make_up(source))
    }
}

impl MakeUp for PropertyList {
    fn make_up(source: &mut Source) -> Self {
        macro_rules! each {
            ($($name:ident)*) => {
                Self { $($name: MakeUp::make_up(source),)* }
            };
        }
        each!(content_type content_encoding headers delivery_mode priority correlation_id reply_to
            expiration message_id timestamp kind user_id app_id cluster_id)
    }
}

impl MakeUp for Properties {
    fn make_up(source: &mut Source) -> Self {
        PropertyList::make_up(source).encode()
    }
}

macro_rules! make_up_each {
    ($($module:ident $class:ident $name:ident {
        $($field:ident)*
    } $(+ { $($hidden:ident)* })?)*) => {
        /// Makes up one of each method.
        pub(crate) const METHODS: &[fn(&mut Source) -> Method] = &[$(
            |_source| Method::from($module::$name {
                $($field: MakeUp::make_up(_source),)*
                $($($hidden: MakeUp::make_up(_source),)*)?
            }),
        )*];
    };
}

for_each_method!(make_up_each);

/// A frame with a method.
pub(crate) fn method_frame(method: &Method) -> BytesMut {
    let mut frame = BytesMut::new();
    forebay_rabbit::amqp091::frame::write_method(&mut frame, 7, method);
    frame
}
