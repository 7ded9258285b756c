//! Clients that do not read, do not speak, come and go, or come twice.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use e2e::bots::Crew;
use e2e::dice::{Dice, show, sized};
use e2e::guest::{Guest, close_code, dial_channel, join_patiently, open_channel};
use e2e::proc::{descriptors, resident_kib};
use e2e::server::{Server, text};
use e2e::wait::{wait_for, wait_within};
use futures::StreamExt as _;
use futures::stream;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::stage::{LONG, complete, fail_over, sessions};

/// An open session channel whose owner read the upgrade's answer and nothing since, through the
/// smallest buffer that there is.
async fn deaf(address: SocketAddr, placed: &Value) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(1_024).expect("set");
    let mut stream = socket.connect(address).await.expect("it takes connections");
    stream.write_all(upgrade(placed).as_bytes()).await.expect("written");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream
}

fn upgrade(placed: &Value) -> String {
    let token = text(&placed["sessionToken"]);
    format!(
        "GET /session HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: lifeboat.v1, token.{token}\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_never_read_are_dropped_and_hold_nobody_up() {
    let _dice = Dice::of("never_read");
    let server = Server::start().await;
    let world = json!({ "name": "Main Stage", "scale": { "profile": "Capacity1500" } });
    let main = server.active_world(world).await;
    let address = server.address().parse().expect("an address");
    let count = sized(100, 500);
    let deaf_ones: Vec<TcpStream> = stream::iter(0..count)
        .map(|_| async {
            let placed = join_patiently(&server.api.anonymous(), &main, &json!({})).await;
            deaf(address, &placed).await
        })
        .buffer_unordered(16)
        .collect()
        .await;
    let mut honest = Guest::enter(&server.api, &main).await;
    wait_for("all of them to have a session", async || {
        (sessions(&server.api, &main).await.len() == count + 1).then_some(())
    })
    .await;
    let before = resident_kib(server.pid());
    let (mut slowest, mut pushes, mut highest) = (Duration::ZERO, 0, before);
    let path = format!("/api/worlds/{main}/live-config");
    let patience = Instant::now() + 2 * LONG;
    while sessions(&server.api, &main).await.len() > 1 {
        assert!(Instant::now() < patience, "those who never read are still there");
        pushes += 1;
        let acts: Vec<String> =
            (0..60).map(|act| format!("{pushes}-{act}-{}", "x".repeat(1_500))).collect();
        let body = json!({ "project": { "Stage": { "Acts": acts } } });
        let begun = Instant::now();
        server.api.patch(&path, body).await.expect(200);
        honest.frame("liveConfig").await;
        honest.say(json!({ "type": "pong" })).await;
        slowest = slowest.max(begun.elapsed());
        highest = highest.max(resident_kib(server.pid()));
    }
    show(&format!(
        "{count} never read: dropped after {pushes} pushes of 90 kB; the one who reads had each \
         within {} ms; memory {before} KiB before, {highest} KiB at most",
        slowest.as_millis()
    ));
    assert!(slowest < Duration::from_secs(5), "the one who reads is not held up");
    // A quarter of a megabyte may wait for each, and no more.
    let allowed = before + count as u64 * 320 + 64 * 1_024;
    assert!(highest < allowed, "{highest} KiB, allowed {allowed}");
    drop(deaf_ones);
}

/// Words without end, over a channel that was just opened.
async fn talk_for_ever(mut stream: TcpStream) {
    let words = br#"{"type":"words"}"#;
    let mut frame = vec![0x81, 0x80 | u8::try_from(words.len()).expect("short"), 0, 0, 0, 0];
    frame.extend_from_slice(words);
    let frames = frame.repeat(4_096);
    while stream.write_all(&frames).await.is_ok() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_never_stop_talking_hold_nobody_up() {
    let _dice = Dice::of("never_silent");
    let server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let address = server.address().parse().expect("an address");
    let count = sized(6, 24);
    for _ in 0..count {
        let placed = join_patiently(&server.api.anonymous(), &main, &json!({})).await;
        tokio::spawn(talk_for_ever(deaf(address, &placed).await));
    }
    // So many that some of them are on the thread of each who talks.
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let placed = join_patiently(&server.api.anonymous(), &main, &json!({})).await;
        let begun = Instant::now();
        let welcome = tokio::time::timeout(LONG, open_channel(&placed)).await;
        welcome.expect("a hello beside those who talk");
        slowest = slowest.max(begun.elapsed());
    }
    let talkers = sessions(&server.api, &main).await.len();
    show(&format!(
        "{count} who never stop talking, {talkers} of them and of the others still there; a hello \
         beside them within {} ms",
        slowest.as_millis()
    ));
    assert!(talkers >= count, "they break no rule");
}

/// A connection that says this and nothing more.
async fn say(address: SocketAddr, words: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("it takes connections");
    stream.write_all(words.as_bytes()).await.expect("written");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_are_given_up() {
    let _dice = Dice::of("half_open");
    let server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let address: SocketAddr = server.address().parse().expect("an address");
    let before = descriptors(server.pid());
    let join = format!(
        "POST /api/worlds/{main}/join HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{{"
    );
    let whole = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let kinds = [
        ("nothing", ""),
        ("half a head", "GET /healthz HTTP/1.1\r\nHo"),
        ("half a body", join.as_str()),
        ("one request and no more", whole),
    ];
    let each = sized(50, 500);
    let mut open = Vec::new();
    for (_, words) in &kinds {
        for _ in 0..each {
            open.push(say(address, words).await);
        }
    }
    // Session channels whose clients never answer a ping.
    let silent = sized(0, 300);
    for _ in 0..silent {
        let placed = join_patiently(&server.api.anonymous(), &main, &json!({})).await;
        open.push(say(address, &upgrade(&placed)).await);
    }
    wait_for("all of them to be accepted", async || {
        (descriptors(server.pid()) >= before + open.len() / 2).then_some(())
    })
    .await;
    join_patiently(&server.api.anonymous(), &main, &json!({})).await;
    let begun = Instant::now();
    // Half open, they cost a descriptor each until they are given up.
    wait_within(Duration::from_secs(60), "all of them to be given up", async || {
        (descriptors(server.pid()) <= before + 10).then_some(())
    })
    .await;
    show(&format!(
        "{} half-open connections of {} kinds, and {silent} channels that never answer, were given \
         up within {} s",
        open.len() - silent,
        kinds.len(),
        begun.elapsed().as_secs()
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_connections_that_drop_leaves_nothing_behind() {
    let dice = Dice::of("connect_and_drop");
    let server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let address: SocketAddr = server.address().parse().expect("an address");
    let bots = Crew { seed: dice.seed(), ..Crew::of(&server.api.url, &main, 20) }.send();
    bots.await_in(&main, 20, LONG).await;
    let placed = join_patiently(&server.api.anonymous(), &main, &json!({})).await;
    let channel = upgrade(&placed);
    let (fds, memory) = (descriptors(server.pid()), resident_kib(server.pid()));
    let count = sized(3_000, 50_000);
    let words = [
        "",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        &channel,
    ];
    let begun = Instant::now();
    let failed = stream::iter(0..count)
        .map(|number| async move {
            let Ok(mut stream) = TcpStream::connect(address).await else { return 1 };
            let _ = stream.write_all(words[number % words.len()].as_bytes()).await;
            // With unread input a close is a reset, so both kinds of end occur.
            0
        })
        .buffer_unordered(64)
        .fold(0, async |sum, failed: usize| sum + failed)
        .await;
    let took = begun.elapsed();
    let asked = Instant::now();
    join_patiently(&server.api.anonymous(), &main, &json!({})).await;
    let answered = asked.elapsed();
    wait_for("every descriptor to be given back", async || {
        (descriptors(server.pid()) <= fds + 10).then_some(())
    })
    .await;
    let after = resident_kib(server.pid());
    show(&format!(
        "{count} came and dropped in {} ms ({failed} not taken); then a join took {} ms; memory \
         {memory} KiB before, {after} KiB after",
        took.as_millis(),
        answered.as_millis()
    ));
    assert!(answered < Duration::from_secs(5));
    assert!(after < memory + 64 * 1_024, "{memory} KiB grew to {after} KiB");
    bots.await_in(&main, 20, LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_user_from_two_devices_is_one_session() {
    let _dice = Dice::of("two_devices");
    let server = Server::start().await;
    let (main, standby) = server.pair().await;
    let token = server.api.post("/api/tokens", json!({ "sub": "alice" })).await;
    let token = text(&token.body["token"]);
    let alice = server.api.with_key(&token);
    let client = json!({ "kind": "test" });
    let mut phone = Guest::enter_as(&alice, &main, client.clone()).await;
    // A join alone disturbs nobody: the newer device takes over when its channel says hello.
    let placed = join_patiently(&alice, &main, &json!({ "client": client })).await;
    assert_eq!(placed["session"], phone.placed["session"]);
    phone.say(json!({ "type": "pong" })).await;
    assert_eq!(sessions(&server.api, &main).await.len(), 1);
    let (mut desk, _) = open_channel(&placed).await;
    assert_eq!(close_code(&mut phone.channel).await, Some(4_003));
    // The replaced device comes back with its older token and is turned away again.
    let mut older = dial_channel(&phone.placed).await;
    assert_eq!(close_code(&mut older).await, Some(4_003));
    assert_eq!(sessions(&server.api, &main).await.len(), 1);

    let begun = fail_over(&server.api, &main, json!({})).await;
    let order = e2e::guest::frame(&mut desk, "forceDisconnect").await;
    assert_eq!(order["failover"], begun["id"]);
    // Both ask to come along; there is one user, so there is one who has landed.
    let body = json!({ "client": client, "previous": placed["sessionToken"] });
    let there = join_patiently(&alice, &main, &body).await;
    let mut again = Guest::enter_as(&alice, &main, client).await;
    assert_eq!((&there["session"], again.world()), (&again.placed["session"], standby.clone()));
    again.say_in_world().await;
    let done = complete(&server.api, &text(&begun["id"]), LONG).await;
    assert_eq!((&done["counts"]["present"], &done["counts"]["landed"]), (&json!(1), &json!(1)));
    assert_eq!(sessions(&server.api, &standby).await.len(), 1);
}
