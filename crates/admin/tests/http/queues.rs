//! Queues and their messages through the API.

use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use forebay_broker::host::{
    BodySizes, ConnectionId, DeadLetterTarget, Envelope, GetMessage, Publication, QueueDefinition,
    Queueing, Settlement, VirtualHostId, header, unchanged,
};
use forebay_broker::queue::{HolderId, Outcome, QueueSettings};
use forebay_broker::routing::Arguments;
use forebay_record::{BatchBuilder, RecordHeader};
use serde_json::json;

use crate::harness::Harness;

const ME: ConnectionId = ConnectionId(1);

impl Harness {
    async fn declare(&self, name: &'static str, dead_letters_to: Option<&'static str>) {
        let definition = QueueDefinition {
            name: name.into(),
            durable: true,
            exclusive: None,
            settings: QueueSettings {
                dead_letter: dead_letters_to.is_some(),
                ..QueueSettings::default()
            },
            dead_letter: dead_letters_to.map(|to| DeadLetterTarget {
                exchange: Bytes::new(),
                routing_key: Some(to.into()),
            }),
            arguments: Arguments::default(),
        };
        let host = self.broker.virtual_host(VirtualHostId::DEFAULT);
        host.declare_queue(definition, ME).await.unwrap();
    }

    async fn publish(&self, queue: &'static str, body: &[u8]) {
        let mut builder = BatchBuilder::new();
        let headers = [
            RecordHeader::new(header::EXCHANGE, b""),
            RecordHeader::new(header::ROUTING_KEY, queue.as_bytes()),
        ];
        builder
            .add(1_700_000_000_000, None, Some(body), &headers)
            .unwrap();
        let publication = Publication {
            envelope: Envelope {
                exchange: Bytes::new(),
                routing_keys: vec![queue.into()],
                headers: None,
            },
            batch: BytesMut::from(&builder.build().unwrap()[..]),
            bodies: BodySizes::of(body),
            priority: 0,
            ttl_ms: None,
            for_topics: unchanged,
            queueing: Queueing::default(),
        };
        let host = self.broker.virtual_host(VirtualHostId::DEFAULT);
        host.publish(vec![publication]).await.remove(0).unwrap();
    }

    /// Takes a message: who has it, and under which number.
    async fn take(&self, queue: &'static str) -> (HolderId, u64) {
        let host = self.broker.virtual_host(VirtualHostId::DEFAULT);
        let get = GetMessage {
            queue: queue.into(),
            holder: HolderId(self.broker.next_id()),
            auto_ack: false,
            connection: ME,
        };
        let got = host.get_message(get).await.unwrap().unwrap();
        (got.delivery.holder, got.delivery.number.unwrap())
    }

    async fn reject(&self, queue: &'static str) {
        let (holder, number) = self.take(queue).await;
        let settlement = Settlement {
            holder,
            numbers: number..number + 1,
            outcome: Outcome::Reject,
        };
        self.broker.settle_durably(vec![settlement]).await.unwrap();
    }
}

/// Messages that died in `work` and are in `dead`.
async fn with_dead(bodies: &[&[u8]]) -> Harness {
    let harness = Harness::new();
    harness.declare("dead", None).await;
    harness.declare("work", Some("dead")).await;
    for body in bodies {
        harness.publish("work", body).await;
        harness.reject("work").await;
    }
    harness
}

#[tokio::test]
async fn what_a_queue_holds_is_counted_in_messages_and_bytes() {
    let harness = Harness::new();
    harness.declare("work", None).await;
    harness.publish("work", b"four").await;
    harness.publish("work", b"seventy").await;
    harness.take("work").await;
    let queue = harness.get("/api/v1/queues/work").await.json();
    let held = [
        "ready",
        "ready_bytes",
        "locked",
        "locked_bytes",
        "delayed",
        "delayed_bytes",
    ];
    let held = held.map(|field| queue[field].as_u64().unwrap());
    assert_eq!(held, [1, 7, 1, 4, 0, 0]);
}

#[tokio::test]
async fn queues_are_listed_in_pieces_and_those_of_the_dead_by_themselves() {
    let harness = with_dead(&[b"a"]).await;
    let first = harness.get("/api/v1/queues?limit=1").await.json();
    assert_eq!(first["queues"][0]["name"], "dead");
    assert_eq!(first["queues"][0]["ready"], 1);
    assert_eq!(first["next"], "dead");
    let second = harness
        .get("/api/v1/queues?limit=1&after=dead")
        .await
        .json();
    assert_eq!(second["queues"][0]["name"], "work");
    assert_eq!(second["queues"][0]["dead_letter"]["routing_key"], "dead");
    assert_eq!(second["next"], json!(null));
    let dead = harness.get("/api/v1/queues?dead_letters=true").await.json();
    assert_eq!(dead["queues"].as_array().unwrap().len(), 1);
    assert_eq!(dead["queues"][0]["dead_letters_of"], json!(["work"]));
    let work = harness.get("/api/v1/queues/work").await.json();
    assert_eq!(work["totals"]["dead_lettered"], json!({ "rejected": 1 }));
}

