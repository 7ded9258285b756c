//! What the SDK endpoint is told, also when it was away, and the end of a server.

use std::sync::Arc;

use serde_json::json;

use crate::support::{Endpoint, PATIENCE, Scene, game_server, until};

#[tokio::test]
async fn ready_is_declared_once_and_health_again_and_again() {
    let scene = Scene::open().await;
    until(&scene.endpoint.beats, |beats| *beats >= 2).await;
    until(&scene.endpoint.readies, |readies| *readies == 1).await;
    scene.players(&[]).await;
}

#[tokio::test]
async fn ready_is_declared_again_to_an_endpoint_that_forgot() {
    let scene = Scene::open().await;
    until(&scene.endpoint.readies, |readies| *readies == 1).await;
    let mut forgetful = game_server(1);
    forgetful["status"]["state"] = json!("Scheduled");
    scene.endpoint.game_server.send_replace(forgetful);
    until(&scene.endpoint.readies, |readies| *readies == 2).await;
}

#[tokio::test]
async fn an_endpoint_that_was_away_is_told_everything_and_its_counter_obeyed() {
    let scene = Scene::open().await;
    let mut ada = scene.guest("ada").await;
    scene.players(&["ada"]).await;
    let Scene { endpoint, running, stop, served, .. } = scene;
    let port = running.address.port();
    running.crash().await;
    endpoint.players.send_replace(None);
    let running = endpoint.start(port).await;
    let here = Some(vec!["ses_ada".to_owned()]);
    until(&endpoint.players, |players| *players == here).await;

    running.crash().await;
    endpoint.game_server.send_replace(game_server(7));
    let _running = endpoint.start(port).await;
    assert_eq!(ada.end().await.1, 4002);
    until(&endpoint.players, |players| *players == Some(Vec::new())).await;
    stop.send(()).unwrap();
    tokio::time::timeout(PATIENCE, served).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_opens_while_its_endpoint_is_not_there_yet() {
    let endpoint = Arc::new(Endpoint::default());
    let running = endpoint.start(0).await;
    let address = running.address;
    running.crash().await;
    let late = endpoint.start(address.port()).await;
    let scene = Scene::beside(endpoint, late).await;
    scene.guest("ada").await;
    until(&scene.endpoint.readies, |readies| *readies == 1).await;
}

#[tokio::test]
async fn a_stop_says_bye_to_everyone_and_ends() {
    let scene = Scene::open().await;
    let mut ada = scene.guest("ada").await;
    scene.stop.send(()).unwrap();
    let (last, code) = ada.end().await;
    assert_eq!((&last["reason"], code), (&json!("shutdown"), 1001));
    tokio::time::timeout(PATIENCE, scene.served).await.unwrap().unwrap();
}
