//! Alarms from real processes: killed, hung, and lost by clients alone; in the API, in the log, as
//! events and at webhooks.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::guest::Guest;
use crate::server::Server;
use crate::wait::wait_for;

/// The alarm of a world, once it says this.
async fn alarm(server: &Server, world: &str, parts: &[&str]) -> Value {
    wait_for(&format!("an alarm that says {parts:?}"), async || {
        let alarms = server.api.get("/api/alarms").await.expect(200);
        let alarms = alarms["items"].as_array().cloned().unwrap_or_default();
        let found = alarms.into_iter().find(|alarm| alarm["worldId"] == world)?;
        let message = found["message"].as_str()?;
        parts.iter().all(|part| message.contains(part)).then_some(found)
    })
    .await
}

async fn no_alarms(server: &Server) {
    wait_for("the alarms to end", async || {
        let alarms = server.api.get("/api/alarms").await.expect(200);
        (alarms["items"] == json!([])).then_some(())
    })
    .await;
}

/// A client tells that it lost its game server.
async fn lose_game(guest: &mut Guest) {
    let (world, server) = (guest.placed["world"].clone(), guest.placed["server"].clone());
    let frame = json!({
        "type": "state", "state": "loading", "world": world, "server": server,
        "cause": "gameLost", "sinceMs": 100,
    });
    guest.say(frame).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_servers_are_an_alarm_with_who_lost_the_game_and_whether_the_standby_would_do() {
    let server = Server::start_with(&["--restart-policy", "never"]).await;
    let (main, standby) = server.pair().await;
    no_alarms(&server).await;
    let mut guests = Vec::new();
    for _ in 0..3 {
        guests.push(Guest::enter(&server.api, &main).await);
    }
    no_alarms(&server).await;
    server.signal_servers(&main, Signal::KILL).await;
    for guest in &mut guests[..2] {
        lose_game(guest).await;
    }
    let parts = ["Main Stage: server gone ", " s, 2 of 3 lost the game, standby ready"];
    let found = alarm(&server, &main, &parts).await;
    assert_eq!((&found["cause"], &found["connected"]), (&json!("serverGone"), &json!(3)));
    assert_eq!(found["standby"], json!({ "worldId": standby, "ready": true, "failing": [] }));
    assert!(found["since"].as_str().is_some_and(|at| at.ends_with('Z')), "{found}");
    // The standby is lost too: the alarm says so, and which checks block.
    server.signal_servers(&standby, Signal::KILL).await;
    let found = alarm(&server, &main, &["standby NOT ready (", "deployment.active"]).await;
    assert_eq!(found["standby"]["ready"], false);
    let log = wait_for("the log to say so", async || {
        let log = fs::read_to_string(server.data().join("serve.log")).ok()?;
        log.contains("lost the game, standby NOT ready").then_some(log)
    })
    .await;
    assert!(log.contains("Main Stage: server gone "), "{log}");
    for guest in &mut guests {
        guest.say(json!({ "type": "leave" })).await;
    }
    no_alarms(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_server_is_an_alarm_of_its_own() {
    let server = Server::start_with(&["--restart-policy", "never"]).await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let _guest = Guest::enter(&server.api, &main).await;
    server.signal_servers(&main, Signal::STOP).await;
    let found = alarm(&server, &main, &["Main Stage: server ", "no standby"]).await;
    let cause = found["cause"].as_str().expect("a cause");
    // Once it missed its health calls it is killed, and then it is gone.
    assert!(["serverHung", "serverGone"].contains(&cause), "{found}");
    server.signal_servers(&main, Signal::CONT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_lost_a_server_that_is_well_are_an_alarm_too() {
    let server = Server::start().await;
    let (main, _) = server.pair().await;
    let mut guest = Guest::enter(&server.api, &main).await;
    lose_game(&mut guest).await;
    let parts = ["Main Stage: server well, 1 of 1 lost the game for 1", "standby ready"];
    assert_eq!(alarm(&server, &main, &parts).await["cause"], "gameLost");
    guest.say_in_world().await;
    no_alarms(&server).await;
}
