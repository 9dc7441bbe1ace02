//! A producer as clients have them: several batches on their way at once, sent again until they are
//! answered if it is idempotent, across all lives of the broker.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use forebay_broker::topic::Topic;
use forebay_broker::{Append, AppendError, AppendedBatch, ProducerIdentity};
use forebay_record::ProducerStamp;
use parking_lot::Mutex;

use super::any_partition;
use crate::context::Context;
use crate::ledger::{Kind, Place, Sent, Span};
use crate::records::{Value, batch};
use crate::schedule::Down;

/// What librdkafka and the Java client allow on their way at once with idempotence.
const IN_FLIGHT_MAX: usize = 5;
const KEYS: u64 = 12;

/// A producer's state. It outlives the broker's lives, as a client does.
#[derive(Debug)]
pub struct Producer {
    number: u32,
    idempotent: bool,
    identity: Option<ProducerIdentity>,
    lanes: BTreeMap<Place, Lane>,
}

/// What goes to one partition.
#[derive(Debug, Default)]
struct Lane {
    next_sequence: i32,
    pending: VecDeque<Pending>,
}

/// A batch that is not answered.
#[derive(Clone, Debug)]
struct Pending {
    bytes: BytesMut,
    values: Vec<u64>,
    attempts: u32,
}

type Appended = Result<AppendedBatch, AppendError>;

impl Producer {
    /// A producer that has sent nothing.
    pub fn new(number: u32, idempotent: bool) -> Self {
        Self {
            number,
            idempotent,
            identity: None,
            lanes: BTreeMap::new(),
        }
    }
}

/// Produces for one life of the broker.
pub fn produce(mut cx: Context, producer: &Mutex<Producer>) -> Result<(), Down> {
    let mut producer = producer.lock();
    for _ in 0..cx.plan.acts {
        producer.act(&mut cx)?;
        cx.rest_between_acts()?;
    }
    // What is on its way is seen through.
    for place in producer.lanes.keys().copied().collect::<Vec<_>>() {
        for _ in 0..20 {
            let lane = producer.lanes.get(&place);
            if lane.is_none_or(|lane| lane.pending.is_empty()) {
                break;
            }
            producer.send(&mut cx, place)?;
            cx.schedule.sleep(Duration::from_millis(300))?;
        }
    }
    Ok(())
}

impl Producer {
    fn act(&mut self, cx: &mut Context) -> Result<(), Down> {
        if self.idempotent && self.identity.is_none() {
            self.identify(cx)?;
        }
        let Some((_, place, _)) = any_partition(cx) else {
            return Ok(());
        };
        let room = IN_FLIGHT_MAX - self.lanes.entry(place).or_default().pending.len();
        for _ in 0..cx.random.between(1, 5).min(room as u64) {
            self.prepare(cx, place);
        }
        self.send(cx, place)
    }

    fn identify(&mut self, cx: &Context) -> Result<(), Down> {
        if let Ok(identity) = cx.ask(cx.broker.init_producer())? {
            let new = cx.ledger.lock().producer_ids.insert(identity.id);
            assert!(new, "producer id {} was given out twice", identity.id);
            self.identity = Some(identity);
        }
        Ok(())
    }

    /// Makes a batch of new values.
    fn prepare(&mut self, cx: &mut Context, place: Place) {
        let lane = self.lanes.entry(place).or_default();
        let timestamp = cx.wall_ms();
        let count = cx.random.between(1, cx.plan.records_most);
        let mut values = Vec::new();
        for _ in 0..count {
            let key = cx.random.below(KEYS);
            let number = cx.ledger.lock().number();
            let sent = Sent {
                producer: self.number,
                key,
                timestamp,
                refused: false,
                acknowledged: None,
                span: Span {
                    invoked: cx.micros(),
                    completed: u64::MAX,
                },
            };
            cx.ledger.lock().sent(place, number, sent);
            values.push(Value {
                number,
                key,
                timestamp,
            });
        }
        let stamp = self.identity.map(|identity| ProducerStamp {
            id: identity.id,
            epoch: identity.epoch,
            base_sequence: lane.next_sequence,
        });
        lane.next_sequence += count as i32;
        let largest = cx.plan.value_bytes / count;
        let padding = cx.random.below(largest + 1);
        let bytes = batch(&values, stamp, padding, &mut cx.random);
        lane.pending.push_back(Pending {
            bytes,
            values: values.iter().map(|value| value.number).collect(),
            attempts: 0,
        });
    }

