//! Live config as it is read and saved over HTTP.

use serde_json::{Value, json};

use crate::http::fixture::{Answer, Plane};

/// A world, and the address of its live config.
async fn live_config(plane: &Plane) -> String {
    format!("/api/worlds/{}/live-config", plane.world("Main").await)
}

async fn saved(plane: &Plane, line: &str, patch: Value) -> Answer {
    let saved = plane.ask(&format!("PATCH {line}"), Some(patch)).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    saved
}

#[tokio::test]
async fn an_operator_s_rollback_leaves_what_only_support_sees() {
    let plane = Plane::start().await;
    let line = live_config(&plane).await;
    let night = |token: &str, accent: &str| json!({ "project": { "Crowd": { "DebugToken": token, "Accent": accent } } });
    let old = saved(&plane, &line, night("old", "#111111")).await.body["revision"].clone();
    saved(&plane, &line, night("new", "#222222")).await;
    let rollback = format!("POST {line}/rollback");
    let (_, operator) = plane.key("operator").await;
    let headers = [("x-api-key", operator.as_str())];
    let body = json!({ "revision": old });
    let by_operator = plane.send(&rollback, &headers, Some(body.clone())).await;
    assert_eq!(by_operator.status, 200, "{}", by_operator.text);
    let crowd =
        async || plane.ask(&format!("GET {line}"), None).await.body["project"]["Crowd"].clone();
    let now = crowd().await;
    assert_eq!((&now["Accent"], &now["DebugToken"]), (&json!("#111111"), &json!("new")));
    let by_support = plane.ask(&rollback, Some(body)).await;
    assert_eq!(by_support.status, 200, "{}", by_support.text);
    assert_eq!(crowd().await["DebugToken"], "old");
}
