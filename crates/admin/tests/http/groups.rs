//! Consumer groups through the API.

use axum::http::StatusCode;

use crate::harness::Harness;

#[tokio::test]
async fn a_group_is_shown_with_offsets_and_lag() {
    let harness = Harness::new();
    harness.create_topic("t", 2).await;
    harness.append("t", 0, 10).await;
    harness.append("t", 1, 5).await;
    harness.commit("billing", "t", 0, 4).await;
    harness.commit("billing", "t", 1, 5).await;
    let group = harness.get("/api/v1/groups/billing").await.json();
    assert_eq!(group["id"], "billing");
    assert_eq!(group["state"], "Empty");
    assert_eq!(group["type"], "Classic");
    assert_eq!(group["lag"], 6);
    let offsets = group["offsets"].as_array().unwrap();
    assert_eq!(offsets.len(), 2);
    assert_eq!(offsets[0]["topic"], "t");
    assert_eq!(offsets[0]["partition"], 0);
    assert_eq!(offsets[0]["committed_offset"], 4);
    assert_eq!(offsets[0]["end_offset"], 10);
    assert_eq!(offsets[0]["lag"], 6);
    assert_eq!(offsets[0]["metadata"], "by hand");
    assert_eq!(offsets[1]["lag"], 0);
}

#[tokio::test]
async fn a_commit_beyond_the_end_has_no_lag() {
    let harness = Harness::new();
    harness.create_topic("t", 1).await;
    harness.commit("ahead", "t", 0, 99).await;
    let group = harness.get("/api/v1/groups/ahead").await.json();
    assert_eq!(group["offsets"][0]["lag"], 0);
}

#[tokio::test]
async fn members_are_shown_and_keep_their_group_from_being_deleted() {
    let harness = Harness::new();
    harness.join("app").await;
    let group = harness.get("/api/v1/groups/app").await.json();
    assert_eq!(group["members"][0]["client_id"], "app");
    assert_eq!(group["members"][0]["client_host"], "/127.0.0.1");
    assert!(group["members"][0]["instance_id"].is_null());
    let refused = harness.delete("/api/v1/groups/app").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.error_code(), "group_not_empty");
}

#[tokio::test]
async fn an_empty_group_is_deleted() {
    let harness = Harness::new();
    harness.create_topic("t", 1).await;
    harness.commit("old", "t", 0, 0).await;
    let deleted = harness.delete("/api/v1/groups/old").await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    for answer in [
        harness.get("/api/v1/groups/old").await,
        harness.delete("/api/v1/groups/old").await,
    ] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.error_code(), "group_not_found");
    }
}

#[tokio::test]
async fn any_group_id_can_be_named_in_a_path() {
    let harness = Harness::new();
    harness.create_topic("t", 1).await;
    harness.commit("a/b ü", "t", 0, 0).await;
    let group = harness.get("/api/v1/groups/a%2Fb%20%C3%BC").await;
    assert_eq!(group.status, StatusCode::OK, "{}", group.text);
    assert_eq!(group.json()["id"], "a/b ü");
}

#[tokio::test]
async fn groups_are_listed_by_state_and_in_pieces() {
    let harness = Harness::new();
    harness.create_topic("t", 1).await;
    for group in ["c", "a", "b"] {
        harness.commit(group, "t", 0, 0).await;
    }
    harness.join("d").await;
    let piece = harness
        .get("/api/v1/groups?state=empty&limit=2")
        .await
        .json();
    assert_eq!(piece["groups"][0]["id"], "a");
    assert_eq!(piece["groups"][1]["id"], "b");
    assert_eq!(piece["next"], "b");
    let rest = harness.get("/api/v1/groups?after=b").await.json();
    assert_eq!(rest["groups"].as_array().unwrap().len(), 2);
    assert_eq!(rest["groups"][1]["id"], "d");
    assert_eq!(rest["groups"][1]["protocol_type"], "consumer");
    let wrong = harness.get("/api/v1/groups?state=sleepy").await;
    assert_eq!(wrong.error_code(), "invalid_query");
}
