//! Messages that say which they are, and reading them back.

use forebay_broker::host::{Deaths, Envelope, Publication, Queueing, Run, header, unchanged};
use forebay_broker::queue::Delivery;
use forebay_broker::storage::{LogReader, ReadError};
use forebay_record::{Batches, RecordHeader, Records};

use crate::ledger::Sighting;
use crate::random::Random;

const READ_BYTES: usize = 256 << 10;

/// Messages with numbers, each padded with `padding` bytes at most, in one batch.
pub(crate) fn messages(
    numbers: &[u64],
    (exchange, key): (&'static str, &'static str),
    now_ms: i64,
    padding: u64,
    random: &mut Random,
) -> Publication {
    let mut body = |number: &u64| {
        let mut body = vec![0; 8 + random.below(padding + 1) as usize];
        random.fill(&mut body);
        body[..8].copy_from_slice(&number.to_le_bytes());
        body
    };
    let headers = [
        RecordHeader::new(header::EXCHANGE, exchange.as_bytes()),
        RecordHeader::new(header::ROUTING_KEY, key.as_bytes()),
    ];
    let (first, others) = numbers.split_first().expect("a message");
    let run = Run::begin(0, now_ms, &body(first), &headers);
    let mut run = run.expect("a record that is within the limits");
    for number in others {
        let added = run.add(now_ms, &body(number), &headers);
        added.expect("a record that is within the limits");
    }
    let (batch, bodies) = run.finish();
    Publication {
        envelope: Envelope {
            exchange: exchange.into(),
            routing_keys: vec![key.into()],
            headers: None,
        },
        batch,
        bodies,
        priority: 0,
        ttl_ms: None,
        for_topics: unchanged,
        queueing: Queueing::default(),
    }
}

/// The messages that were delivered, in order.
pub(crate) fn delivered(log: &LogReader, delivery: &Delivery) -> Result<Vec<Sighting>, ReadError> {
    let mut seen = Vec::new();
    let (mut at, end) = (delivery.offset, delivery.offset + delivery.count);
    while at < end {
        let batches = log.read(at, READ_BYTES, true)?.run()?;
        assert!(
            batches.next > at,
            "{at} was delivered and cannot be read yet"
        );
        for part in &batches.parts {
            for batch in Batches::new(part) {
                let batch = batch.expect("whole batches");
                let count = batch.header().record_count as usize;
                for record in Records::new(batch.payload(), count) {
                    let record = record.expect("a whole record");
                    let offset = batch.header().offset_of(&record) as u64;
                    if (at..end).contains(&offset) {
                        seen.push(sighting(offset, delivery, &record));
                    }
                }
            }
        }
        at = batches.next;
    }
    assert_eq!(seen.len() as u64, delivery.count, "{delivery:?}");
    Ok(seen)
}

fn sighting(offset: u64, delivery: &Delivery, record: &forebay_record::Record<'_>) -> Sighting {
    let mut headers = record.headers.map(|header| header.expect("a whole header"));
    let deaths = headers.find(|header| header.key == header::DEATHS.as_bytes());
    let deaths = deaths.and_then(|header| header.value).map(Deaths::decode);
    let body = record.value.expect("a body");
    let number = body[..8].try_into().map(u64::from_le_bytes);
    Sighting {
        number: number.expect("eight bytes"),
        offset,
        returns: delivery.mark.deliveries,
        deaths: deaths
            .transpose()
            .expect("a history of deaths that can be read")
            .unwrap_or_default(),
    }
}
