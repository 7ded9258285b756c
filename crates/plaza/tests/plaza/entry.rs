//! The door: who gets in, who does not, and who has to go.

use std::sync::Arc;

use lifeboat_core::ticket::Claims;
use serde_json::json;

use crate::support::{
    Client, Endpoint, Scene, claims, game_server, now_seconds, signing_key, ticket, ticket_by,
};

#[tokio::test]
async fn a_good_ticket_is_welcomed() {
    let scene = Scene::open().await;
    let mut ada = scene.guest("ada").await;
    let welcome = ada.welcome.clone();
    assert_eq!((&welcome["session"], &welcome["room"]), (&json!("ses_ada"), &json!("srv_main")));
    assert_eq!((&welcome["you"]["name"], &welcome["map"]), (&json!("ada"), &json!("plaza")));
    assert_eq!(welcome["size"], json!({"width": 9600, "height": 9600}));
    assert_eq!(ada.frame("stage").await["doorsOpen"], true);
    let snapshot = ada.frame("snapshot").await;
    assert_eq!(snapshot["full"], true);
    assert_eq!(snapshot["people"], json!([welcome["you"]]));
}

#[tokio::test]
async fn a_ticket_as_subprotocol_is_echoed() {
    let scene = Scene::open().await;
    let token = ticket(&claims("ada"));
    let (mut ada, echoed) = Client::connect_by_subprotocol(scene.address, &token).await;
    assert_eq!(echoed, format!("ticket.{token}"));
    assert_eq!(ada.frame("welcome").await["session"], "ses_ada");
}

#[tokio::test]
async fn each_flaw_of_a_ticket_is_refused_by_its_name() {
    let scene = Scene::open().await;
    // Somebody is in: so the keys and the counter are known.
    scene.guest("first").await;
    let changed = |change: fn(&mut Claims)| {
        let mut claims = claims("ada");
        change(&mut claims);
        ticket(&claims)
    };
    let good = ticket(&claims("ada"));
    let (head, signature) = good.rsplit_once('.').unwrap();
    let other = ticket(&claims("eve"));
    let flaws = [
        (String::new(), "ticket_missing"),
        ("nonsense".to_owned(), "ticket_malformed"),
        (format!("{head}."), "ticket_signature"),
        (format!("{}.{signature}", other.rsplit_once('.').unwrap().0), "ticket_signature"),
        (ticket_by("k1", &signing_key(2), &claims("ada")), "ticket_signature"),
        (ticket_by("k9", &signing_key(1), &claims("ada")), "ticket_key_unknown"),
        (changed(|claims| claims.aud = "srv_other".to_owned()), "ticket_audience"),
        (changed(|claims| claims.aud = "lifeboat".to_owned()), "ticket_audience"),
        (changed(|claims| claims.dep = "dep_old".parse().unwrap()), "ticket_deployment"),
        (changed(|claims| claims.exp = now_seconds() - 60), "ticket_expired"),
        (changed(|claims| claims.exp = i64::MIN), "ticket_expired"),
        (changed(|claims| claims.generation = 0), "ticket_outdated"),
    ];
    // The counter comes over the watch; only from then on is a smaller one refused.
    scene.endpoint.game_server.send_replace(game_server(1));
    crate::support::until(&scene.endpoint.players, Option::is_some).await;
    for (token, code) in flaws {
        let (frame, close) = Client::connect(scene.address, &token).await.end().await;
        assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!(code)), "{frame}");
        assert_eq!(close, 4001);
    }
}

#[tokio::test]
async fn a_raised_counter_drops_who_came_before_it_and_lets_in_who_comes_after() {
    let scene = Scene::open().await;
    let mut ada = scene.guest("ada").await;
    let mut ahead = claims("bo");
    ahead.generation = 2;
    let mut bo = Client::connect(scene.address, &ticket(&ahead)).await;
    bo.frame("welcome").await;

    scene.endpoint.game_server.send_replace(game_server(2));
    let (last, code) = ada.end().await;
    assert_eq!(last["type"], "bye");
    assert_eq!((&last["reason"], &last["allClients"], code), (&json!("rejoin"), &json!(2), 4002));
    scene.players(&["bo"]).await;

    let (frame, code) = Client::connect(scene.address, &ticket(&claims("ada"))).await.end().await;
    assert_eq!((&frame["code"], code), (&json!("ticket_outdated"), 4001));
    bo.send(json!({"type": "say", "text": "still here"})).await;
    bo.frame("chat").await;
}

#[tokio::test]
async fn the_newer_socket_of_a_session_wins_and_keeps_its_person() {
    let scene = Scene::open().await;
    let mut first = scene.guest("ada").await;
    let mut newer = claims("ada");
    let mut older = newer.clone();
    older.iat -= 60;
    newer.jti = "0002".to_owned();
    let mut second = Client::connect(scene.address, &ticket(&newer)).await;
    let welcome = second.frame("welcome").await;
    assert_eq!(&welcome["you"]["id"], first.id());
    let (last, code) = first.end().await;
    assert_eq!((&last["reason"], code), (&json!("replaced"), 4003));

    let (frame, code) = Client::connect(scene.address, &ticket(&older)).await.end().await;
    assert_eq!((&frame["code"], code), (&json!("ticket_superseded"), 4001));
    second.send(json!({"type": "say", "text": "me"})).await;
    second.frame("chat").await;
    scene.players(&["ada"]).await;
}

#[tokio::test]
async fn a_new_key_is_fetched_when_its_first_ticket_comes() {
    let scene = Scene::open().await;
    scene.guest("ada").await;
    scene.endpoint.keys.lock().unwrap().push(("k2".to_owned(), signing_key(2)));
    let token = ticket_by("k2", &signing_key(2), &claims("bo"));
    Client::connect(scene.address, &token).await.frame("welcome").await;
}

#[tokio::test]
async fn tickets_are_checked_while_lifeboat_is_away() {
    let scene = Scene::open().await;
    let mut ada = scene.guest("ada").await;
    let Scene { endpoint, running, address, .. } = scene;
    let port = running.address.port();
    running.crash().await;
    let mut bo = Client::connect(address, &ticket(&claims("bo"))).await;
    bo.frame("welcome").await;
    bo.send(json!({"type": "say", "text": "alone"})).await;
    ada.frame_where(|frame| frame["lines"][0]["text"] == "alone").await;

    let again: Arc<Endpoint> = endpoint;
    again.players.send_replace(None);
    let _running = again.start(port).await;
    let both = vec!["ses_ada".to_owned(), "ses_bo".to_owned()];
    crate::support::until(&again.players, |players| players.as_ref() == Some(&both)).await;
}
