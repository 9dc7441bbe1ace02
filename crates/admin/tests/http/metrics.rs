//! The page of metrics: well formed, true, bounded.

use std::sync::Arc;

use axum::http::StatusCode;
use forebay_admin::limits::SERIES_MAX;
use forebay_admin::metrics::{Budget, GatewayReading, MetricsSource, Page, RequestLatency};
use forebay_broker::BrokerOptions;
use forebay_broker::storage::shard::Histogram;

use crate::harness::{Harness, RESERVE_BYTES};
use crate::openmetrics::Exposition;

/// A gateway with some traffic.
struct Gateway {
    protocol: &'static str,
    fetch: Histogram,
}

impl Gateway {
    fn new(protocol: &'static str) -> Arc<Self> {
        let fetch = Histogram::new(25e-6);
        fetch.observe(1e-3);
        fetch.observe(1e9);
        Arc::new(Self { protocol, fetch })
    }
}

impl MetricsSource for Gateway {
    fn read(&self, page: &mut Page) {
        let reading = GatewayReading {
            protocol: self.protocol,
            opened: 5,
            closed: vec![("orderly", 1), ("protocol", 1)],
            refused: 3,
            connections_limit: 7,
            in_flight: Some(4),
            request_memory: Some(Budget {
                used: 10,
                limit: 20,
            }),
            answer_memory: Some(Budget {
                used: 30,
                limit: 40,
            }),
            received_bytes: 100,
            sent_bytes: 200,
        };
        let fetch = RequestLatency {
            api: "Fetch",
            seconds: &self.fetch,
        };
        reading.put(page, [fetch]);
    }
}

