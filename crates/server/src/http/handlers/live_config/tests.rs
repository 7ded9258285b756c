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

#[tokio::test]
async fn whoever_looked_at_an_older_revision_changes_nothing() {
    let plane = Plane::start().await;
    let line = live_config(&plane).await;
    let accent = |accent: &str| json!({ "project": { "Crowd": { "Accent": accent } } });
    let old = saved(&plane, &line, accent("#111111")).await;
    let new = saved(&plane, &line, accent("#222222")).await;
    let tag = |answer: &Answer| answer.headers["etag"].to_str().unwrap().to_owned();
    let increment = json!({ "path": "/game/ForceDisconnect/AllClients" });
    let rollback = json!({ "revision": old.body["revision"] });
    for (verb, body) in [("increment", increment), ("rollback", rollback)] {
        let (key, post) = (plane.admin.as_str(), format!("POST {line}/{verb}"));
        let before = plane.ask(&format!("GET {line}"), None).await;
        let stale = [("x-api-key", key), ("if-match", &tag(&old))];
        let refused = plane.send(&post, &stale, Some(body.clone())).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (412, "if_match_failed"), "{verb}");
        assert_eq!(plane.ask(&format!("GET {line}"), None).await.body, before.body, "{verb}");
        let fresh = [("x-api-key", key), ("if-match", &tag(&before))];
        let done = plane.send(&post, &fresh, Some(body)).await;
        assert_eq!(done.status, 200, "{verb}: {}", done.text);
    }
    assert_ne!(tag(&old), tag(&new));
}

#[tokio::test]
async fn what_is_known_already_is_not_sent_again() {
    let plane = Plane::start().await;
    let line = live_config(&plane).await;
    let get = format!("GET {line}");
    let first = plane.ask(&get, None).await;
    let etag = first.headers["etag"].to_str().unwrap();
    let known = [("x-api-key", plane.admin.as_str()), ("if-none-match", etag)];
    let same = plane.send(&get, &known, None).await;
    assert_eq!((same.status.as_u16(), same.text.as_str()), (304, ""));
    assert_eq!(same.headers["etag"], etag);
    saved(&plane, &line, json!({ "project": { "Stage": { "Title": "Act two" } } })).await;
    let changed = plane.send(&get, &known, None).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.body["project"]["Stage"]["Title"], "Act two");
}

fn codes(saved: &Answer) -> Vec<&str> {
    let warnings = saved.body["warnings"].as_array().unwrap();
    warnings.iter().map(|warning| warning["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_save_that_does_not_do_what_it_seems_to_is_warned_of() {
    let plane = Plane::start().await;
    let (main, standby) = plane.pair().await;
    let [main, standby] = [main, standby].map(|id| (format!("/api/worlds/{id}"), id));
    let config = format!("{}/live-config", main.0);
    let override_world = |id: &str| json!({ "game": { "Failover": { "OverrideWorldId": id } } });
    saved(&plane, &config, override_world(standby.1.as_str())).await;
    let raise = json!({ "path": "/game/ForceDisconnect/Redirected" });
    let raised = plane.ask(&format!("POST {config}/increment"), Some(raise)).await;
    assert_eq!(codes(&raised), ["redirected_with_override"], "{}", raised.text);
    saved(&plane, &config, override_world("")).await;

    let mirror = json!({ "mirror": true });
    let mirrored = plane.ask(&format!("PUT {}/standby", main.0), Some(mirror)).await;
    assert_eq!(mirrored.status, 200, "{}", mirrored.text);
    let config = format!("{}/live-config", standby.0);
    let accent = json!({ "project": { "Crowd": { "Accent": "#123456" } } });
    let own = json!({ "game": { "Admission": { "JoinsPerSecond": 4 } } });
    assert_eq!(codes(&saved(&plane, &config, own).await), [""; 0]);
    let overwritten = saved(&plane, &config, accent.clone()).await;
    assert_eq!(codes(&overwritten), ["mirror_overwrites"]);
    // As main has it, nothing is overwritten; and what main changed is none of this save's.
    saved(&plane, &format!("{}/live-config", main.0), accent).await;
    let same = json!({ "project": { "Crowd": { "Accent": "#123456" } } });
    assert_eq!(codes(&saved(&plane, &config, same).await), [""; 0]);
}
