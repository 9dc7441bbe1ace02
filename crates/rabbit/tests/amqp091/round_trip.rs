//! What is written is read as it was, including what the oracle cannot express.

use bytes::Bytes;
use forebay_rabbit::amqp091::ShortStr;
use forebay_rabbit::amqp091::frame::FrameDecoder;
use forebay_rabbit::amqp091::method::{Method, basic};
use forebay_rabbit::amqp091::table::Table;
use forebay_rabbit::limits::FRAME_BYTES_MAX;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::made_up::{METHODS, MakeUp, Source, method_frame};

fn read_back(method: &Method) -> Method {
    let mut frame = method_frame(method);
    let frame = FrameDecoder::new(FRAME_BYTES_MAX).decode(&mut frame);
    Method::decode(&frame.unwrap().unwrap().payload).unwrap()
}

proptest! {
    #[test]
    fn methods_are_read_as_they_were_written(seed: u64) {
        for make_up in METHODS {
            let method = make_up(&mut Source::new(seed));
            prop_assert_eq!(read_back(&method), method);
        }
    }

    #[test]
    fn routing_keys_may_be_any_bytes(key in vec(any::<u8>(), 0..=255)) {
        let routing_key = ShortStr::try_from(Bytes::from(key)).unwrap();
        let method = Method::from(basic::Publish { routing_key, ..Default::default() });
        prop_assert_eq!(read_back(&method), method);
    }

    #[test]
    fn tables_keep_order_and_duplicates(seeds in vec(any::<u64>(), 0..4)) {
        // The same names come up in each.
        let tables: Vec<_> = seeds.iter().map(|seed| Table::make_up(&mut Source::new(*seed))).collect();
        let bytes: Vec<u8> = tables.iter().flat_map(|table| table.as_bytes().to_vec()).collect();
        let together = Table::parse(bytes.clone().into()).unwrap();
        let entries: Vec<_> = together.entries().map(|entry| (entry.name, entry.value)).collect();
        let apart = tables.iter().flat_map(|table| table.entries());
        let apart: Vec<_> = apart.map(|entry| (entry.name, entry.value)).collect();
        prop_assert_eq!(entries, apart);
        prop_assert_eq!(together.as_bytes(), &bytes);
    }
}