async fn page(harness: &Harness, path: &str) -> Exposition {
    let answer = harness.get(path).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.headers["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    Exposition::read(&answer.text)
}

#[tokio::test]
async fn topics_and_partitions_are_counted() {
    let harness = Harness::new();
    harness.create_topic("orders", 2).await;
    let bytes = harness.append("orders", 0, 3).await + harness.append("orders", 1, 4).await;
    let page = page(&harness, "/metrics").await;
    assert_eq!(page.value("forebay_topics"), 1.0);
    assert_eq!(page.value("forebay_partitions"), 2.0);
    let topic = r#"{topic="orders"}"#;
    let of_topic = |name: &str| page.value(&format!("{name}{topic}"));
    assert_eq!(of_topic("forebay_topic_partitions"), 2.0);
    assert_eq!(of_topic("forebay_topic_appended_messages_total"), 7.0);
    assert_eq!(of_topic("forebay_topic_appended_bytes_total"), bytes as f64);
    assert!(of_topic("forebay_topic_size_bytes") >= bytes as f64);
    assert_eq!(
        page.value("forebay_log_size_bytes"),
        of_topic("forebay_topic_size_bytes")
    );
    let partition = r#"{topic="orders",partition="1"}"#;
    let of_partition = |name: &str| page.value(&format!("{name}{partition}"));
    assert_eq!(of_partition("forebay_topic_start_offset"), 0.0);
    assert_eq!(of_partition("forebay_topic_end_offset"), 4.0);
    assert!(of_partition("forebay_topic_partition_size_bytes") > 0.0);
}

#[tokio::test]
async fn groups_show_members_state_offsets_and_lag() {
    let harness = Harness::new();
    harness.create_topic("t", 2).await;
    harness.append("t", 0, 10).await;
    harness.append("t", 1, 10).await;
    harness.commit("g", "t", 0, 4).await;
    harness.commit("g", "t", 1, 9).await;
    harness.join("h").await;
    let page = page(&harness, "/metrics").await;
    assert_eq!(page.value("forebay_metrics_groups_complete"), 1.0);
    assert_eq!(page.value(r#"forebay_groups{state="Empty"}"#), 1.0);
    assert_eq!(page.value(r#"forebay_group_members{group="g"}"#), 0.0);
    assert_eq!(page.value(r#"forebay_group_members{group="h"}"#), 1.0);
    assert_eq!(
        page.value(r#"forebay_group_state{group="g",state="Empty"}"#),
        1.0
    );
    assert_eq!(
        page.value(r#"forebay_group_state{group="g",state="Stable"}"#),
        0.0
    );
    let partition = r#"{group="g",topic="t",partition="0"}"#;
    assert_eq!(
        page.value(&format!("forebay_group_committed_offset{partition}")),
        4.0
    );
    assert_eq!(page.value(&format!("forebay_group_lag{partition}")), 6.0);
    assert_eq!(page.value(r#"forebay_group_lag_sum{group="g"}"#), 7.0);
    assert_eq!(page.value(r#"forebay_group_lag_max{group="g"}"#), 6.0);
}

#[tokio::test]
async fn the_journal_the_storage_and_the_process_are_measured() {
    let harness = Harness::new();
    harness.create_topic("t", 1).await;
    harness.append("t", 0, 1).await;
    let page = page(&harness, "/metrics").await;
    let build = r#"forebay_build_info{version="1.2.3",revision="abc"}"#;
    assert_eq!(page.value(build), 1.0);
    assert_eq!(page.value("forebay_ready"), 0.0);
    let commits = page.value("forebay_journal_commits_total");
    assert!(commits >= 2.0);
    assert!(page.value("forebay_journal_commit_duration_seconds_count") >= 2.0);
    assert_eq!(
        page.value("forebay_journal_commit_size_bytes_count"),
        commits
    );
    assert_eq!(page.value("forebay_journal_commit_replies_count"), commits);
    assert_eq!(page.value("forebay_journal_refused_full_total"), 0.0);
    assert!(page.value("forebay_shard_commands_total") >= 2.0);
    assert_eq!(
        page.value("forebay_storage_reserve_bytes"),
        RESERVE_BYTES as f64
    );
    assert_eq!(page.value("forebay_storage_full"), 0.0);
    if cfg!(target_os = "linux") {
        assert!(page.value("process_resident_memory_bytes") > 1e6);
        assert!(page.value("process_open_fds") > 2.0);
        assert!(page.value("process_max_fds") > 2.0);
        assert!(page.value("process_cpu_seconds_total") >= 0.0);
        assert!(page.value("process_start_time_seconds") > 1.7e9);
    }
}

#[tokio::test]
async fn gateways_share_metrics_and_are_told_apart_by_their_label() {
    let sources: Vec<Arc<dyn MetricsSource>> = vec![Gateway::new("kafka"), Gateway::new("amqp")];
    let harness = Harness::with(BrokerOptions::default(), sources);
    let page = page(&harness, "/metrics").await;
    for protocol in ["kafka", "amqp"] {
        let of = |name: &str| page.value(&format!("{name}{{protocol=\"{protocol}\"}}"));
        assert_eq!(of("forebay_connections"), 3.0);
        assert_eq!(of("forebay_connections_opened_total"), 5.0);
        assert_eq!(of("forebay_connections_refused_total"), 3.0);
        assert_eq!(of("forebay_connections_limit"), 7.0);
        assert_eq!(of("forebay_requests_in_flight"), 4.0);
        assert_eq!(of("forebay_request_memory_bytes"), 10.0);
        assert_eq!(of("forebay_request_memory_limit_bytes"), 20.0);
        assert_eq!(of("forebay_answer_memory_bytes"), 30.0);
        assert_eq!(of("forebay_answer_memory_limit_bytes"), 40.0);
        let closed = r#"forebay_connections_closed_total{protocol="PROTOCOL",reason="protocol"}"#;
        assert_eq!(page.value(&closed.replace("PROTOCOL", protocol)), 1.0);
        assert_eq!(of("forebay_received_bytes_total"), 100.0);
        assert_eq!(of("forebay_sent_bytes_total"), 200.0);
        let requests = format!(r#"{{protocol="{protocol}",api="Fetch"}}"#);
        let count = format!("forebay_request_duration_seconds_count{requests}");
        assert_eq!(page.value(&count), 2.0);
    }
}

#[tokio::test]
async fn a_page_has_a_bounded_number_of_series_and_says_what_it_left_out() {
    let harness = Harness::new();
    harness.create_topic("large", SERIES_MAX).await;
    harness.create_topic("small", 3).await;
    let bounded = page(&harness, "/metrics").await;
    assert_eq!(bounded.count("forebay_topic_end_offset"), 3);
    let left_out = r#"forebay_metrics_series_left_out{kind="partition"}"#;
    assert_eq!(bounded.value(left_out), 3.0 * SERIES_MAX as f64);
    // What is not by partition is there all the same.
    assert_eq!(bounded.count("forebay_topic_partitions"), 2);

    let whole = page(&harness, "/metrics?per_object=true").await;
    assert_eq!(whole.count("forebay_topic_end_offset"), SERIES_MAX + 3);
    assert_eq!(whole.value(left_out), 0.0);
}

#[tokio::test]
async fn names_that_need_escaping_do_not_break_the_page() {
    let harness = Harness::new();
    harness.create_topic("t", 1).await;
    harness.commit("a\"b\\c\nd", "t", 0, 0).await;
    let page = page(&harness, "/metrics").await;
    assert_eq!(
        page.value(r#"forebay_group_members{group="a\"b\\c\nd"}"#),
        0.0
    );
}

#[tokio::test]
async fn a_stopped_broker_still_has_a_page() {
    let mut harness = Harness::new();
    harness.create_topic("t", 1).await;
    harness.stop_broker().unwrap();
    let page = page(&harness, "/metrics").await;
    assert_eq!(page.value("forebay_metrics_groups_complete"), 0.0);
    assert_eq!(page.value("forebay_topics"), 1.0);
}

#[tokio::test]
async fn large_pages_have_few_places_which_come_back() {
    let harness = Harness::new();
    for _ in 0..3 * forebay_admin::limits::PER_OBJECT_PAGES {
        let answer = harness.get("/metrics?per_object=true").await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let mut held = Vec::new();
    for _ in 0..forebay_admin::limits::PER_OBJECT_PAGES {
        held.push(harness.unread("/metrics?per_object=true").await);
    }
    let refused = harness.get("/metrics?per_object=true").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.error_code(), "busy");
    assert_eq!(harness.get("/metrics").await.status, StatusCode::OK);
    drop(held);
    let answer = harness.get("/metrics?per_object=true").await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn the_largest_topic_fits_a_page_that_asks_for_everything() {
    let harness = Harness::new();
    let partitions = forebay_broker::limits::TOPIC_PARTITIONS_MAX;
    harness.create_topic("largest", partitions).await;
    let answer = harness.get("/metrics?per_object=true").await;
    let left_out = "forebay_metrics_series_left_out{kind=\"partition\"} 0\n";
    assert!(answer.text.contains(left_out));
    let last = format!("partition=\"{}\"", partitions - 1);
    assert!(answer.text.contains(&last));
}
