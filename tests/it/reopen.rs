//! The session channel that begins anew over its connection, after a join.

use futures::SinkExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::guest::{Guest, close_code, frame, join_patiently, open_game};
use crate::guide::failover_in;
use crate::server::Server;
use crate::wait::wait_for;

fn reopen(token: &Value) -> Value {
    json!({ "type": "reopen", "sessionToken": token })
}

/// A main world and a standby whose stage has another title.
async fn unlike_pair(server: &Server) -> (String, String) {
    let pair = server.pair().await;
    let title = json!({ "project": { "Stage": { "Title": "The other stage" } } });
    server.api.patch(&format!("/api/worlds/{}/live-config", pair.1), title).await.expect(200);
    pair
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_to_join_keeps_the_connection_of_its_channel() {
    let server = Server::start().await;
    let (main, standby) = unlike_pair(&server).await;
    let mut guest = Guest::enter(&server.api, &main).await;
    assert_eq!(guest.hello["reopens"], true);
    let body = json!({ "reason": "rehearsal", "force": true });
    server.api.post(&format!("/api/worlds/{main}/failover"), body).await.expect(202);
    guest.frame("forceDisconnect").await;
    let body = json!({ "previous": guest.placed["sessionToken"] });
    guest.placed = join_patiently(&server.api.anonymous(), &main, &body).await;
    assert_eq!((guest.world(), &guest.placed["previousAccepted"]), (standby, &json!(true)));
    guest.game = open_game(&guest.placed).await;
    guest.say(reopen(&guest.placed["sessionToken"])).await;
    let hello = guest.frame("hello").await;
    assert_eq!((&hello["rejoin"], &hello["session"]), (&Value::Null, &guest.placed["session"]));
    assert_eq!(hello["liveConfig"]["project"]["Stage"]["Title"], "The other stage");
    guest.say_in_world().await;
    let done = failover_in(&server, &main, "complete").await;
    assert_eq!(done["counts"]["landed"], 1, "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_begins_anew_only_with_a_good_token_of_its_session() {
    let server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let mut guests = Vec::new();
    for _ in 0..3 {
        guests.push(Guest::enter(&server.api, &main).await);
    }
    let [forging, other, honest] = &mut guests[..] else { panic!("three guests") };
    let changed = format!("{}x", honest.placed["sessionToken"].as_str().expect("a token"));
    for (guest, token, error, code) in [
        (forging, json!(changed), "unauthorized", 4001),
        (other, honest.placed["sessionToken"].clone(), "protocol_error", 4009),
    ] {
        guest.say(reopen(&token)).await;
        assert_eq!(frame(&mut guest.channel, "error").await["code"], error);
        assert_eq!(close_code(&mut guest.channel).await, Some(code));
    }
    honest.say(reopen(&honest.placed["sessionToken"])).await;
    honest.frame("hello").await;
    honest.say_in_world().await;
    let sessions = server.api.get(&format!("/api/worlds/{main}/sessions")).await.expect(200);
    let connected: Vec<_> = sessions["items"].as_array().expect("a list").iter().collect();
    assert_eq!(connected.len(), 1, "{sessions}");
    assert_eq!(connected[0]["id"], honest.placed["session"]);
    honest.channel.send(Message::text(r#"{"type":"pong"}"#)).await.expect("it is open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_refused_to_begin_anew_leaves_nobody_connected() {
    let server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let mut guest = Guest::enter(&server.api, &main).await;
    let older = guest.placed["sessionToken"].clone();
    let body = json!({ "previous": older });
    let newer = join_patiently(&server.api.anonymous(), &main, &body).await;
    guest.say(reopen(&newer["sessionToken"])).await;
    guest.frame("hello").await;
    guest.say(reopen(&older)).await;
    assert_eq!(guest.frame("bye").await["reason"], "replaced");
    assert_eq!(close_code(&mut guest.channel).await, Some(4003));
    wait_for("nobody to be connected", async || {
        let path = format!("/api/worlds/{main}/sessions");
        let sessions = server.api.get(&path).await.expect(200);
        sessions["items"].as_array()?.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_placed_over_the_channel_gets_the_values_of_the_new_world() {
    let server = Server::start().await;
    let (main, standby) = unlike_pair(&server).await;
    let client = json!({ "kind": "sdk", "accepts": ["placement"] });
    let mut guest = Guest::enter_as(&server.api.anonymous(), &main, client).await;
    let body = json!({ "reason": "rehearsal", "force": true });
    server.api.post(&format!("/api/worlds/{main}/failover"), body).await.expect(202);
    guest.frame("forceDisconnect").await;
    let changes = guest.frame("liveConfig").await["changes"].clone();
    assert_eq!(changes, json!({ "/game/ForceDisconnect/AllClients": 1 }), "in main");
    let changes = guest.frame("liveConfig").await["changes"].clone();
    let expected = json!({
        "/game/ForceDisconnect/AllClients": 0,
        "/project/Stage/Title": "The other stage",
    });
    assert_eq!(changes, expected, "in the standby");
    assert_eq!(guest.frame("placement").await["world"], standby);
}
