//! From the bytes of a produce request to a batch that is known to be whole.

use std::hint::black_box;

use forebay_kafka::protocol::generated::ProduceRequest;
use forebay_kafka::protocol::{Records, api};
use forebay_record::Batch;

use super::request;

pub(super) fn batch(turns: u64) {
    decode(turns, request::BATCH_RECORDS);
}

pub(super) fn one(turns: u64) {
    decode(turns, 1);
}

fn decode(turns: u64, records: usize) {
    let frame = request::produce(records);
    for _ in 0..turns {
        // What follows the length.
        let head = api::decode_request_header(black_box(&frame[4..]));
        let head = head.expect("the header is in order");
        let request: ProduceRequest<'_> = head.decode_body().expect("the body is in order");
        for partition in request
            .topic_data
            .iter()
            .flat_map(|topic| &topic.partition_data)
        {
            let Some(Records::Borrowed(bytes)) = &partition.records else {
                panic!("the records lie in the frame");
            };
            let batch = Batch::only(bytes).expect("one batch");
            batch.validate_produced().expect("the batch is in order");
            black_box(batch.header());
        }
    }
}