    /// Sends what is pending, all at once and in order, and takes the answers.
    fn send(&mut self, cx: &mut Context, place: Place) -> Result<(), Down> {
        let Some(topic) = cx.broker.catalog().get_by_id(place.0) else {
            self.lanes.remove(&place);
            return Ok(());
        };
        let kind = cx.ledger.lock().topics[&place.0].kind;
        let lane = self.lanes.entry(place).or_default();
        if !self.idempotent {
            // Nobody sends again what carries no number.
            lane.pending.retain(|pending| pending.attempts == 0);
        }
        let answers: Vec<_> = lane
            .pending
            .iter_mut()
            .map(|pending| {
                pending.attempts += 1;
                cx.schedule.note("send", &pending.values);
                let append = Append {
                    topic: Arc::clone(&topic),
                    partition: place.1,
                    batch: pending.bytes.clone(),
                };
                cx.broker.append(vec![append])
            })
            .collect();
        cx.schedule.wake(cx.shard);
        let mut later = VecDeque::new();
        let mut failed = None;
        for answer in answers {
            let mut results = cx.ask(answer)?;
            let result = results.pop().expect("one result for one batch");
            let Some(pending) = self
                .lanes
                .get_mut(&place)
                .and_then(|l| l.pending.pop_front())
            else {
                continue;
            };
            if let Some((pending, error)) = self.settle(cx, &topic, (place, kind), pending, result)
            {
                failed.get_or_insert(error);
                later.push_back(pending);
            }
        }
        let lane = self.lanes.entry(place).or_default();
        later.append(&mut lane.pending);
        lane.pending = later;
        match failed {
            None | Some(AppendError::StorageFull | AppendError::Failed) => {}
            Some(AppendError::OutOfOrder) => self.start_over(kind),
            Some(AppendError::UnknownPartition) => drop(self.lanes.remove(&place)),
            Some(error) => panic!("{place:?}: {error}"),
        }
        Ok(())
    }

    /// Takes an answer; gives the batch back if it is to be sent again.
    fn settle(
        &self,
        cx: &mut Context,
        topic: &Topic,
        (place, kind): (Place, Kind),
        pending: Pending,
        result: Appended,
    ) -> Option<(Pending, AppendError)> {
        match result {
            Ok(appended) => {
                let base = appended.base_offset;
                cx.schedule.note("acknowledged", &[base]);
                let next = base + pending.values.len() as u64;
                let reader = &topic.partitions[place.1 as usize];
                let shown = reader.end_offset() >= next || reader.is_deleted();
                // At durability `memory` an answer says only that the broker has it.
                assert!(
                    shown || kind == Kind::Memory,
                    "{place:?}: acknowledged before it can be read"
                );
                let now = cx.micros();
                let mut ledger = cx.ledger.lock();
                ledger.acknowledged(place, &pending.values, base, now);
                None
            }
            Err(error) => {
                let surely = !matches!(error, AppendError::Failed) && pending.attempts == 1;
                if !self.idempotent && surely {
                    let now = cx.micros();
                    cx.ledger.lock().refused(place, &pending.values, now);
                } else {
                    cx.ledger.lock().counts.unknown += pending.values.len() as u64;
                }
                Some((pending, error))
            }
        }
    }

    /// The broker does not know the batches before: only where they could be lost.
    fn start_over(&mut self, kind: Kind) {
        let may_lose = matches!(kind, Kind::Os | Kind::Memory);
        assert!(
            may_lose,
            "the first batch of producer {} that is not acknowledged does not follow the last that is",
            self.number
        );
        self.identity = None;
        self.lanes.clear();
    }
}
