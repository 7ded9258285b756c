//! Worlds and deployments.

use serde_json::json;

use crate::server::{Server, text};
use crate::wait::wait_for;

#[tokio::test(flavor = "multi_thread")]
async fn a_world_goes_through_its_phases() {
    let server = Server::start().await;
    let world = server.world(json!({ "name": "Main Stage" })).await;
    let path = format!("/api/worlds/{world}");
    let post = async |verb: &str| server.api.post(&format!("{path}/{verb}"), json!({})).await;
    post("stop").await.expect_problem(409, "world_not_running");
    let first = post("launch").await.expect(202);
    server.await_phase(&world, "Active").await;
    post("launch").await.expect_problem(409, "world_running");
    let refused = server.api.patch(&path, json!({ "durationMinutes": 5 })).await;
    refused.expect_problem(409, "world_running");
    server.api.patch(&path, json!({ "description": "now" })).await.expect(200);
    server.api.delete(&path).await.expect_problem(409, "world_in_use");
    let second = post("restart").await.expect(202);
    assert_ne!(first["id"], second["id"], "a new deployment at every start");
    server.await_phase(&world, "Active").await;
    post("stop").await.expect(202);
    server.await_phase(&world, "Inactive").await;
    let deployments = server.api.get(&format!("{path}/deployments")).await.expect(200);
    assert_eq!(deployments["items"].as_array().map(Vec::len), Some(2), "{deployments}");
    let gone = server.api.delete(&path).await.status;
    assert!((200..300).contains(&gone), "{gone}");
    server.api.get(&path).await.expect_problem(404, "world_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_a_world_at_once_loses_nothing() {
    let server = Server::start().await;
    let world = server.world(json!({ "name": "Main Stage" })).await;
    let path = format!("/api/worlds/{world}");
    let label = |number: u32| json!({ "labels": { format!("l{number}"): "x" } });
    let tries = (0..24).map(|number| server.api.patch(&path, label(number)));
    for answer in futures::future::join_all(tries).await {
        answer.expect(200);
    }
    let labels = server.api.get(&path).await.expect(200)["labels"].clone();
    assert_eq!(labels.as_object().map(serde_json::Map::len), Some(24), "{labels}");
    let too_long = json!({ "reason": "x".repeat(501) });
    for verb in ["launch", "stop", "restart"] {
        let refused = server.api.post(&format!("{path}/{verb}"), too_long.clone()).await;
        let problem = refused.expect_problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["path"], "/reason", "{verb}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_worlds_run_several_servers_with_endpoints_and_logs() {
    let server = Server::start().await;
    let large = json!({ "name": "Large", "scale": { "profile": "Capacity1500" } });
    let world = server.active_world(large).await;
    let deployment = wait_for("three ready servers", async || {
        let deployment = server.deployment(&world).await;
        let ready = deployment["servers"].as_array()?.iter().filter(|one| one["phase"] == "Ready");
        (ready.count() == 3).then_some(deployment)
    })
    .await;
    for one in deployment["servers"].as_array().unwrap() {
        assert!(text(&one["endpoint"]).starts_with("ws://127.0.0.1:"), "{one}");
        assert!(one["pid"].as_i64().is_some_and(|pid| pid > 0), "{one}");
    }
    let path = format!("/api/deployments/{}/logs?tail=5", text(&deployment["id"]));
    assert_eq!(server.api.get(&path).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_over_world_is_not_relaunched_by_accident() {
    let server = Server::start().await;
    let (main, standby) = server.pair().await;
    let body = json!({ "reason": "test" });
    server.api.post(&format!("/api/worlds/{main}/failover"), body).await.expect(202);
    server.api.post(&format!("/api/worlds/{main}/stop"), json!({})).await.expect(202);
    server.await_phase(&main, "Inactive").await;
    let launch = format!("/api/worlds/{main}/launch");
    server.api.post(&launch, json!({})).await.expect_problem(409, "world_failed_over");
    server.api.post(&launch, json!({ "failover": "keep" })).await.expect(202);
    let live = server.api.get(&format!("/api/worlds/{main}/live-config")).await.expect(200);
    assert_eq!(live["game"]["Failover"]["OverrideWorldId"], standby);
    assert_eq!(live["game"]["ForceDisconnect"]["AllClients"], 1, "a launch never lowers a counter");
    server.api.delete(&format!("/api/worlds/{standby}")).await.expect_problem(409, "world_in_use");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_a_copy_with_its_door_closed() {
    let server = Server::start().await;
    let main = json!({ "name": "Main Stage", "settings": { "secret": 7 },
                       "scale": { "profile": "Capacity100" },
                       "access": { "groups": ["crew"] } });
    let main = server.world(main).await;
    let path = format!("/api/worlds/{main}/standby");
    let standby = server.api.post(&path, json!({})).await.expect(201);
    assert_eq!(
        (&standby["name"], &standby["standbyFor"]),
        (&json!("FAILOVER Main Stage"), &json!(main))
    );
    assert_eq!(
        (&standby["settings"]["secret"], &standby["access"]["public"]),
        (&json!(7), &json!(false))
    );
    server.api.post(&path, json!({})).await.expect_problem(409, "standby_exists");
    let main_now = server.api.get(&format!("/api/worlds/{main}")).await.expect(200);
    assert_eq!(main_now["standby"], standby["id"]);
    server.api.put(&path, json!({ "worldId": null })).await.expect(200);
    let main_now = server.api.get(&format!("/api/worlds/{main}")).await.expect(200);
    assert!(main_now["standby"].is_null());
}
