//! The one-step failover and the way back, with servers killed for real.

use futures::SinkExt as _;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::guest::{Guest, close_code, join_patiently};
use crate::guide::failover_in;
use crate::proc::rings;
use crate::server::Server;
use crate::wait::wait_for;

#[tokio::test(flavor = "multi_thread")]
async fn killed_servers_one_action_and_everyone_is_in_the_backup() {
    let server = Server::start_with(&["--restart-policy", "never"]).await;
    let (main, standby) = server.pair().await;
    let mut guests = Vec::new();
    for _ in 0..3 {
        guests.push(Guest::enter(&server.api, &main).await);
    }
    server.signal_servers(&main, Signal::KILL).await;
    server.await_phase(&main, "Error").await;
    let body = json!({ "reason": "the servers died", "message": "Back in a moment" });
    let path = format!("/api/worlds/{main}/failover");
    let begun = server.api.post(&path, body.clone()).await.expect(202);
    assert_eq!((&begun["kind"], &begun["targetWorldId"]), (&json!("failover"), &json!(standby)));
    let again = server.api.post(&path, body).await.expect(200);
    assert_eq!(again["id"], begun["id"], "a double click is one failover");
    for guest in &mut guests {
        let order = guest.obey().await;
        assert_eq!(
            (&order["message"], &order["failover"]),
            (&json!("Back in a moment"), &begun["id"])
        );
        assert_eq!(guest.world(), standby);
    }
    let done = failover_in(&server, &main, "complete").await;
    assert_eq!(done["counts"]["landed"], 3);
    assert!(done["darkMs"]["n"].as_u64() == Some(3), "{done}");
    assert!(done["outageMs"].as_u64().is_some(), "{done}");
    let live = server.api.get(&format!("/api/worlds/{main}/live-config")).await.expect(200);
    assert_eq!(live["game"]["Failover"]["OverrideWorldId"], standby);
    assert_eq!(live["game"]["ForceDisconnect"]["AllClients"], 1, "one raise, however often asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_io_uring_everyone_is_brought_over_all_the_same() {
    let usual = Server::start().await;
    let is_refused = usual.log().contains("io_uring cannot be used");
    assert!(rings(usual.pid()) == 1 || is_refused, "{}", usual.log());
    let folder = tempfile::tempdir().expect("a folder for the test");
    let config = folder.path().join("lifeboat.toml");
    std::fs::write(&config, "io_uring = false\n").expect("a file");
    let server = Server::start_with(&["--config", &config.to_string_lossy()]).await;
    assert_eq!(rings(server.pid()), 0);
    let (main, standby) = server.pair().await;
    let mut guests = Vec::new();
    for _ in 0..3 {
        guests.push(Guest::enter(&server.api, &main).await);
    }
    let body = json!({ "reason": "a test" });
    server.api.post(&format!("/api/worlds/{main}/failover"), body).await.expect(202);
    for guest in &mut guests {
        guest.obey().await;
        assert_eq!(guest.world(), standby);
    }
    assert_eq!(failover_in(&server, &main, "complete").await["counts"]["landed"], 3);
}

/// Fails a main world over in the moment in which something was done to its servers, and gives the
/// record once it knows the outage.
async fn outage_after(signal: Signal) -> Value {
    let server = Server::start().await;
    let (main, _) = server.pair().await;
    let mut guest = Guest::enter(&server.api, &main).await;
    server.signal_servers(&main, signal).await;
    let body = json!({ "reason": "the servers failed" });
    let begun = server.api.post(&format!("/api/worlds/{main}/failover"), body).await.expect(202);
    guest.obey().await;
    wait_for("the outage to be known", async || {
        let path = format!("/api/failovers/{}", crate::server::text(&begun["id"]));
        let record = server.api.get(&path).await.expect(200);
        (record["phase"] == "complete" && !record["outageMs"].is_null()).then_some(record)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_that_is_faster_than_the_news_of_the_end_has_an_outage_too() {
    for signal in [Signal::KILL, Signal::STOP] {
        let record = outage_after(signal).await;
        let outage = record["outageMs"].as_u64().expect("a number");
        assert!(record["lastHealthyAt"].is_string(), "{record}");
        assert!(outage >= record["darkMs"]["max"].as_u64().expect("a number"), "{record}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_pushes_is_moved_without_a_request() {
    let server = Server::start().await;
    let (main, standby) = server.pair().await;
    let client = json!({ "kind": "sdk", "accepts": ["placement"] });
    let mut guest = Guest::enter_as(&server.api.anonymous(), &main, client).await;
    let body = json!({ "reason": "rehearsal" });
    server.api.post(&format!("/api/worlds/{main}/failover"), body).await.expect(202);
    guest.frame("forceDisconnect").await;
    let placement = guest.frame("placement").await;
    assert_eq!(placement["world"], standby);
    guest.game = crate::guest::open_game(&placement).await;
    guest.placed = placement;
    guest.say_in_world().await;
    let done = failover_in(&server, &main, "complete").await;
    assert_eq!(done["counts"]["landed"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn failback_brings_home_who_asked_for_main_and_nobody_else() {
    let server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let standby = json!({ "launch": true, "access": { "public": true } });
    let standby =
        server.api.post(&format!("/api/worlds/{main}/standby"), standby).await.expect(201);
    let standby = crate::server::text(&standby["id"]);
    server.await_phase(&standby, "Active").await;
    let mut of_main = Guest::enter(&server.api, &main).await;
    let mut of_standby = Guest::enter(&server.api, &standby).await;
    let body = json!({ "reason": "rehearsal" });
    server.api.post(&format!("/api/worlds/{main}/failover"), body.clone()).await.expect(202);
    of_main.obey().await;
    failover_in(&server, &main, "complete").await;
    let force = json!({ "reason": "home at once", "force": true });
    let home = server.api.post(&format!("/api/worlds/{main}/failback"), force).await.expect(202);
    assert_eq!(home["kind"], "failback");
    let order = of_main.obey().await;
    assert_eq!((&order["reason"], of_main.world()), (&json!("failback"), main.clone()));
    failover_in(&server, &main, "complete").await;
    let first = server.api.get(&format!("/api/failovers?world={main}")).await.expect(200);
    assert_eq!(first["items"][1]["phase"], "failed-back");
    of_standby.say(json!({ "type": "pong" })).await;
    let sessions = server.api.get(&format!("/api/worlds/{standby}/sessions")).await.expect(200);
    assert_eq!(sessions["items"].as_array().map(Vec::len), Some(1), "{sessions}");
    let refused = server.api.post(&format!("/api/worlds/{main}/failback"), body).await;
    refused.expect_problem(409, "not_failed_over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_without_a_standby_is_blocked_with_the_rule_and_the_remedy() {
    let server = Server::start().await;
    let main = server.active_world(json!({ "name": "Lonely" })).await;
    let path = format!("/api/worlds/{main}/failover");
    let blocked = server.api.post(&path, json!({ "reason": "test" })).await;
    let blocked = blocked.expect_problem(409, "failover_blocked");
    assert!(
        blocked["rules"][0]["remedy"].as_str().is_some_and(|text| !text.is_empty()),
        "{blocked}"
    );
    let readiness = server.api.get(&format!("/api/worlds/{main}/readiness")).await.expect(200);
    assert_eq!(readiness["ready"], false);
    let no_reason = server.api.post(&path, json!({ "force": true })).await;
    no_reason.expect_problem(422, "reason_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_changes_nothing() {
    let server = Server::start().await;
    let (main, standby) = server.pair().await;
    let path = format!("/api/worlds/{main}/failover");
    let planned = server.api.post(&path, json!({ "dryRun": true })).await.expect(200);
    assert_eq!(planned["targetWorldId"], standby);
    let list = server.api.get("/api/failovers").await.expect(200);
    assert_eq!(list["items"], Value::Array(Vec::new()));
    let placed = join_patiently(&server.api.anonymous(), &main, &json!({})).await;
    assert_eq!(placed["redirected"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_main_that_wakes_up_keeps_nobody() {
    let server = Server::start_with(&["--restart-policy", "never"]).await;
    let (main, standby) = server.pair().await;
    let mut guest = Guest::enter(&server.api, &main).await;
    let pids = server.pids(&main).await;
    server.signal_servers(&main, Signal::STOP).await;
    let body = json!({ "reason": "it hangs" });
    server.api.post(&format!("/api/worlds/{main}/failover"), body).await.expect(202);
    let stays = crate::guest::open_channel(&guest.placed.clone()).await;
    drop(stays);
    // A client that does not obey: it keeps its old game connection.
    for pid in pids {
        crate::server::signal_process(pid, Signal::CONT);
    }
    assert_eq!(close_code(&mut guest.game).await, Some(4002));
    assert_ne!(main, standby);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sleeping_backup_is_launched_and_everyone_stays_where_they_are_until_it_is_awake() {
    let mut server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let standby = server.api.post(&format!("/api/worlds/{main}/standby"), json!({})).await;
    let standby = crate::server::text(&standby.expect(201)["id"]);
    let mut guest = Guest::enter(&server.api, &main).await;
    let path = format!("/api/worlds/{main}/failover");
    let body = json!({ "reason": "a change of halls", "waitForTarget": true });
    let begun = server.api.post(&path, body).await.expect(202);
    assert_eq!((&begun["phase"], &begun["waitsForTarget"]), (&json!("held"), &json!(true)));
    // The wait outlives the process that began it.
    server.kill();
    server.restart().await;
    (guest.channel, guest.hello) = crate::guest::open_channel(&guest.placed).await;
    // The backup may be awake by now.
    match guest.hello["rejoin"]["rejoinAfterMs"].as_u64() {
        Some(wait) => guest.rejoin(wait).await,
        None => drop(guest.obey().await),
    }
    assert_eq!(guest.world(), standby);
    let landed = wait_for("the landing", async || {
        let seen = server.api.get(&format!("/api/failovers?world={main}")).await.expect(200);
        (seen["items"][0]["counts"]["landed"] == 1).then(|| seen["items"][0].clone())
    });
    let done = landed.await;
    assert_eq!(done["id"], begun["id"], "{done}");
    let (woke, began) = (&done["waitedUntil"], &done["startedAt"]);
    assert!(woke.as_str() > began.as_str(), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_gracefully_stays_in_the_game_until_it_is_their_turn() {
    let server = Server::start().await;
    let (main, standby) = server.pair().await;
    let mut guests =
        [Guest::enter(&server.api, &main).await, Guest::enter(&server.api, &main).await];
    let slow = json!({ "game": { "Admission": { "JoinsPerSecond": 0.5 } } });
    server.api.patch(&format!("/api/worlds/{standby}/live-config"), slow).await.expect(200);
    let body = json!({ "reason": "a change of halls", "mode": "graceful" });
    server.api.post(&format!("/api/worlds/{main}/failover"), body).await.expect(202);
    let mut orders = Vec::new();
    for guest in &mut guests {
        orders.push(guest.frame("forceDisconnect").await);
    }
    let waits = |order: &Value| order["leaveAfterMs"].as_u64().expect("a time");
    let later = usize::from(waits(&orders[1]) > waits(&orders[0]));
    assert!(waits(&orders[later]) > 1_000, "{orders:?}");
    guests[1 - later].rejoin(0).await;
    // The one who waits is answered by the main world's server still.
    let said = json!({ "type": "say", "text": "still here" }).to_string();
    guests[later].game.send(Message::text(said)).await.expect("the game goes on");
    let heard = crate::guest::frame(&mut guests[later].game, "chat").await;
    assert_eq!(heard["lines"][0]["text"], "still here");
    let wait = waits(&orders[later]);
    guests[later].rejoin(wait).await;
    assert!(guests.iter().all(|guest| guest.world() == standby));
    failover_in(&server, &main, "complete").await;
}
