//! A broker whose exchanges and queues have been used.

use bytes::{Bytes, BytesMut};
use forebay_broker::Broker;
use forebay_broker::host::{
    Bind, BodySizes, ConnectionId, DeadLetterTarget, Envelope, ExchangeDefinition, GetMessage,
    Publication, QueueDefinition, Queueing, Settlement, VirtualHost, VirtualHostId, unchanged,
};
use forebay_broker::queue::{HolderId, Outcome, QueueSettings};
use forebay_broker::routing::{Arguments, RouterKind, Value};
use forebay_record::BatchBuilder;

const CONNECTION: ConnectionId = ConnectionId(1);
const QUEUE: Bytes = Bytes::from_static(b"q");
const EXCHANGE: Bytes = Bytes::from_static(b"x");

/// Uses them: one of everything that is journaled.
pub(super) async fn used(broker: &Broker) {
    let host = broker.virtual_host(VirtualHostId::DEFAULT);
    let exchange = ExchangeDefinition {
        name: EXCHANGE,
        kind: RouterKind::Topic,
        kind_name: "topic".into(),
        durable: true,
        auto_delete: false,
        internal: false,
        alternate: Some("y".into()),
        arguments: Arguments::new([("a".into(), Value::Integer(1))]),
    };
    let declared = host.declare_exchange(exchange).await;
    declared.expect("it is new");
    let settings = QueueSettings {
        dead_letter: true,
        max_priority: 2,
        ..QueueSettings::default()
    };
    let queue = QueueDefinition {
        name: QUEUE,
        durable: true,
        exclusive: None,
        settings,
        dead_letter: Some(DeadLetterTarget {
            exchange: EXCHANGE,
            routing_key: Some("dead".into()),
        }),
        arguments: Arguments::new([("b".into(), Value::Bytes("c".into()))]),
    };
    let declared = host.declare_queue(queue, CONNECTION).await;
    declared.expect("it is new");
    for key in ["k.#", "dead", "gone"] {
        let bound = host.bind(binding(key)).await;
        bound.expect("both are there");
    }
    let unbound = host.unbind(binding("gone")).await;
    unbound.expect("it is there");
    let messages = (0..6).map(|number| publication("k.1", number)).collect();
    for published in host.publish(messages).await {
        published.expect("there is room");
    }
    let outcomes = [
        Outcome::Ack,
        Outcome::Reject,
        Outcome::Nack { delay_ms: Some(50) },
        Outcome::Fail { delay_ms: None },
    ];
    for outcome in outcomes {
        settle_one(&host, outcome).await;
    }
    let purged = host.purge_queue(QUEUE, CONNECTION).await;
    purged.expect("it is there");
    let last = host.publish(vec![publication("k.2", 1)]).await;
    last.into_iter().for_each(|published| {
        published.expect("there is room");
    });
}

async fn settle_one(host: &VirtualHost, outcome: Outcome) {
    let get = GetMessage {
        queue: QUEUE,
        holder: HolderId(host.broker().next_id()),
        auto_ack: false,
        connection: CONNECTION,
    };
    let got = host.get_message(get).await.expect("it is there");
    let Some(delivery) = got.map(|got| got.delivery) else {
        return;
    };
    let first = delivery.number.expect("it is not settled yet");
    let settled = host.broker().settle_durably(vec![Settlement {
        holder: delivery.holder,
        numbers: first..first + 1,
        outcome,
    }]);
    settled.await.expect("it is held");
}

fn binding(key: &'static str) -> Bind {
    Bind {
        source: EXCHANGE,
        destination: QUEUE,
        to_exchange: false,
        key: key.into(),
        arguments: Arguments::default(),
        connection: CONNECTION,
    }
}

fn publication(key: &'static str, number: u8) -> Publication {
    let mut builder = BatchBuilder::new();
    let added = builder.add(1_700_000_000_000, None, Some(&[number]), &[]);
    let batch = added.and_then(|()| builder.build());
    Publication {
        envelope: Envelope {
            exchange: EXCHANGE,
            routing_keys: vec![key.into()],
            headers: None,
        },
        batch: BytesMut::from(&batch.expect("it is small")[..]),
        bodies: BodySizes::of(&[number]),
        priority: number % 3,
        ttl_ms: (number % 2 == 1).then_some(1_000),
        for_topics: unchanged,
        queueing: Queueing::default(),
    }
}
