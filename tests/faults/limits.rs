//! Every limit that the API lets one reach, driven to its edge and over it: what is at the edge is
//! taken, what is over it is refused with a code, and nothing grows without bound.

use std::time::Duration;

use e2e::api::Api;
use e2e::dice::{show, sized};
use e2e::guest::{Guest, close_code, join_patiently};
use e2e::pace::items;
use e2e::proc::{descriptors, resident_kib};
use e2e::server::{Server, text};
use e2e::wait::wait_for;
use futures::SinkExt as _;
use futures::stream::{self, StreamExt as _};
use reqwest::Method;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::stage::{LONG, complete, fail_over, sessions};

const BODY_BYTES_MAX: usize = 256 * 1024;
/// Requests on their way at once, where many are made.
const AT_ONCE: usize = 64;

fn letters(count: usize) -> String {
    "ä".repeat(count)
}

/// A request with a body as it stands.
fn raw(api: &Api, method: Method, path: &str, body: Vec<u8>) -> reqwest::RequestBuilder {
    api.request(method, path).header("content-type", "application/json").body(body)
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies() {
    let server = Server::start().await;
    let api = &server.api;
    let padded = |bytes: usize| {
        let mut body = br#"{"user":"x","reason":"y"}"#.to_vec();
        body.resize(bytes, b' ');
        raw(api, Method::POST, "/api/bans", body)
    };
    api.send(padded(BODY_BYTES_MAX)).await.expect(201);
    let before = resident_kib(server.pid());
    for bytes in [BODY_BYTES_MAX + 1, 1 << 20, 20_000_000] {
        api.send(padded(bytes)).await.expect_problem(413, "body_too_large");
        let keyed = padded(bytes).header("idempotency-key", format!("k{bytes}"));
        api.send(keyed).await.expect_problem(413, "body_too_large");
    }
    assert!(resident_kib(server.pid()) < before + 32 * 1024, "what is thrown away is not kept");
    let nested = |depth: usize| {
        let body =
            format!(r#"{{"settings":{}1{}}}"#, r#"{"a":"#.repeat(depth - 1), "}".repeat(depth - 1));
        raw(api, Method::PATCH, "/api/worlds/wld_none", body.into_bytes())
    };
    assert_eq!(api.send(nested(32)).await.status, 404, "it is read, and there is no such world");
    api.send(nested(33)).await.expect_problem(400, "bad_request");
    let twice = br#"{"user":"x","reason":"y","user":"z"}"#.to_vec();
    let problem = api.send(raw(api, Method::POST, "/api/bans", twice)).await;
    let problem = problem.expect_problem(400, "bad_request");
    assert!(text(&problem["detail"]).contains("`user` is there twice"), "{problem}");
}

/// A request whose one field is as long as said, the limit, and the statuses at it and over it.
type Edge = (&'static str, usize, u16, fn(&str, usize) -> (Method, String, Value));

fn edges() -> Vec<Edge> {
    vec![
        ("name", 120, 200, |id, n| world_patch(id, json!({ "name": letters(n) }))),
        ("description", 4_000, 200, |id, n| world_patch(id, json!({ "description": letters(n) }))),
        ("labels", 32, 200, |id, n| world_patch(id, json!({ "labels": counted(n) }))),
        ("a label's key", 120, 200, |id, n| {
            world_patch(id, json!({ "labels": { letters(n): "" } }))
        }),
        ("a label's value", 120, 200, |id, n| {
            world_patch(id, json!({ "labels": { "k": letters(n) } }))
        }),
        ("groups", 64, 200, |id, n| world_patch(id, json!({ "access": { "groups": names(n) } }))),
        ("a group's name", 120, 200, |id, n| {
            world_patch(id, json!({ "access": { "groups": [letters(n)] } }))
        }),
        ("durationMinutes", 44_640, 200, |id, n| world_patch(id, json!({ "durationMinutes": n }))),
        ("settings", 65_536, 200, |id, n| {
            world_patch(id, json!({ "settings": { "a": "x".repeat(n - 8) } }))
        }),
        ("a ban's reason", 500, 201, |_, n| ban(json!({ "user": "u", "reason": letters(n) }))),
        ("a ban's user", 128, 201, |_, n| ban(json!({ "user": letters(n), "reason": "r" }))),
        ("a key's name", 120, 201, |_, n| {
            (Method::POST, "/api/keys".into(), json!({ "name": letters(n), "role": "viewer" }))
        }),
        ("a failover's reason", 500, 200, |id, n| dry_run(id, json!({ "reason": letters(n) }))),
        ("a failover's message", 500, 200, |id, n| dry_run(id, json!({ "message": letters(n) }))),
        ("a title of live config", 80, 200, |id, n| {
            live(id, json!({ "project": { "Stage": { "Title": letters(n) } } }))
        }),
        ("a client's kind", 120, 503, |id, n| {
            (
                Method::POST,
                format!("/api/worlds/{id}/join"),
                json!({ "client": { "kind": letters(n) } }),
            )
        }),
        ("a webhook's address", 2_048, 201, |_, n| {
            let url = format!("http://127.0.0.1:9/{}", "x".repeat(n - 19));
            (Method::POST, "/api/webhooks".into(), json!({ "url": url }))
        }),
        ("a player's id", 128, 201, |_, n| token(json!({ "sub": letters(n) }))),
        ("a player's groups", 64, 201, |_, n| token(json!({ "sub": "a", "groups": names(n) }))),
        ("a token's minutes", 44_640, 201, |_, n| token(json!({ "sub": "a", "ttlMinutes": n }))),
        ("bots of a drill", 5_000, 409, |id, n| {
            (Method::POST, format!("/api/worlds/{id}/drills"), json!({ "clients": n }))
        }),
        ("a reason to stop automation", 500, 200, |_, n| {
            let body = json!({ "stopped": true, "reason": letters(n) });
            (Method::PUT, "/api/automation".into(), body)
        }),
        ("what a client accepts", 16, 503, |id, n| {
            (
                Method::POST,
                format!("/api/worlds/{id}/join"),
                json!({ "client": { "accepts": names(n) } }),
            )
        }),
    ]
}

fn world_patch(id: &str, body: Value) -> (Method, String, Value) {
    (Method::PATCH, format!("/api/worlds/{id}"), body)
}

fn live(id: &str, body: Value) -> (Method, String, Value) {
    (Method::PATCH, format!("/api/worlds/{id}/live-config"), body)
}

fn dry_run(id: &str, mut body: Value) -> (Method, String, Value) {
    body["dryRun"] = json!(true);
    (Method::POST, format!("/api/worlds/{id}/failover"), body)
}

fn ban(body: Value) -> (Method, String, Value) {
    (Method::POST, "/api/bans".to_owned(), body)
}

fn token(body: Value) -> (Method, String, Value) {
    (Method::POST, "/api/tokens".to_owned(), body)
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("name-{number}")).collect()
}

fn counted(count: usize) -> Value {
    names(count).into_iter().map(|name| (name, json!(""))).collect::<serde_json::Map<_, _>>().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn fields() {
    let server = Server::start().await;
    let api = &server.api;
    let player = api.anonymous();
    let ask = async |(method, path, body): (Method, String, Value)| {
        let api = if path.ends_with("/join") { &player } else { api };
        api.send(api.request(method, &path).json(&body)).await
    };
    let mut id = String::new();
    for (what, max, status, request) in edges() {
        id = server.world(json!({ "name": format!("Edge of {what}") })).await;
        let at = ask(request(&id, max)).await;
        assert_eq!(at.status, status, "{what} of {max}: {}", at.body);
        let over = ask(request(&id, max + 1)).await;
        assert_eq!(over.status, 422, "{what} of {}: {}", max + 1, over.body);
        let message = text(&over.body["errors"][0]["message"]);
        let plain = message.replace([',', ' '], "");
        assert!(plain.contains(&max.to_string()), "{what}: the limit is named: {message}");
    }
    let jump = |by: u64| live(&id, json!({ "game": { "ForceDisconnect": { "AllClients": by } } }));
    ask(jump(1_000)).await.expect(200);
    ask(jump(2_001)).await.expect_problem(422, "counter_jump");
    for (bytes, status) in [(255, 201), (256, 400)] {
        let body = json!({ "user": "k", "reason": "r" });
        let request = api.request(Method::POST, "/api/bans").json(&body);
        let answer = api.send(request.header("idempotency-key", "k".repeat(bytes))).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn live_config_size_and_history() {
    let server = Server::start().await;
    let id = server.world(json!({ "name": "Edge" })).await;
    let path = format!("/api/worlds/{id}/live-config");
    let acts = |bytes: usize| json!({ "project": { "Stage": { "Acts": ["x".repeat(bytes)] } } });
    let (mut fits, mut over) = (0, 128 * 1024 + 1);
    while over - fits > 1 {
        let middle = (fits + over) / 2;
        match server.api.patch(&path, acts(middle)).await.status {
            200 => fits = middle,
            422 => over = middle,
            status => panic!("{status} at {middle} bytes"),
        }
    }
    assert!(fits > 127 * 1024, "nearly all of the limit is for the values: {fits}");
    let refused = server.api.patch(&path, acts(over)).await.expect(422);
    assert!(text(&refused["errors"][0]["message"]).contains("131072"), "{refused}");
    let live = server.api.get(&path).await.expect(200);
    assert!(text(&live["project"]["Stage"]["Acts"][0]).len() <= fits, "nothing of it was saved");
    server.api.patch(&path, acts(1)).await.expect(200);
    for number in 0..sized(230, 600) {
        let body = json!({ "project": { "Stage": { "Title": format!("Act {number}") } } });
        server.api.patch(&path, body).await.expect(200);
    }
    let history = items(&server.api, &format!("{path}/history?limit=1000")).await;
    show(&format!("live config: {fits} bytes fit; {} revisions are kept", history.len()));
    assert!(history.len() <= 200, "{} revisions are kept", history.len());
    assert!(history.len() >= 190);
    let page = server.api.get(&format!("{path}/history?limit=100000")).await.expect(200);
    assert!(page["items"].as_array().expect("a list").len() <= 1_000);
}

/// Makes so many, then one more, and then one in the place of one that was deleted.
async fn filled(api: &Api, what: &str, path: &str, max: usize, body: impl Fn(usize) -> Value) {
    let begun = std::time::Instant::now();
    let there = items(api, &format!("{path}?limit=1000")).await.len();
    let made: Vec<u16> = stream::iter(there..max)
        .map(|number| api.post(path, body(number)))
        .buffer_unordered(AT_ONCE)
        .map(|answer| answer.status)
        .collect()
        .await;
    assert!(made.iter().all(|status| *status == 201), "{made:?}");
    let over: Vec<u16> = stream::iter(max..max + AT_ONCE)
        .map(|number| api.post(path, body(number)))
        .buffer_unordered(AT_ONCE)
        .map(|answer| answer.expect_problem(409, "limit_reached")["status"].as_u64())
        .map(|status| status.unwrap_or(0) as u16)
        .collect()
        .await;
    assert_eq!(over.len(), AT_ONCE);
    let all = items(api, &format!("{path}?limit=1000")).await;
    assert_eq!(all.len(), max);
    let last = all.iter().rev().find(|one| one["role"] != "admin").expect("one to delete");
    assert!(api.delete(&format!("{path}/{}", text(&last["id"]))).await.status < 300);
    let again: Vec<u16> = stream::iter(2 * max..2 * max + 8)
        .map(|number| api.post(path, body(number)))
        .buffer_unordered(8)
        .map(|answer| answer.status)
        .collect()
        .await;
    let taken = again.iter().filter(|status| **status == 201).count();
    assert_eq!(taken, 1, "one place was free, eight asked for it at once: {again:?}");
    show(&format!("{what}: {max} and no more, in {} ms", begun.elapsed().as_millis()));
}

#[tokio::test(flavor = "multi_thread")]
async fn worlds() {
    let server = Server::start().await;
    let world = |n: usize| json!({ "name": format!("World {n}"), "build": { "mod": "plaza" } });
    filled(&server.api, "worlds", "/api/worlds", 1_000, world).await;
    let asked = std::time::Instant::now();
    server.api.get("/api/worlds?limit=1000").await.expect(200);
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_bans_and_webhooks() {
    let server = Server::start().await;
    let key = |n: usize| json!({ "name": format!("key {n}"), "role": "viewer" });
    filled(&server.api, "keys", "/api/keys", 1_000, key).await;
    let webhook = |n: usize| json!({ "url": format!("http://127.0.0.1:9/{n}") });
    filled(&server.api, "webhooks", "/api/webhooks", 20, webhook).await;
    if sized(false, true) {
        let ban = |n: usize| json!({ "user": format!("user-{n}"), "reason": "too many" });
        filled(&server.api, "bans", "/api/bans", 10_000, ban).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failovers_that_are_kept() {
    let server = Server::start().await;
    let (main, _) = server.pair().await;
    let runs = sized(20, 520);
    let live = format!("/api/worlds/{main}/live-config");
    let clear = json!({ "game": { "Failover": { "OverrideWorldId": null } } });
    let mut newest = String::new();
    for _ in 0..runs {
        let begun = fail_over(&server.api, &main, json!({})).await;
        newest = text(&begun["id"]);
        complete(&server.api, &newest, LONG).await;
        server.api.patch(&live, clear.clone()).await.expect(200);
    }
    let kept = items(&server.api, "/api/failovers?limit=1000").await;
    show(&format!("{runs} failovers, {} are kept", kept.len()));
    // The newest is on its way into the history while the oldest goes.
    assert!(kept.len() <= 501 && kept.len() >= runs.min(500), "{}", kept.len());
    assert_eq!(kept[0]["id"], newest);
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_and_seats() {
    let server = Server::start().await;
    let small = json!({ "name": "Small", "scale": { "profile": "Capacity30" } });
    let world = server.active_world(small).await;
    let mut first = Guest::enter(&server.api, &world).await;
    let frame = |bytes: usize| {
        let rest = bytes - r#"{"type":"later","x":""}"#.len();
        format!(r#"{{"type":"later","x":"{}"}}"#, "x".repeat(rest))
    };
    assert_eq!(frame(4_096).len(), 4_096);
    first.channel.send(Message::text(frame(4_096))).await.expect("it is open");
    first.say(json!({ "type": "pong" })).await;
    for _ in 1..30 {
        join_patiently(&server.api.anonymous(), &world, &json!({})).await;
    }
    let path = format!("/api/worlds/{world}/join");
    wait_for("the pace not to be what refuses", async || {
        let answer = server.api.anonymous().post(&path, json!({})).await;
        assert_ne!(answer.status, 200, "a seat too many");
        (answer.body["code"] == "world_full").then_some(())
    })
    .await;
    assert_eq!(sessions(&server.api, &world).await.len(), 1, "the edge closed nobody's channel");
    first.channel.send(Message::text(frame(4_097))).await.expect("it is open");
    assert_eq!(close_code(&mut first.channel).await, Some(4_009));
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptors_of_the_process() {
    let server = Server::start().await;
    let world = server.active_world(json!({ "name": "Main Stage" })).await;
    let mut guest = Guest::enter(&server.api, &world).await;
    let pid = Pid::from_raw(i32::try_from(server.pid()).expect("a process id")).expect("not 0");
    let few = descriptors(server.pid()) as u64 + 60;
    prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(few), maximum: Some(few) })
        .expect("lowered");
    let mut open = Vec::new();
    for _ in 0..200 {
        open.push(TcpStream::connect(server.address()).await.expect("its kernel takes it"));
    }
    wait_for("the process to be out of descriptors", async || {
        (descriptors(server.pid()) as u64 >= few).then_some(())
    })
    .await;
    // Who is in stays in, and is served.
    guest.say(json!({ "type": "state", "state": "flying" })).await;
    assert_eq!(guest.frame("error").await["code"], "protocol_error");
    drop(open);
    let begun = std::time::Instant::now();
    join_patiently(&server.api.anonymous(), &world, &json!({})).await;
    assert!(begun.elapsed() < LONG);
    show(&format!(
        "out of descriptors: a join {} ms after the others left",
        begun.elapsed().as_millis()
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn event_streams() {
    let server = Server::start().await;
    let api = &server.api;
    let mut open = Vec::new();
    let refused = loop {
        let response = api.request(Method::GET, "/api/events").send().await.expect("an answer");
        if response.status() != 200 {
            break response;
        }
        open.push(response);
        assert!(open.len() < 5_000, "event streams without end");
    };
    assert_eq!(refused.status(), 429);
    show(&format!("event streams: {} and no more", open.len()));
    drop(open);
    wait_for("a place to be free again", async || {
        let response = api.request(Method::GET, "/api/events").send().await.expect("an answer");
        (response.status() == 200).then_some(())
    })
    .await;
    // Whoever comes back for events that are not kept any more is told to read everything anew.
    let ancient = api.request(Method::GET, "/api/events").header("last-event-id", "1-1");
    let mut stream = ancient.send().await.expect("an answer").bytes_stream();
    let first = stream.next().await.expect("an event").expect("whole");
    assert!(String::from_utf8_lossy(&first).contains("event: reset"), "{first:?}");
}
