//! Game servers that die, freeze, wake up, and take connections without ever answering.

use std::time::{Duration, Instant};

use e2e::bots::Crew;
use e2e::dice::{Dice, is_long, show, sized};
use e2e::game_mod::GameMod;
use e2e::pace::rows;
use e2e::proc::connections_to;
use e2e::server::{Server, signal_process, text};
use e2e::wait::{wait_for, wait_within};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{LONG, Stage, complete, count_is, sessions};

const CROWD: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn main_killed_everyone_lands() {
    let mut dice = Dice::of("main_killed");
    let stage = Stage::with_crowd(&["--restart-policy", "never"], CROWD, dice.seed()).await;
    stage.server.signal_servers(&stage.main, Signal::KILL).await;
    // An operator is never at the same moment; from before anybody noticed to long after.
    tokio::time::sleep(dice.within(Duration::from_secs(3))).await;
    let begun = stage.fail_over(json!({})).await;
    let done = stage.all_landed(&begun, &stage.standby).await;
    show(&format!("main killed: dark {}, outage {} ms", done["darkMs"], done["outageMs"]));
    assert_eq!(done["counts"]["refused"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn main_hung_and_awake_again_keeps_nobody() {
    let mut dice = Dice::of("main_hung_and_awake_again");
    let stage = Stage::with_crowd(&["--restart-policy", "never"], CROWD, dice.seed()).await;
    let pids = stage.server.pids(&stage.main).await;
    let zombie = stage.server.game_ports(&stage.main).await;
    stage.server.signal_servers(&stage.main, Signal::STOP).await;
    tokio::time::sleep(dice.within(Duration::from_secs(2))).await;
    // To whoever comes now main takes the connection, by its kernel, and never answers.
    let url = &stage.server.api.url;
    let late = Crew { seed: dice.seed() + 1_000, ..Crew::of(url, &stage.main, 5) }.send();
    wait_for("the late ones to be placed in the frozen world", async || {
        (late.report()["counts"]["connecting"] == 5).then_some(())
    })
    .await;
    let begun = stage.fail_over(json!({})).await;
    let done = complete(stage.api(), &text(&begun["id"]), LONG).await;
    assert_eq!(done["counts"]["landed"], CROWD + 5, "{}", done["counts"]);
    late.await_in(&stage.standby, 5, LONG).await;
    stage.bots.await_in(&stage.standby, CROWD, LONG).await;
    for pid in pids {
        signal_process(pid, Signal::CONT);
    }
    wait_for("the zombie to be empty", async || {
        let there: usize = zombie.iter().copied().map(connections_to).sum();
        (there == 0).then_some(())
    })
    .await;
    stage.bots.await_in(&stage.standby, CROWD, LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_main_that_is_well_and_never_welcomes_anybody_all_get_over() {
    let mut dice = Dice::of("main_never_answers");
    let game_mod = GameMod::of(env!("CARGO_BIN_EXE_e2e-game-server"));
    let setup = game_mod.setup("127.0.0.1");
    let server = Server::start_as(TempDir::new().expect("a folder"), setup).await;
    let main = server.world(game_mod.world()).await;
    game_mod.make_mute(std::slice::from_ref(&main));
    server.api.post(&format!("/api/worlds/{main}/launch"), json!({})).await.expect(202);
    server.await_phase(&main, "Active").await;
    let standby = server.standby_of(&main).await;
    let bots = Crew { seed: dice.seed(), ..Crew::of(&server.api.url, &main, CROWD) }.send();
    wait_for("everyone to be sent to the servers that never answer", async || {
        let there = sessions(&server.api, &main).await.len();
        (there == CROWD && taken(&server, &main).await >= CROWD).then_some(())
    })
    .await;
    // From before anybody gave its game up to long after.
    tokio::time::sleep(dice.within(sized(Duration::from_secs(4), Duration::from_secs(40)))).await;
    let world = server.api.get(&format!("/api/worlds/{main}")).await.expect(200);
    assert_eq!(world["status"]["phase"], "Active", "to the control plane they are well");
    assert_eq!(bots.report()["counts"]["inWorld"], json!({}), "nobody was welcomed");
    let path = format!("/api/worlds/{main}/failover");
    let begun = server.api.post(&path, json!({ "reason": "dark" })).await.expect(202);
    let done = complete(&server.api, &text(&begun["id"]), LONG).await;
    assert_eq!(done["counts"]["landed"], CROWD, "{}", done["counts"]);
    bots.await_in(&standby, CROWD, LONG).await;
    assert_eq!(sessions(&server.api, &main).await, Vec::<Value>::new(), "nobody stayed behind");
    show(&format!("main well and mute: all landed, dark {}", done["darkMs"]));
}

/// Connections that a world's servers hold.
async fn taken(server: &Server, world: &str) -> usize {
    server.game_ports(world).await.into_iter().map(connections_to).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_standby_counts_nobody_as_landed() {
    let dice = Dice::of("frozen_standby");
    let stage = Stage::with_crowd(&[], CROWD, dice.seed()).await;
    let pids = stage.server.pids(&stage.standby).await;
    stage.server.signal_servers(&stage.standby, Signal::STOP).await;
    let begun = stage.fail_over(json!({})).await;
    let id = text(&begun["id"]);
    count_is(stage.api(), &id, "placed", CROWD, LONG).await;
    let record = stage.api().get(&format!("/api/failovers/{id}")).await.expect(200);
    assert_eq!(
        (&record["counts"]["landed"], &record["counts"]["pending"]),
        (&json!(0), &json!(CROWD)),
        "frozen servers hold nobody: {}",
        record["counts"]
    );
    for pid in pids {
        signal_process(pid, Signal::CONT);
    }
    stage.all_landed(&begun, &stage.standby).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standby_freezes_in_mid_move() {
    let mut dice = Dice::of("standby_freezes_in_mid_move");
    let stage = Stage::with_crowd(&[], CROWD, dice.seed()).await;
    let pids = stage.server.pids(&stage.standby).await;
    let begun = stage.fail_over(json!({ "maxRejoinsPerSecond": 20 })).await;
    tokio::time::sleep(dice.within(Duration::from_secs(3))).await;
    stage.server.signal_servers(&stage.standby, Signal::STOP).await;
    let id = text(&begun["id"]);
    // Frames that were on their way may still arrive.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let frozen_at = landed(&stage, &id).await;
    count_is(stage.api(), &id, "placed", CROWD, LONG).await;
    assert_eq!(landed(&stage, &id).await, frozen_at, "nobody lands in frozen servers");
    show(&format!("standby frozen with {frozen_at} of {CROWD} landed"));
    // Short of being replaced, or long enough for it.
    if is_long() {
        let gone = async || {
            let now = stage.server.pids(&stage.standby).await;
            (!now.is_empty() && now != pids).then_some(())
        };
        wait_within(Duration::from_secs(40), "the frozen servers to be replaced", gone).await;
    } else {
        for pid in pids {
            signal_process(pid, Signal::CONT);
        }
    }
    stage.all_landed(&begun, &stage.standby).await;
}

async fn landed(stage: &Stage, failover: &str) -> usize {
    rows(stage.api(), failover, Some("landed")).await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standby_dies_in_mid_move() {
    let mut dice = Dice::of("standby_dies_in_mid_move");
    let stage = Stage::with_crowd(&[], CROWD, dice.seed()).await;
    let begun = stage.fail_over(json!({ "maxRejoinsPerSecond": 20 })).await;
    tokio::time::sleep(dice.within(Duration::from_secs(3))).await;
    let before = landed(&stage, &text(&begun["id"])).await;
    stage.server.signal_servers(&stage.standby, Signal::KILL).await;
    show(&format!("standby killed with {before} of {CROWD} landed"));
    stage.all_landed(&begun, &stage.standby).await;
    // Who had landed lost the game again; the ledger keeps that it landed, and it is back too.
    assert_eq!(taken(&stage.server, &stage.standby).await, CROWD);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_dead_people_wait_with_an_honest_message_and_are_in_soon_after() {
    let dice = Dice::of("both_dead");
    let stage = Stage::with_crowd(&["--restart-policy", "never"], CROWD, dice.seed()).await;
    let begun = stage.fail_over(json!({})).await;
    stage.all_landed(&begun, &stage.standby).await;
    stage.server.signal_servers(&stage.main, Signal::KILL).await;
    stage.server.signal_servers(&stage.standby, Signal::KILL).await;
    stage.server.await_phase(&stage.standby, "Error").await;
    let path = format!("/api/worlds/{}/join", stage.main);
    let refusal = stage.api().anonymous().post(&path, json!({})).await;
    let refusal = refusal.expect_problem(503, "target_not_active");
    assert!(refusal["retryAfterMs"].as_u64().is_some_and(|ms| ms > 0), "{refusal}");
    assert!(refusal["detail"].as_str().is_some_and(|text| text.contains("not ready")), "{refusal}");
    wait_for("everyone to wait", async || {
        let counts = stage.bots.report()["counts"].clone();
        let out = ["waiting", "joining", "connecting"].iter();
        let out: u64 = out.filter_map(|word| counts[word].as_u64()).sum();
        (out == CROWD as u64).then_some(())
    })
    .await;
    // Long enough for the slowest of polls to have begun.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let launch = format!("/api/worlds/{}/launch", stage.standby);
    stage.api().post(&launch, json!({})).await.expect(202);
    stage.server.await_phase(&stage.standby, "Active").await;
    let healthy_at = Instant::now();
    stage.bots.await_in(&stage.standby, CROWD, Duration::from_secs(10)).await;
    show(&format!("both dead: all in {} ms after Active", healthy_at.elapsed().as_millis()));
    let refused: Value = stage.bots.report()["counts"]["refused"].clone();
    assert_eq!(refused, json!({}), "nobody was turned away meanwhile");
}
