//! Game servers that die, hang and are replaced.

use rustix::process::Signal;
use serde_json::json;
use std::time::Duration;

use crate::guest::Guest;
use crate::proc::policies;
use crate::server::{Server, signal_process};
use crate::wait::{wait_for, wait_within};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_is_replaced_within_the_same_deployment() {
    let server = Server::start().await;
    let world = server.active_world(json!({ "name": "Main Stage" })).await;
    let before = server.deployment(&world).await;
    server.signal_servers(&world, Signal::KILL).await;
    let after = wait_for("a replacement that is ready", async || {
        let now = server.deployment(&world).await;
        let replaced = now["servers"]
            .as_array()?
            .iter()
            .any(|one| one["phase"] == "Ready" && one["id"] != before["servers"][0]["id"]);
        replaced.then_some(now)
    })
    .await;
    assert_eq!(after["id"], before["id"]);
    server.await_phase(&world, "Active").await;
    Guest::enter(&server.api, &world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_plane_s_threads_take_turns_and_its_game_servers_are_scheduled_as_usual() {
    let server = Server::start().await;
    let world = server.active_world(json!({ "name": "Main Stage" })).await;
    let (usual, batch) = (0, 3);
    let own = policies(server.pid());
    for name in ["tokio-rt-worker", "gateway-0", "desk"] {
        let found: Vec<_> = own.iter().filter(|(thread, _)| thread == name).collect();
        assert!(!found.is_empty() && found.iter().all(|(_, policy)| *policy == batch), "{own:?}");
    }
    let pid = u32::try_from(server.pids(&world).await[0]).expect("not negative");
    assert!(policies(pid).iter().all(|(_, policy)| *policy == usual));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fourth_loss_in_ten_minutes_is_an_error() {
    let server = Server::start().await;
    let world = server.active_world(json!({ "name": "Main Stage" })).await;
    let mut killed = Vec::new();
    for _ in 0..4 {
        let pid = wait_for("a server that was not killed yet", async || {
            let now = server.deployment(&world).await;
            let ready = now["servers"].as_array()?.iter().find(|one| one["phase"] == "Ready")?;
            let pid = i32::try_from(ready["pid"].as_i64()?).ok()?;
            (!killed.contains(&pid)).then_some(pid)
        })
        .await;
        signal_process(pid, Signal::KILL);
        killed.push(pid);
    }
    server.await_phase(&world, "Error").await;
    let answer = server.api.anonymous().post(&format!("/api/worlds/{world}/join"), json!({})).await;
    let problem = answer.expect_problem(503, "world_not_active");
    assert!(problem["retryAfterMs"].as_u64().is_some_and(|ms| ms > 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_server_is_noticed_within_twenty_seconds_and_replaced() {
    let server = Server::start().await;
    let world = server.active_world(json!({ "name": "Main Stage" })).await;
    let before = server.deployment(&world).await;
    server.signal_servers(&world, Signal::STOP).await;
    wait_within(Duration::from_secs(25), "the hung server to be replaced", async || {
        let now = server.deployment(&world).await;
        let servers = now["servers"].as_array()?;
        (!servers.is_empty() && servers.iter().all(|one| one["id"] != before["servers"][0]["id"]))
            .then_some(())
    })
    .await;
}
