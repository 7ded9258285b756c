//! Failovers that begin by themselves: after the grace time, under the same rules as by hand, and
//! not at all once automation was stopped.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::guest::Guest;
use crate::guide::failover_in;
use crate::server::Server;
use crate::wait::wait_for;

async fn enable(server: &Server, world: &str, grace_seconds: u32) {
    let policy = json!({ "enabled": true, "graceSeconds": grace_seconds });
    let set = server.api.put(&format!("/api/worlds/{world}/automation"), policy).await.expect(200);
    assert_eq!((&set["enabled"], &set["coolDownSeconds"]), (&json!(true), &json!(600)), "{set}");
}

async fn standing(server: &Server, world: &str, wanted: &str) -> Value {
    wait_for(&format!("the automation to be {wanted}"), async || {
        let seen = server.api.get(&format!("/api/worlds/{world}/automation")).await.expect(200);
        (seen["standing"] == wanted).then_some(seen)
    })
    .await
}

async fn switch(server: &Server, stopped: bool) {
    let body = json!({ "stopped": stopped, "reason": "rehearsal" });
    server.api.put("/api/automation", body).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_world_whose_servers_are_gone_fails_over_by_itself_once() {
    let mut server = Server::start_with(&["--restart-policy", "never"]).await;
    let (main, standby) = server.pair().await;
    enable(&server, &main, 1).await;
    // A policy outlives the process that it was given to.
    server.kill();
    server.restart().await;
    standing(&server, &main, "watching").await;
    let mut guest = Guest::enter(&server.api, &main).await;
    server.signal_servers(&main, Signal::KILL).await;
    guest.obey().await;
    assert_eq!(guest.world(), standby);
    let record = failover_in(&server, &main, "complete").await;
    assert_eq!((&record["by"], &record["counts"]["landed"]), (&json!("automation"), &json!(1)));
    let reason = record["reason"].as_str().expect("a reason");
    assert!(reason.contains("lost the game"), "{reason}");
    standing(&server, &main, "away").await;
    let audit = server.api.get("/api/audit?limit=50").await.expect(200);
    let entries = audit["items"].as_array().expect("entries");
    let acts = entries.iter().filter(|entry| entry["who"] == "automation");
    assert_eq!(acts.map(|entry| &entry["outcome"]).collect::<Vec<_>>(), ["done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_automation_moves_nobody_until_it_goes_on() {
    let server = Server::start_with(&["--restart-policy", "never"]).await;
    let (main, standby) = server.pair().await;
    enable(&server, &main, 1).await;
    let unexplained = server.api.put("/api/automation", json!({ "stopped": true })).await;
    assert_eq!(unexplained.status, 422, "a stop has a reason");
    switch(&server, true).await;
    let mut guest = Guest::enter(&server.api, &main).await;
    server.signal_servers(&main, Signal::KILL).await;
    server.await_phase(&main, "Error").await;
    standing(&server, &main, "stopped").await;
    let failovers = server.api.get("/api/failovers").await.expect(200);
    assert_eq!(failovers["items"], json!([]));
    switch(&server, false).await;
    guest.obey().await;
    assert_eq!(guest.world(), standby);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_blocks_an_automatic_failover_is_said_once_and_then_awaited() {
    let server = Server::start_with(&["--restart-policy", "never"]).await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let asleep = server.api.post(&format!("/api/worlds/{main}/standby"), json!({})).await;
    let standby = asleep.expect(201)["id"].as_str().expect("an id").to_owned();
    enable(&server, &main, 1).await;
    let mut guest = Guest::enter(&server.api, &main).await;
    server.signal_servers(&main, Signal::KILL).await;
    let blocked = standing(&server, &main, "blocked").await;
    assert!(blocked["blockedBy"].as_str().is_some_and(|text| !text.is_empty()), "{blocked}");
    server.api.post(&format!("/api/worlds/{standby}/launch"), json!({})).await.expect(202);
    guest.obey().await;
    assert_eq!(guest.world(), standby);
    let audit = server.api.get("/api/audit?limit=50").await.expect(200);
    let entries = audit["items"].as_array().expect("entries");
    let by_itself = entries.iter().filter(|entry| entry["who"] == "automation");
    let mut outcomes: Vec<_> = by_itself.map(|entry| entry["outcome"].to_string()).collect();
    outcomes.dedup();
    assert!(outcomes.len() <= 4, "each obstacle is tried once, not every second: {outcomes:?}");
    assert_eq!(outcomes.first().map(String::as_str), Some("\"done\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_out_of_range_is_refused_with_the_field() {
    let server = Server::start().await;
    let world = server.world(json!({ "name": "Main Stage" })).await;
    let path = format!("/api/worlds/{world}/automation");
    for (body, field) in [
        (json!({ "enabled": true, "graceSeconds": 0 }), "/graceSeconds"),
        (json!({ "enabled": true, "coolDownSeconds": 59 }), "/coolDownSeconds"),
    ] {
        let answer = server.api.put(&path, body).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["path"]), (422, &json!(field)));
    }
    let missing = server.api.put("/api/worlds/wld_none/automation", json!({})).await;
    assert_eq!(missing.status, 404);
    assert_eq!(server.api.get(&path).await.expect(200)["standing"], "off");
}
