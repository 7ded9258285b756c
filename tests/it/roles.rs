//! Keys, roles and players' tokens.

use serde_json::json;

use crate::api::Api;
use crate::guest::join_patiently;
use crate::server::{Server, text};

async fn key(server: &Server, role: &str) -> Api {
    let key = server.api.post("/api/keys", json!({ "name": role, "role": role })).await;
    server.api.with_key(&text(&key.expect(201)["secret"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_does_what_it_may_and_no_more() {
    let server = Server::start().await;
    let world = server.world(json!({ "name": "Main Stage", "settings": { "secret": 7 } })).await;
    let viewer = key(&server, "viewer").await;
    let operator = key(&server, "operator").await;
    let support = key(&server, "support").await;
    let path = format!("/api/worlds/{world}");
    viewer.get(&path).await.expect(200);
    let body = json!({ "description": "x" });
    viewer.patch(&path, body.clone()).await.expect_problem(403, "role_required");
    let seen = operator.patch(&path, body).await.expect(200);
    assert!(seen.get("settings").is_none(), "{seen}");
    operator
        .patch(&path, json!({ "settings": { "a": 1 } }))
        .await
        .expect_problem(403, "role_required");
    assert_eq!(support.get(&path).await.expect(200)["settings"]["secret"], 7);
    support.get("/api/keys").await.expect_problem(403, "role_required");
    server.api.anonymous().get(&path).await.expect_problem(401, "unauthorized");
    server.api.with_key("nonsense").get(&path).await.expect_problem(401, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_stops_at_once() {
    let server = Server::start().await;
    let made =
        server.api.post("/api/keys", json!({ "name": "x", "role": "viewer" })).await.expect(201);
    let viewer = server.api.with_key(&text(&made["secret"]));
    viewer.get("/api/worlds").await.expect(200);
    let gone = server.api.delete(&format!("/api/keys/{}", text(&made["id"]))).await.status;
    assert!((200..300).contains(&gone), "{gone}");
    viewer.get("/api/worlds").await.expect_problem(401, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn players_are_who_their_token_says_and_never_a_guest_by_mistake() {
    let server = Server::start().await;
    let closed = json!({ "name": "Crew only", "access": { "public": false, "groups": ["crew"] } });
    let world = server.active_world(closed).await;
    let path = format!("/api/worlds/{world}/join");
    server.api.anonymous().post(&path, json!({})).await.expect_problem(403, "access_denied");
    let token = async |groups: serde_json::Value| {
        let body = json!({ "sub": "alice", "groups": groups });
        text(&server.api.post("/api/tokens", body).await.expect(201)["token"])
    };
    let crew = server.api.with_key(&token(json!(["crew"])).await);
    assert_eq!(join_patiently(&crew, &world, &json!({})).await["user"], "alice");
    let press = server.api.with_key(&token(json!(["press"])).await);
    press.post(&path, json!({})).await.expect_problem(403, "access_denied");
    let forged = server.api.with_key("a.b.c");
    forged.post(&path, json!({})).await.expect_problem(401, "unauthorized");
}
