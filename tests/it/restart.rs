//! The control plane killed and started again.

use serde_json::json;

use crate::guest::{Guest, close_code, dial_channel, frame, join_patiently, open_channel};
use crate::guide::failover_in;
use crate::server::{Server, text};
use crate::wait::wait_for;

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_the_servers_run_on_and_everyone_comes_back() {
    let mut server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let mut guest = Guest::enter(&server.api, &main).await;
    let pids = server.pids(&main).await;
    let jwks = server.api.get("/.well-known/jwks.json").await.expect(200);
    server.kill();
    server.restart().await;
    server.await_phase(&main, "Active").await;
    assert_eq!(server.pids(&main).await, pids);
    assert_eq!(server.api.get("/.well-known/jwks.json").await.expect(200), jwks);
    let (channel, hello) = open_channel(&guest.placed).await;
    guest.channel = channel;
    assert_eq!((&hello["session"], hello["rejoin"].is_null()), (&guest.placed["session"], true));
    let body = json!({ "client": { "kind": "test" } });
    let placed = join_patiently(&server.api.anonymous(), &main, &body).await;
    assert_eq!(placed["world"], main);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kicked_session_stays_kicked_after_kill_9() {
    let mut server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let mut guest = Guest::enter(&server.api, &main).await;
    let session = text(&guest.placed["session"]);
    server.api.delete(&format!("/api/sessions/{session}")).await.expect(204);
    assert_eq!(guest.frame("bye").await["reason"], "kicked");
    server.kill();
    server.restart().await;
    server.await_phase(&main, "Active").await;
    let mut channel = dial_channel(&guest.placed).await;
    assert_eq!(close_code(&mut channel).await, Some(4004));
    let body = json!({ "previous": guest.placed["sessionToken"] });
    let anew = join_patiently(&server.api.anonymous(), &main, &body).await;
    assert_eq!((&anew["previousAccepted"], &anew["user"]), (&json!(false), &guest.placed["user"]));
    assert_ne!(anew["session"], session);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_goes_on_after_kill_9_in_its_middle() {
    let mut server = Server::start().await;
    let (main, standby) = server.pair().await;
    let mut guests = Vec::new();
    for _ in 0..4 {
        guests.push(Guest::enter(&server.api, &main).await);
    }
    let slow = json!({ "reason": "test", "maxRejoinsPerSecond": 0.5 });
    let begun = server.api.post(&format!("/api/worlds/{main}/failover"), slow).await.expect(202);
    guests[0].obey().await;
    let path = format!("/api/failovers/{}", begun["id"].as_str().unwrap());
    wait_for("the first landing to be kept", async || {
        let record = server.api.get(&path).await.expect(200);
        (record["counts"]["landed"] == 1).then_some(())
    })
    .await;
    server.kill();
    server.restart().await;
    for guest in &mut guests[1..] {
        let (channel, hello) = open_channel(&guest.placed).await;
        guest.channel = channel;
        let wait = hello["rejoin"]["rejoinAfterMs"].as_u64().expect("it still has to rejoin");
        guest.rejoin(wait).await;
        assert_eq!(guest.world(), standby);
    }
    let (channel, _) = open_channel(&guests[0].placed).await;
    guests[0].channel = channel;
    guests[0].say_in_world().await;
    let done = failover_in(&server, &main, "complete").await;
    assert_eq!((&done["id"], &done["counts"]["landed"]), (&begun["id"], &json!(4)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_serve_on_the_same_data_refuses_to_start() {
    let server = Server::start().await;
    let output = std::process::Command::new(crate::server::lifeboat())
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(server.data())
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("another `lifeboat serve`"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_to_come_back_at_a_planned_stop() {
    let mut server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let mut guest = Guest::enter(&server.api, &main).await;
    let pids = server.pids(&main).await;
    server.terminate().await;
    let bye = frame(&mut guest.channel, "bye").await;
    assert_eq!(bye["reason"], "shutdown");
    server.restart().await;
    assert_eq!(server.pids(&main).await, pids);
}
