//! The broker as a whole, and the page that names everything.

use axum::http::StatusCode;

use crate::harness::Harness;

#[tokio::test]
async fn the_cluster_is_shown_with_its_sums() {
    let harness = Harness::new();
    harness.create_topic("a", 3).await;
    harness.create_topic("b", 2).await;
    let cluster = harness.get("/api/v1/cluster").await.json();
    let id = harness.broker.cluster_id().to_string();
    assert_eq!(cluster["cluster_id"], id.as_str());
    assert_eq!(cluster["version"], "1.2.3");
    assert_eq!(cluster["status"], "starting");
    assert_eq!(cluster["topics"], 2);
    assert_eq!(cluster["partitions"], 5);
    assert_eq!(cluster["listeners"][0]["address"], "127.0.0.1:9092");
    assert_eq!(cluster["settings"]["default_partitions"], 1);
    assert_eq!(cluster["settings"]["auto_create_topics"], true);
}

#[tokio::test]
async fn the_root_names_only_endpoints_that_exist() {
    let harness = Harness::new();
    let root = harness.get("/").await;
    assert_eq!(root.status, StatusCode::OK);
    assert!(
        root.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    let paths = root.text.lines().filter(|line| line.starts_with('/'));
    let paths: Vec<&str> = paths
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(paths.len() > 8, "{paths:?}");
    for path in paths {
        let path = path.replace(['{', '}'], "");
        let answer = harness.get(&path).await;
        if answer.status == StatusCode::NOT_FOUND {
            assert_ne!(answer.error_code(), "route_not_found", "{path}");
        }
    }
}
