//! Bad input: always the contract's problem document or error frame, never a 500.

use futures::SinkExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::guest::{Guest, close_code, dial_channel, frame};
use crate::server::Server;
use crate::wait::wait_for;

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_requests_are_refused_by_kind() {
    let server = Server::start().await;
    let api = &server.api;
    let post = |body: Vec<u8>, media_type: &str| {
        api.request(Method::POST, "/api/worlds").header("content-type", media_type).body(body)
    };
    let json_type = "application/json";
    let deep = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
    let cases: Vec<(Vec<u8>, &str, u16, &str)> = vec![
        (b"{".to_vec(), json_type, 400, "bad_request"),
        (vec![0xff, 0xfe], json_type, 400, "bad_request"),
        (deep.into_bytes(), json_type, 400, "bad_request"),
        (b"{}".to_vec(), "text/plain", 415, "unsupported_media_type"),
        (vec![b' '; 300 * 1024], json_type, 413, "body_too_large"),
        (b"[]".to_vec(), json_type, 422, "validation_failed"),
        (b"{}".to_vec(), json_type, 422, "validation_failed"),
    ];
    for (body, media_type, status, code) in cases {
        api.send(post(body, media_type)).await.expect_problem(status, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_rules_are_named_field_by_field() {
    let server = Server::start().await;
    let with = |change: Value| {
        let mut body = json!({ "name": "World", "build": { "mod": "plaza" } });
        for (key, value) in change.as_object().expect("an object") {
            body[key] = value.clone();
        }
        body
    };
    let cases = [
        (with(json!({ "name": " " })), "/name"),
        (with(json!({ "name": 7 })), "/name"),
        (with(json!({ "colour": "red" })), ""),
        (with(json!({ "durationMinutes": 0 })), "/durationMinutes"),
        (with(json!({ "durationMinutes": -1 })), "/durationMinutes"),
        (with(json!({ "scale": { "profile": "Capacity7" } })), "/scale/profile"),
        (with(json!({ "build": { "mod": "nothing" } })), "/build/mod"),
        (with(json!({ "build": { "mod": "plaza", "map": "moon" } })), "/build/map"),
        (with(json!({ "access": { "groups": "crew" } })), "/access/groups"),
    ];
    for (body, path) in cases {
        let problem = server.api.post("/api/worlds", body.clone()).await.expect(422);
        let found = problem["errors"][0]["path"].as_str().unwrap_or_else(|| panic!("{problem}"));
        assert!(found.starts_with(path), "{body}: {problem}");
        assert!(problem["errors"][0]["message"].as_str().is_some_and(|text| text.len() > 10));
    }
    let list = server.api.get("/api/worlds").await.expect(200);
    assert_eq!(list["items"], json!([]), "nothing is half applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_ids_and_ids_of_the_wrong_kind_are_not_found() {
    let server = Server::start().await;
    for path in [
        "/api/worlds/wld_nothing",
        "/api/worlds/dep_wrongkind",
        "/api/worlds/%ff",
        "/api/deployments/dep_nothing",
        "/api/failovers/fo_nothing",
        "/api/failovers/wld_wrongkind/report",
        "/api/worlds/wld_nothing/live-config",
    ] {
        let answer = server.api.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
        assert!(answer.body["code"].is_string(), "{path}");
    }
    let join = server.api.anonymous().post("/api/worlds/wld_nothing/join", json!({})).await;
    join.expect_problem(404, "world_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_taken_once_also_when_asked_for_at_once() {
    let server = Server::start().await;
    let body = json!({ "name": "Twice", "build": { "mod": "plaza" } });
    let tries =
        futures::future::join_all((0..6).map(|_| server.api.post("/api/worlds", body.clone())))
            .await;
    let statuses: Vec<u16> = tries.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 5, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_with_a_bad_token_is_told_so_after_the_upgrade() {
    let server = Server::start().await;
    let url = server.api.url.replace("http", "ws");
    let forged = json!({ "sessionUrl": format!("{url}/session"), "sessionToken": "a.b.c" });
    let mut channel = dial_channel(&forged).await;
    let error = frame(&mut channel, "error").await;
    assert_eq!(error["code"], "unauthorized");
    assert_eq!(close_code(&mut channel).await, Some(4001));
    let plain = server.api.anonymous().get("/session").await;
    plain.expect_problem(400, "bad_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_break_the_protocol_close_the_channel_and_others_do_not() {
    let server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let mut guest = Guest::enter(&server.api, &main).await;
    guest.say(json!({ "type": "later", "more": [1, 2, 3] })).await;
    guest.say(json!({ "type": "pong", "extra": true })).await;
    // Its frames go over another connection than this question.
    wait_for("the guest to be in the world", async || {
        let sessions = server.api.get(&format!("/api/worlds/{main}/sessions")).await.expect(200);
        (sessions["items"][0]["state"] == "inWorld").then_some(())
    })
    .await;
    guest.say(json!({ "type": "state", "state": "flying" })).await;
    let error = guest.frame("error").await;
    assert_eq!(error["code"], "protocol_error");
    assert_eq!(close_code(&mut guest.channel).await, Some(4009));
    let mut large = Guest::enter(&server.api, &main).await;
    large.channel.send(Message::text("x".repeat(5_000))).await.expect("it is open");
    assert_eq!(close_code(&mut large.channel).await, Some(4009));
}
