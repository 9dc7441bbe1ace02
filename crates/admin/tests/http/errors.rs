//! Every refusal has the same shape.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};

use crate::harness::Harness;

#[tokio::test]
async fn what_does_not_exist_is_told_in_the_shape_of_the_api() {
    let harness = Harness::new();
    for path in [
        "/nope",
        "/api/v1/nope",
        "/api/v2/topics",
        "/api/v1/topics/a/b/c",
    ] {
        let answer = harness.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.error_code(), "route_not_found", "{path}");
    }
}

#[tokio::test]
async fn a_method_that_a_resource_does_not_have_is_refused_with_those_it_has() {
    let harness = Harness::new();
    for (method, path, allowed) in [
        (Method::DELETE, "/api/v1/topics", "GET,HEAD,POST"),
        (Method::PUT, "/api/v1/groups/a", "GET,HEAD,DELETE"),
        (Method::POST, "/metrics", "GET,HEAD"),
        (Method::GET, "/api/v1/topics/a/config", "PATCH"),
    ] {
        let answer = harness.ask(method, path).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.error_code(), "method_not_allowed", "{path}");
        assert_eq!(answer.headers["allow"], allowed, "{path}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let harness = Harness::new();
    let name = "x".repeat(forebay_admin::limits::BODY_BYTES_MAX);
    let answer = harness
        .post("/api/v1/topics", &format!(r#"{{"name":"{name}"}}"#))
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.error_code(), "body_too_large");
}

#[tokio::test]
async fn a_form_of_another_site_can_change_nothing() {
    let harness = Harness::new();
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let request = Request::post("/api/v1/topics")
            .header("content-type", content_type)
            .header("origin", "http://example.com")
            .body(Body::from(r#"{"name":"t"}"#))
            .unwrap();
        let answer = harness.send(request).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(answer.error_code(), "unsupported_media_type");
    }
    let read = Request::get("/api/v1/cluster").header("origin", "http://example.com");
    let answer = harness.send(read.body(Body::empty()).unwrap()).await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    assert!(harness.broker.catalog().all().is_empty());
}

#[tokio::test]
async fn bad_queries_and_paths_are_refused() {
    let harness = Harness::new();
    for (path, code) in [
        ("/api/v1/topics?limit=0", "invalid_query"),
        ("/api/v1/topics?limit=10001", "invalid_query"),
        ("/api/v1/topics?limit=many", "invalid_query"),
        ("/api/v1/topics?page=2", "invalid_query"),
        ("/metrics?per_object=perhaps", "invalid_query"),
        ("/api/v1/topics/%ff", "invalid_path"),
    ] {
        let answer = harness.get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.error_code(), code, "{path}");
    }
}

#[tokio::test]
async fn a_group_id_that_is_too_long_is_refused() {
    let harness = Harness::new();
    let id = "g".repeat(40_000);
    let answer = harness.get(&format!("/api/v1/groups/{id}")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.error_code(), "invalid_group_id");
}
