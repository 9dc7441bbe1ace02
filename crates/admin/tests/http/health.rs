//! What health says follows what the process and the shard do.

use axum::http::StatusCode;
use forebay_broker::storage::media::Fault;

use crate::harness::Harness;

#[tokio::test]
async fn readiness_follows_the_life_of_the_process() {
    let harness = Harness::new();
    let starting = harness.get("/readyz").await;
    assert_eq!(starting.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(starting.json()["status"], "starting");

    harness.readiness.ready();
    let ready = harness.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::OK);
    assert_eq!(ready.text, r#"{"status":"ready"}"#);

    harness.readiness.draining();
    let draining = harness.get("/readyz").await;
    assert_eq!(draining.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(draining.json()["reason"], "the broker is stopping");

    harness.readiness.failed("the journal failed");
    let failed = harness.get("/readyz").await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(failed.json()["status"], "failed");
    assert_eq!(failed.json()["reason"], "the journal failed");

    // Alive all the while.
    assert_eq!(harness.get("/livez").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_failed_journal_makes_the_broker_unready_by_itself() {
    let mut harness = Harness::new();
    harness.create_topic("t", 1).await;
    harness.readiness.ready();
    assert_eq!(harness.get("/readyz").await.status, StatusCode::OK);

    harness.disk.inject(Fault::Sync);
    let refused = harness.post("/api/v1/topics", r#"{"name":"u"}"#).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.error_code(), "stopping");
    harness.await_end().unwrap_err();

    let answer = harness.get("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["reason"], "the broker has stopped");
    let detail = harness.get("/healthz").await;
    assert_eq!(detail.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(detail.json()["journal"]["answers"], false);
    assert_eq!(harness.get("/livez").await.status, StatusCode::OK);
}

#[tokio::test]
async fn detail_names_version_listeners_journal_and_space() {
    let harness = Harness::new();
    harness.readiness.ready();
    harness.create_topic("t", 1).await;
    let answer = harness.get("/healthz").await;
    assert_eq!(answer.status, StatusCode::OK);
    let health = answer.json();
    assert_eq!(health["status"], "ready");
    assert_eq!(health["version"], "1.2.3");
    assert_eq!(health["revision"], "abc");
    assert!(health["uptime_seconds"].as_f64().unwrap() >= 0.0);
    assert_eq!(health["listeners"][0]["name"], "kafka");
    assert_eq!(health["listeners"][0]["address"], "127.0.0.1:9092");
    assert_eq!(health["journal"]["answers"], true);
    assert!(health["journal"]["commits"].as_u64().unwrap() >= 1);
    assert_eq!(health["storage"]["total_bytes"], 1u64 << 40);
    assert_eq!(health["storage"]["full"], false);
    assert_eq!(health["warnings"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_full_disk_is_a_warning_and_consumers_are_still_sent_here() {
    let harness = Harness::new();
    harness.readiness.ready();
    harness.disk.set_capacity(1000);
    let answer = harness.get("/healthz").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["storage"]["full"], true);
    let warning = answer.json()["warnings"][0].as_str().unwrap().to_owned();
    assert!(warning.contains("producers are refused"), "{warning}");
    assert_eq!(harness.get("/readyz").await.status, StatusCode::OK);

    harness.disk.set_capacity(1 << 40);
    let healed = harness.get("/healthz").await;
    assert_eq!(healed.json()["storage"]["full"], false);
}

#[tokio::test]
async fn a_stopped_broker_is_not_ready() {
    let mut harness = Harness::new();
    harness.readiness.ready();
    harness.stop_broker().unwrap();
    let answer = harness.get("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}
