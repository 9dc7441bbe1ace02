//! Topics through the API.

use axum::http::StatusCode;
use forebay_broker::BrokerOptions;
use forebay_broker::access::{AccessChange, Pattern};
use forebay_broker::policy::{ApplyTo, Policy, PolicyKind, PolicyRules, QueueTypes};
use forebay_broker::topic::config::Values;
use serde_json::json;

use crate::harness::Harness;

#[tokio::test]
async fn a_topic_is_created_shown_and_deleted() {
    let harness = Harness::new();
    let body =
        r#"{"name":"orders","partitions":3,"config":{"retention.ms":60000,"preallocate":true}}"#;
    let created = harness.post("/api/v1/topics", body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    assert_eq!(created.headers["location"], "/api/v1/topics/orders");

    let bytes = harness.append("orders", 1, 4).await;
    let shown = harness.get("/api/v1/topics/orders").await;
    assert_eq!(shown.status, StatusCode::OK);
    let topic = shown.json();
    assert_eq!(topic["name"], "orders");
    assert_eq!(topic["id"], created.json()["id"]);
    let partitions = topic["partitions"].as_array().unwrap();
    assert_eq!(partitions.len(), 3);
    assert_eq!(partitions[1]["partition"], 1);
    assert_eq!(partitions[1]["start_offset"], 0);
    assert_eq!(partitions[1]["end_offset"], 4);
    assert!(partitions[1]["size_bytes"].as_u64().unwrap() >= bytes as u64);
    assert_eq!(partitions[0]["end_offset"], 0);
    assert_eq!(topic["size_bytes"], partitions[1]["size_bytes"]);

    let deleted = harness.delete("/api/v1/topics/orders").await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(deleted.text, "");
    let gone = harness.get("/api/v1/topics/orders").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert_eq!(gone.error_code(), "topic_not_found");
}

#[tokio::test]
async fn a_topic_says_which_queue_it_is() {
    let harness = Harness::new();
    let broker = &harness.broker;
    let put = AccessChange::virtual_host("/shop");
    broker.change_access(vec![put]).await.unwrap();
    let id = broker.directory().virtual_host("/shop").unwrap().id;
    let shop = broker.virtual_host(id);
    let created = shop.create_stream("an event".into(), Values::new());
    created.await.unwrap();
    let shown = harness.get("/api/v1/topics/shop.an_event").await.json();
    let stream = json!({"virtual_host": "/shop", "queue": "an event"});
    assert_eq!(shown["stream"], stream);
    let none = r#"{"name":"none","config":{"forebay.stream":"false"}}"#;
    assert!(harness.post("/api/v1/topics", none).await.json()["stream"].is_null());
    let own = r#"{"name":"own"}"#;
    let own = harness.post("/api/v1/topics", own).await.json();
    assert_eq!(own["stream"], json!({"virtual_host": "/", "queue": "own"}));
}

#[tokio::test]
async fn a_topic_says_what_it_keeps_and_which_policy_has_it_do_so() {
    let harness = Harness::new();
    let body = r#"{"name":"t","config":{"retention.ms":"60000"}}"#;
    let before = harness.post("/api/v1/topics", body).await.json();
    let own = json!({"ms": 60000, "bytes": null, "policy": null, "operator_policy": null});
    assert_eq!(before["retention"], own);
    let policy = Policy {
        pattern: Pattern::new("^t$").unwrap(),
        apply_to: ApplyTo::Streams,
        priority: 0,
        definition: "{}".to_owned(),
        rules: PolicyRules {
            max_bytes: Some(1000),
            max_age_ms: Some(1000),
            ..PolicyRules::default()
        },
        not_for: QueueTypes::default(),
    };
    let put = AccessChange::PutPolicy {
        kind: PolicyKind::User,
        virtual_host: "/".to_owned(),
        name: "short".to_owned(),
        policy,
    };
    harness.broker.change_access(vec![put]).await.unwrap();
    let shown = harness.get("/api/v1/topics/t").await.json();
    let kept = json!({"ms": 1000, "bytes": 1000, "policy": "short", "operator_policy": null});
    assert_eq!(shown["retention"], kept);
    assert_eq!(shown["config"], before["config"]);
}

#[tokio::test]
async fn configuration_says_where_each_value_comes_from() {
    let defaults = Values::from([("retention.bytes".to_owned(), "1000".to_owned())]);
    let options = BrokerOptions {
        topic_defaults: defaults.into(),
        ..BrokerOptions::default()
    };
    let harness = Harness::with(options, Vec::new());
    let body = r#"{"name":"t","config":{"retention.ms":"60000"}}"#;
    let topic = harness.post("/api/v1/topics", body).await.json();
    let config = &topic["config"];
    assert_eq!(config["retention.ms"]["value"], "60000");
    assert_eq!(config["retention.ms"]["source"], "topic");
    assert_eq!(config["retention.bytes"]["source"], "broker");
    assert_eq!(config["cleanup.policy"]["value"], "delete");
    assert_eq!(config["cleanup.policy"]["source"], "default");
    assert_eq!(config["cleanup.policy"]["effective"], true);
    assert_eq!(config["preallocate"]["effective"], false);
}

#[tokio::test]
async fn a_patch_sets_what_it_names_and_null_restores_the_default() {
    let harness = Harness::new();
    harness.create_topic("t", 1).await;
    let path = "/api/v1/topics/t/config";
    let body = r#"{"retention.ms":1000,"segment.bytes":"2000"}"#;
    let set = harness.patch(path, body).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    assert_eq!(set.json()["config"]["retention.ms"]["value"], "1000");
    let reset = harness.patch(path, r#"{"retention.ms":null}"#).await.json();
    assert_eq!(reset["config"]["retention.ms"]["source"], "default");
    assert_eq!(reset["config"]["segment.bytes"]["value"], "2000");

    let tried = harness
        .patch(
            &format!("{path}?validate_only=true"),
            r#"{"segment.bytes":99}"#,
        )
        .await;
    assert_eq!(tried.json()["config"]["segment.bytes"]["value"], "2000");
    let wrong = harness.patch(path, r#"{"retention.ms":"soon"}"#).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert_eq!(wrong.error_code(), "invalid_config");
    let unknown = harness.patch("/api/v1/topics/u/config", "{}").await;
    assert_eq!(unknown.error_code(), "topic_not_found");
}

#[tokio::test]
async fn partitions_are_added_and_never_taken_away() {
    let harness = Harness::new();
    harness.create_topic("t", 2).await;
    let path = "/api/v1/topics/t/partitions";
    let trial = format!("{path}?validate_only=true");
    let tried = harness.post(&trial, r#"{"total":5}"#);
    assert_eq!(
        tried.await.json()["partitions"].as_array().unwrap().len(),
        2
    );
    let more = harness.post(path, r#"{"total":5}"#).await;
    assert_eq!(more.status, StatusCode::OK, "{}", more.text);
    assert_eq!(more.json()["partitions"].as_array().unwrap().len(), 5);
    for total in ["1", "5", "100001", "18446744073709551615"] {
        let refused = harness.post(path, &format!(r#"{{"total":{total}}}"#)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{total}");
        assert_eq!(refused.error_code(), "invalid_partitions", "{total}");
    }
}

#[tokio::test]
async fn a_trial_creates_nothing() {
    let harness = Harness::new();
    let tried = harness
        .post(
            "/api/v1/topics?validate_only=true",
            r#"{"name":"t","partitions":7}"#,
        )
        .await;
    assert_eq!(tried.status, StatusCode::OK);
    assert_eq!(tried.json()["partitions"], 7);
    assert!(harness.broker.topic("t").is_none());
}

#[tokio::test]
async fn what_cannot_be_created_is_refused_with_the_reason() {
    let harness = Harness::new();
    harness.create_topic("there", 1).await;
    for (body, status, code) in [
        (r#"{"name":"there"}"#, 409, "topic_exists"),
        (r#"{"name":"a b"}"#, 400, "invalid_topic_name"),
        (r#"{"name":""}"#, 400, "invalid_topic_name"),
        (r#"{"name":"t","partitions":0}"#, 400, "invalid_partitions"),
        (
            r#"{"name":"t","partitions":18446744073709551615}"#,
            400,
            "invalid_partitions",
        ),
        (r#"{"name":"t","partitions":-1}"#, 400, "invalid_body"),
        (
            r#"{"name":"t","config":{"nope":"1"}}"#,
            400,
            "invalid_config",
        ),
        (
            r#"{"name":"t","config":{"retention.ms":[1]}}"#,
            400,
            "invalid_body",
        ),
        (r#"{"name":"t","partition":3}"#, 400, "invalid_body"),
        (r#"{"partitions":3}"#, 400, "invalid_body"),
        (r#"{"name":"t""#, 400, "invalid_body"),
    ] {
        let answer = harness.post("/api/v1/topics", body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}");
        assert_eq!(answer.error_code(), code, "{body}");
    }
    assert_eq!(harness.broker.catalog().all().len(), 1);
}

#[tokio::test]
async fn topics_are_listed_in_pieces() {
    let harness = Harness::new();
    for name in ["c", "a", "b"] {
        harness.create_topic(name, 2).await;
    }
    let first = harness.get("/api/v1/topics?limit=2").await.json();
    assert_eq!(first["topics"][0]["name"], "a");
    assert_eq!(first["topics"][0]["partitions"], 2);
    assert_eq!(first["topics"][1]["name"], "b");
    assert_eq!(first["next"], "b");
    let second = harness.get("/api/v1/topics?limit=2&after=b").await.json();
    assert_eq!(second["topics"].as_array().unwrap().len(), 1);
    assert_eq!(second["topics"][0]["name"], "c");
    assert!(second["next"].is_null());
}
