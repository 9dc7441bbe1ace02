//! What gateways bring.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use crate::harness::Harness;

fn brought() -> Router {
    let fallback = async || (StatusCode::NOT_FOUND, "the gateway knows of no such thing");
    Router::new()
        .route("/whoami", get(async || "a gateway"))
        .fallback(fallback)
}

#[tokio::test]
async fn what_a_gateway_brings_is_served_beside_the_brokers_own() {
    let harness = Harness::mounting("/api", brought());
    let theirs = harness.get("/api/whoami").await;
    assert_eq!(theirs.text, "a gateway");
    assert_eq!(theirs.headers["cache-control"], "no-store");
    let unknown = harness.get("/api/nothing").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(unknown.text, "the gateway knows of no such thing");
    let own = harness.get("/api/v1/cluster").await;
    assert_eq!(own.status, StatusCode::OK);
    assert_eq!(
        harness.get("/api/v1/no").await.error_code(),
        "route_not_found"
    );
    assert_eq!(harness.get("/no").await.error_code(), "route_not_found");
}
