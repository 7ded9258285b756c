//! Worlds and standbys as they are asked for over HTTP.

use http::StatusCode;
use serde_json::{Value, json};

use crate::http::fixture::{Answer, Plane};

async fn made(plane: &Plane, name: &str) -> Value {
    let body = json!({ "name": name, "build": { "mod": "plaza" }, "settings": { "key": "s" } });
    let answer = plane.ask("POST /api/worlds", Some(body)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    answer.body
}

fn id(world: &Value) -> &str {
    world["id"].as_str().unwrap()
}

async fn ask(plane: &Plane, method: &str, world: &Value, rest: &str, body: Value) -> Answer {
    let line = format!("{method} /api/worlds/{}{rest}", id(world));
    plane.ask(&line, Some(body)).await
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{}", answer.text);
}

#[tokio::test]
async fn a_world_is_made_read_changed_and_deleted() {
    let plane = Plane::start().await;
    let world = made(&plane, "Main").await;
    assert_eq!((&world["capacity"], &world["standby"]), (&json!(500), &Value::Null));
    assert_eq!(world["status"]["phase"], "Inactive");
    let taken = json!({ "name": "Main", "build": { "mod": "plaza" } });
    refused(&plane.ask("POST /api/worlds", Some(taken)).await, 409, "name_taken");

    let renamed = ask(&plane, "PATCH", &world, "", json!({ "name": "Other" })).await;
    assert_eq!(renamed.body["name"], "Other");
    made(&plane, "Main").await;
    let line = format!("PATCH /api/worlds/{}", id(&world));
    let key = plane.admin.clone();
    let headers = [("x-api-key", key.as_str()), ("if-match", "\"stale\"")];
    let stale = plane.send(&line, &headers, Some(json!({ "description": "d" }))).await;
    refused(&stale, 412, "if_match_failed");

    let gone = plane.ask(&format!("DELETE /api/worlds/{}", id(&world)), None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let missing = plane.ask(&format!("GET /api/worlds/{}", id(&world)), None).await;
    refused(&missing, 404, "world_not_found");
    made(&plane, "Other").await;
}

#[tokio::test]
async fn internal_settings_are_neither_shown_nor_set_below_support() {
    let plane = Plane::start().await;
    let world = made(&plane, "Main").await;
    assert_eq!(world["settings"]["key"], "s");
    let (_, key) = plane.key("operator").await;
    let headers = [("x-api-key", key.as_str())];
    let line = format!("/api/worlds/{}", id(&world));
    let shown = plane.send(&format!("GET {line}"), &headers, None).await;
    assert_eq!(shown.body.get("settings"), None);
    let patch = json!({ "settings": { "key": "t" } });
    let set = plane.send(&format!("PATCH {line}"), &headers, Some(patch)).await;
    refused(&set, 403, "role_required");
    let standby = plane.send(&format!("POST {line}/standby"), &headers, None).await;
    let copy = standby.body["id"].as_str().unwrap();
    let copy = plane.ask(&format!("GET /api/worlds/{copy}"), None).await;
    assert_eq!(copy.body["settings"]["key"], "s", "copied whoever asks");
}

#[tokio::test]
async fn a_running_world_keeps_its_build_and_is_not_deleted_or_launched_again() {
    let plane = Plane::start().await;
    let world = made(&plane, "Main").await;
    let launched = ask(&plane, "POST", &world, "/launch", json!({ "launchContext": false })).await;
    assert_eq!(launched.status, StatusCode::ACCEPTED, "{}", launched.text);
    assert_eq!(launched.body["launchContextId"], Value::Null);
    let change = ask(&plane, "PATCH", &world, "", json!({ "durationMinutes": 5 })).await;
    refused(&change, 409, "world_running");
    assert!(change.text.contains("/durationMinutes"));
    refused(&ask(&plane, "POST", &world, "/launch", json!({})).await, 409, "world_running");
    refused(&ask(&plane, "DELETE", &world, "", json!({})).await, 409, "world_in_use");
    refused(
        &ask(&plane, "POST", &world, "/stop", json!({ "force": true })).await,
        422,
        "reason_required",
    );
    let again = ask(&plane, "POST", &world, "/restart", json!({})).await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
    assert_ne!(again.body["id"], launched.body["id"]);
    let old = plane.ask(&format!("GET /api/deployments/{}", id(&launched.body)), None).await;
    assert_eq!(old.body["phase"], "Stopping");
    let line = format!("POST /api/deployments/{}/extend", id(&again.body));
    let extended = plane.ask(&line, Some(json!({ "minutes": 10 }))).await;
    assert!(extended.body["endsAt"].as_str() > again.body["endsAt"].as_str());
    assert_eq!(plane.ask(&line, Some(json!({ "minutes": 0 }))).await.status.as_u16(), 422);
    let stopped = ask(&plane, "POST", &world, "/stop", json!({})).await;
    assert_eq!(stopped.body["phase"], "Stopping");
}

#[tokio::test]
async fn a_standby_is_made_once_released_and_adopted() {
    let plane = Plane::start().await;
    let main = made(&plane, "Main").await;
    let standby = ask(&plane, "POST", &main, "/standby", json!({ "description": "d" })).await;
    assert_eq!(standby.status, StatusCode::CREATED, "{}", standby.text);
    let standby = standby.body;
    assert_eq!((&standby["name"], &standby["description"]), (&json!("FAILOVER Main"), &json!("d")));
    assert_eq!(
        (&standby["access"]["public"], &standby["standbyFor"]),
        (&json!(false), &main["id"])
    );
    refused(&ask(&plane, "POST", &main, "/standby", json!({})).await, 409, "standby_exists");
    assert_eq!(ask(&plane, "POST", &standby, "/standby", json!({})).await.status.as_u16(), 422);

    let released = ask(&plane, "PUT", &main, "/standby", json!({ "worldId": null })).await;
    assert_eq!(released.body["standby"], Value::Null);
    let mirror = ask(&plane, "PUT", &main, "/standby", json!({ "mirror": true })).await;
    refused(&mirror, 409, "standby_missing");
    let own = json!({ "worldId": main["id"] });
    assert_eq!(ask(&plane, "PUT", &main, "/standby", own).await.status.as_u16(), 422);
    let adopt = json!({ "worldId": standby["id"], "mirror": true });
    let adopted = ask(&plane, "PUT", &main, "/standby", adopt).await;
    assert_eq!((&adopted.body["standby"], &adopted.body["mirror"]), (&standby["id"], &json!(true)));

    let failed_over = json!({ "game": { "Failover": { "OverrideWorldId": standby["id"] } } });
    let line = "/live-config?force=true&reason=test";
    let saved = ask(&plane, "PATCH", &main, line, failed_over).await;
    assert_eq!(saved.status, StatusCode::OK, "{}", saved.text);
    let shown = plane.ask(&format!("GET /api/worlds/{}", id(&main)), None).await;
    assert_eq!(
        shown.body["status"]["failover"],
        json!({ "phase": "redirecting-new-joiners", "failoverId": null,
                "targetWorldId": standby["id"] })
    );
    refused(&ask(&plane, "DELETE", &standby, "", json!({})).await, 409, "world_in_use");
    refused(&ask(&plane, "POST", &main, "/launch", json!({})).await, 409, "world_failed_over");
    let cleared = ask(&plane, "POST", &main, "/launch", json!({ "failover": "clear" })).await;
    assert_eq!(cleared.status, StatusCode::ACCEPTED, "{}", cleared.text);
    let shown = plane.ask(&format!("GET /api/worlds/{}", id(&main)), None).await;
    assert_eq!(shown.body["status"]["failover"], Value::Null);
}

#[tokio::test]
async fn a_world_with_people_who_were_sent_there_is_stopped_or_restarted_only_by_force() {
    let plane = Plane::start().await;
    let (main, standby) = plane.pair().await;
    let redirect = json!({ "game": { "Failover": { "OverrideWorldId": standby } } });
    let line = format!("PATCH /api/worlds/{main}/live-config");
    assert_eq!(plane.ask(&line, Some(redirect)).await.status, StatusCode::OK);
    let post = async |verb: &str, body: Value| {
        plane.ask(&format!("POST /api/worlds/{standby}/{verb}"), Some(body)).await
    };
    plane.enter(&main).await;
    for verb in ["stop", "restart"] {
        let unforced = post(verb, json!({ "reason": "test" })).await;
        refused(&unforced, 409, "world_in_use");
        assert!(unforced.text.contains("`force`"), "{}", unforced.text);
        refused(&post(verb, json!({ "force": true })).await, 422, "reason_required");
    }
    for verb in ["restart", "stop"] {
        let forced = post(verb, json!({ "force": true, "reason": "test" })).await;
        assert_eq!(forced.status, StatusCode::ACCEPTED, "{verb}: {}", forced.text);
    }
}

#[tokio::test]
async fn a_restart_gives_a_launch_context_to_a_world_that_was_launched_without() {
    let plane = Plane::start().await;
    let world = made(&plane, "Main").await;
    let without = json!({ "launchContext": false });
    let launched = ask(&plane, "POST", &world, "/launch", without.clone()).await;
    assert_eq!(launched.body["launchContextId"], Value::Null, "{}", launched.text);
    let restarted = ask(&plane, "POST", &world, "/restart", json!({})).await;
    assert!(restarted.body["launchContextId"].is_string(), "{}", restarted.text);
    let restarted = ask(&plane, "POST", &world, "/restart", without).await;
    assert_eq!(restarted.body["launchContextId"], Value::Null, "{}", restarted.text);
}
