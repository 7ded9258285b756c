//! Limits that are reached by many small steps and not by one large one: sessions, logins, lines of
//! a log, time of a deployment, connections to a game server that say nothing.

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use e2e::dice::{Dice, is_long, show, sized};
use e2e::game_mod::GameMod;
use e2e::guest::{Guest, join_patiently};
use e2e::proc::{connections_to, descriptors, resident_kib};
use e2e::server::{Server, text};
use e2e::wait::{wait_for, wait_within};
use futures::stream::{self, StreamExt as _};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::stage::LONG;

/// Sessions of one node.
const SESSIONS_MAX: usize = 100_000;
/// Joins on their way at once.
const AT_ONCE: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn sessions() {
    let game_mod = GameMod::of(env!("CARGO_BIN_EXE_e2e-game-server"));
    let setup = game_mod.setup("127.0.0.1");
    let server = Server::start_as(TempDir::new().expect("a folder"), setup).await;
    let mut worlds = Vec::new();
    for name in ["One", "Two", "Three"] {
        worlds.push(server.world(game_mod.vast_world(name)).await);
    }
    game_mod.make_mute(&worlds);
    for world in &worlds {
        server.api.post(&format!("/api/worlds/{world}/launch"), json!({})).await.expect(202);
        server.await_phase(world, "Active").await;
    }
    let api = server.api.anonymous();
    let join = async |number: usize| {
        let path = format!("/api/worlds/{}/join", worlds[number % worlds.len()]);
        api.post(&path, json!({})).await
    };
    let before = resident_kib(server.pid());
    let begun = Instant::now();
    // In the short form, far from the edge: what each costs is seen here too.
    let count = sized(5_000, SESSIONS_MAX);
    let first = join(0).await.expect(200);
    let refused = stream::iter(1..count)
        .map(async |number| join(number).await.status)
        .buffer_unordered(AT_ONCE)
        .fold(0, async |sum, status| sum + usize::from(status != 200))
        .await;
    let grown = resident_kib(server.pid()).saturating_sub(before);
    show(&format!(
        "{count} sessions in {} ms, {grown} KiB; {refused} refused",
        begun.elapsed().as_millis()
    ));
    assert_eq!(refused, 0, "there is room for {count}");
    assert!(grown < 64 * 1_024 + count as u64 * 4, "{grown} KiB for {count} sessions");
    if is_long() {
        for number in 0..200 {
            let refusal = join(number).await.expect_problem(503, "world_full");
            assert!(refusal["retryAfterMs"].as_u64().is_some_and(|ms| ms > 0), "{refusal}");
        }
    }
    // Who has a session keeps it, also at the edge.
    let body = json!({ "previous": first["sessionToken"] });
    let again = join_patiently(&api, &worlds[0], &body).await;
    assert_eq!((&again["session"], &again["previousAccepted"]), (&first["session"], &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_logins() {
    let server = Server::start().await;
    let api = server.api.anonymous();
    let body = json!({ "key": "lbk_wrong", "name": "Mallory" });
    for _ in 0..10 {
        assert_eq!(api.post("/api/login", body.clone()).await.status, 401);
    }
    let over = api.post("/api/login", body).await;
    assert!(over.headers.contains_key("retry-after"), "{}", over.body);
    let over = over.expect_problem(429, "rate_limited");
    assert!(over["retryAfterMs"].as_u64().is_some_and(|ms| ms <= 60_000), "{over}");
    // Keys are no logins: nobody is locked out by somebody else's guesses.
    server.api.get("/api/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_a_join_waits_for() {
    let server = Server::start().await;
    let world = server.active_world(json!({ "name": "Main Stage" })).await;
    let live = server.api.get(&format!("/api/worlds/{world}/live-config")).await.expect(200);
    let there = live["revision"].as_u64().expect("a revision");
    let (api, path) = (server.api.anonymous(), format!("/api/worlds/{world}/join"));
    join_patiently(&api, &world, &json!({ "minRevision": there })).await;
    let begun = Instant::now();
    let ahead = api.post(&path, json!({ "minRevision": u64::from(u32::MAX) })).await;
    let refusal = ahead.expect_problem(503, "store_unavailable");
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(2), "it is waited for: {waited:?}");
    assert!(waited < Duration::from_secs(10), "and not for ever: {waited:?}");
    assert!(refusal["retryAfterMs"].as_u64().is_some_and(|ms| ms > 0), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_log_and_time_of_a_deployment() {
    let server = Server::start().await;
    let world = server.active_world(json!({ "name": "Main Stage" })).await;
    let deployment = server.deployment(&world).await;
    let (deployment, id) = (text(&deployment["id"]), text(&deployment["servers"][0]["id"]));
    let log = server.data().join("servers").join(id).join("server.log");
    let mut log = fs::File::options().append(true).open(log).expect("its log is there");
    for number in 0..6_000 {
        writeln!(log, "line {number}").expect("written");
    }
    for (asked, given) in [(4_999, 4_999), (5_000, 5_000), (5_001, 5_000), (1_000_000, 5_000)] {
        let path = format!("/api/deployments/{deployment}/logs?tail={asked}");
        let (status, lines) = server.api.try_get(&path).await.expect("an answer");
        assert_eq!((status, lines.lines().count()), (200, given), "{asked} lines asked for");
        assert!(lines.ends_with("line 5999\n"), "the newest are given");
    }
    let extend = format!("/api/deployments/{deployment}/extend");
    let made = server.api.get(&format!("/api/worlds/{world}")).await.expect(200);
    let left = 60 * 24 * 31 - made["durationMinutes"].as_u64().expect("minutes");
    server.api.post(&extend, json!({ "minutes": left })).await.expect(200);
    let over = server.api.post(&extend, json!({ "minutes": 1 })).await.expect(422);
    let message = text(&over["errors"][0]["message"]);
    assert!(message.contains("44640") && message.contains("0 are left"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_a_game_server_that_say_nothing() {
    let _dice = Dice::of("half_open_games");
    let server = Server::start().await;
    let world = server.active_world(json!({ "name": "Main Stage" })).await;
    let port = server.game_ports(&world).await[0];
    let pid = u32::try_from(server.pids(&world).await[0]).expect("a process id");
    let mut guest = Guest::enter(&server.api, &world).await;
    let before = descriptors(pid);
    let count = sized(200, 4_000);
    let mut open = Vec::new();
    for number in 0..count {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it takes them");
        if number % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\nHo").await.expect("written");
        }
        open.push(stream);
    }
    wait_for("all of them to be taken", async || {
        (descriptors(pid) >= before + count).then_some(())
    })
    .await;
    let begun = Instant::now();
    wait_within(Duration::from_secs(20), "all of them to be given up", async || {
        (descriptors(pid) <= before + 5).then_some(())
    })
    .await;
    show(&format!("{count} silent connections given up after {} ms", begun.elapsed().as_millis()));
    assert!(connections_to(port) >= 1, "who is in stays in");
    guest.say(json!({ "type": "pong" })).await;
    Guest::enter(&server.api, &world).await;
    assert!(begun.elapsed() < LONG);
    drop(open);
}
