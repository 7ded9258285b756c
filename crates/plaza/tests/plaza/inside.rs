//! Life inside: moving, talking, leaving, and hostile input.

use futures::SinkExt as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::Scene;

#[tokio::test]
async fn a_move_is_seen_by_another_and_a_leap_is_corrected() {
    let scene = Scene::open().await;
    let mut ada = scene.guest("ada").await;
    let mut bo = scene.guest("bo").await;
    let you = &ada.welcome["you"];
    let (id, x, y) = (ada.id().clone(), you["x"].as_i64().unwrap(), you["y"].as_i64().unwrap());
    ada.send(json!({"type": "move", "x": x + 30, "y": y, "heading": 90})).await;
    bo.frame_where(|frame| {
        let moved = frame["moved"].as_array().into_iter().flatten();
        let people = frame["people"].as_array().into_iter().flatten();
        moved.into_iter().any(|m| *m == json!([id, x + 30, y, 90]))
            || people.into_iter().any(|p| p["id"] == id && p["x"] == x + 30)
    })
    .await;
    ada.send(json!({"type": "move", "x": x + 30, "y": y + 5000})).await;
    let corrected = ada.frame("corrected").await;
    assert!(corrected["y"].as_i64().unwrap() < y + 1_700, "{corrected}");
}

#[tokio::test]
async fn what_is_said_is_heard_under_the_name_taken() {
    let scene = Scene::open().await;
    let mut ada = scene.guest("ada").await;
    let mut bo = scene.guest("bo").await;
    ada.send(json!({"type": "name", "name": "Ada <L>"})).await;
    ada.send(json!({"type": "say", "text": "<b>hello</b>"})).await;
    let chat = bo.frame("chat").await;
    let line = json!({"from": ada.id(), "name": "Ada <L>", "text": "<b>hello</b>"});
    assert_eq!(chat["lines"], json!([line]));
}

#[tokio::test]
async fn who_leaves_is_gone_for_the_others_and_off_the_list() {
    let scene = Scene::open().await;
    let mut ada = scene.guest("ada").await;
    let mut bo = scene.guest("bo").await;
    scene.players(&["ada", "bo"]).await;
    bo.frame("snapshot").await;
    let id = ada.id().clone();
    ada.send(json!({"type": "leave"})).await;
    assert_eq!(ada.end().await.1, 1000);
    bo.frame_where(|frame| frame["gone"] == json!([id])).await;
    scene.players(&["bo"]).await;
    drop(bo);
    scene.players(&[]).await;
}

#[tokio::test]
async fn nonsense_is_answered_and_does_no_harm() {
    let scene = Scene::open().await;
    let mut ada = scene.guest("ada").await;
    for (text, code) in [
        ("{", "invalid_message"),
        (r#"{"type":"move","x":1e999,"y":0}"#, "invalid_message"),
        (r#"{"type":"say","text":"  "}"#, "text_length"),
        (r#"{"type":"name","name":"\u0007"}"#, "name_invalid"),
    ] {
        ada.socket.send(Message::text(text)).await.unwrap();
        assert_eq!(ada.frame("error").await["code"], code);
    }
    ada.socket.send(Message::binary(vec![0xff])).await.unwrap();
    assert_eq!(ada.frame("error").await["code"], "not_text");
    ada.send(json!({"type": "fromTheFuture"})).await;
    ada.send(json!({"type": "say", "text": "fine"})).await;
    ada.frame("chat").await;
}

#[tokio::test]
async fn a_frame_too_large_and_a_flood_end_the_connection() {
    let scene = Scene::open().await;
    let mut ada = scene.guest("ada").await;
    ada.send(json!({"type": "say", "text": "x".repeat(4_000)})).await;
    let (last, code) = ada.end().await;
    assert_eq!((&last["reason"], code), (&json!("protocol"), 4009));

    let mut bo = scene.guest("bo").await;
    for _ in 0..400 {
        // The server may have hung up already.
        bo.socket.send(Message::text("{}")).await.ok();
    }
    assert_eq!(bo.end().await.1, 4009);
    scene.players(&[]).await;
}

#[tokio::test]
async fn a_text_is_as_long_as_allowed_and_no_longer() {
    let scene = Scene::open().await;
    let mut ada = scene.guest("ada").await;
    let text = |chars: usize| "ä".repeat(chars);
    ada.send(json!({"type": "say", "text": text(281)})).await;
    assert_eq!(ada.frame("error").await["code"], "text_length");
    ada.send(json!({"type": "say", "text": text(280)})).await;
    let chat = ada.frame("chat").await;
    assert_eq!(chat["lines"][0]["text"], text(280));
}

#[tokio::test]
async fn too_many_texts_are_refused_and_not_the_speaker() {
    let scene = Scene::open().await;
    let mut ada = scene.guest("ada").await;
    for n in 0..6 {
        ada.send(json!({"type": "say", "text": n.to_string()})).await;
    }
    assert_eq!(ada.frame("error").await["code"], "rate_limited");
}

#[tokio::test]
async fn live_values_are_shown_and_closed_doors_close_the_stage() {
    let scene = Scene::open().await;
    let mut ada = scene.guest("ada").await;
    ada.frame("stage").await;
    scene.endpoint.live_config.send_replace(json!({
        "revision": 2, "game": {},
        "project": {"Stage": {"DoorsOpen": false, "Title": "Finale", "LightLevel": 0.1}},
    }));
    let stage = ada.frame_where(|frame| frame["revision"] == 2).await;
    assert_eq!((&stage["doorsOpen"], &stage["title"]), (&json!(false), &json!("Finale")));
    // Closed doors refuse nobody.
    scene.guest("bo").await;
}