#[tokio::test]
async fn messages_are_shown_with_how_they_died_and_stay() {
    let harness = with_dead(&["\u{e9}t\u{e9}".as_bytes(), b"\xff\xfe"]).await;
    for _ in 0..2 {
        let shown = harness.get("/api/v1/queues/dead/messages").await.json();
        assert_eq!((&shown["end"], &shown["next"]), (&json!(2), &json!(null)));
        let messages = shown["messages"].as_array().unwrap();
        assert_eq!(messages[0]["body"], "\u{e9}t\u{e9}");
        assert_eq!(messages[0]["state"], "ready");
        assert_eq!(messages[0]["timestamp_ms"], 1_700_000_000_000_i64);
        let death = &messages[0]["deaths"][0];
        assert_eq!(
            (&death["queue"], &death["reason"]),
            (&json!("work"), &json!("rejected"))
        );
        assert_eq!(
            (&death["count"], &death["routing_keys"]),
            (&json!(1), &json!(["work"]))
        );
        assert_eq!(messages[1]["body_base64"], "//4=");
        assert!(messages[1].get("body").is_none());
    }
    // The cut goes through a character.
    let cut = harness.get("/api/v1/queues/dead/messages?limit=1&body_bytes=4");
    let cut = cut.await.json();
    assert_eq!(cut["next"], 1);
    assert_eq!(cut["messages"][0]["body"], "\u{e9}t");
    assert_eq!(cut["messages"][0]["truncated"], true);
    assert_eq!(cut["messages"][0]["body_bytes"], 5);
}

#[tokio::test]
async fn a_redrive_goes_on_where_the_step_before_ended() {
    let harness = with_dead(&[b"a", b"b", b"a", b"c"]).await;
    let path = "/api/v1/queues/dead/redrive";
    let dry = r#"{"dry_run":true,"filter":{"contains":"a","reason":"rejected"}}"#;
    let dry = harness.post(path, dry).await.json();
    assert_eq!(
        (&dry["looked"], &dry["matched"], &dry["moved"]),
        (&json!(4), &json!(2), &json!(0))
    );
    let first = harness.post(path, r#"{"limit":1,"filter":{"contains":"a"}}"#);
    let first = first.await.json();
    assert_eq!(
        (&first["moved"], &first["next"], &first["until"]),
        (&json!(1), &json!(1), &json!(4))
    );
    let second = r#"{"from":1,"until":3,"filter":{"contains":"a"}}"#;
    let second = harness.post(path, second).await.json();
    assert_eq!(
        (&second["moved"], &second["next"]),
        (&json!(1), &json!(null))
    );
    let dead = harness.get("/api/v1/queues/dead").await.json();
    assert_eq!(
        (&dead["ready"], &dead["totals"]["moved"]),
        (&json!(2), &json!(2))
    );
    let to = r#"{"to":{"exchange":"","routing_key":"work"}}"#;
    assert_eq!(harness.post(path, to).await.json()["moved"], 2);
    assert_eq!(harness.get("/api/v1/queues/work").await.json()["ready"], 4);
}

#[tokio::test]
async fn a_purge_drops_what_is_ready() {
    let harness = with_dead(&[b"a", b"b"]).await;
    let purged = harness.delete("/api/v1/queues/dead/messages").await;
    assert_eq!(purged.json(), json!({ "purged": 2 }));
    assert_eq!(harness.get("/api/v1/queues/dead").await.json()["ready"], 0);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_the_reason() {
    let harness = with_dead(&[b"a"]).await;
    for (path, status, code) in [
        ("/api/v1/queues/none", 404, "queue_not_found"),
        ("/api/v1/queues/none/messages", 404, "queue_not_found"),
        (
            "/api/v1/queues?virtual_host=none",
            404,
            "virtual_host_not_found",
        ),
        ("/api/v1/queues?limit=0", 400, "invalid_query"),
        (
            "/api/v1/queues/dead/messages?limit=1001",
            400,
            "invalid_query",
        ),
        ("/api/v1/queues/dead/messages?form=1", 400, "invalid_query"),
    ] {
        let answer = harness.get(path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text);
        assert_eq!(answer.error_code(), code, "{path}");
    }
    for (body, status, code) in [
        (r#"{"to":{"queue":"none"}}"#, 404, "queue_not_found"),
        (r#"{"to":{"exchange":"none"}}"#, 404, "exchange_not_found"),
        (r#"{"to":{"queue":"dead"}}"#, 400, "invalid_body"),
        (r#"{"to":{"topic":"t"}}"#, 400, "invalid_body"),
        (r#"{"limit":257}"#, 400, "invalid_body"),
        (r#"{"filter":{"reason":"boredom"}}"#, 400, "invalid_body"),
        (r#"{"filter":{"reasons":"expired"}}"#, 400, "invalid_body"),
    ] {
        let answer = harness.post("/api/v1/queues/dead/redrive", body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.text);
        assert_eq!(answer.error_code(), code, "{body}");
    }
    let left = harness.get("/api/v1/queues/dead").await;
    assert_eq!(left.status, StatusCode::OK);
    assert_eq!(left.json()["ready"], 1);
}
