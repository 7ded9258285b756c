//! The SDK over HTTP.

use std::sync::Arc;

use futures::{SinkExt as _, StreamExt as _};
use lifeboat_core::ids::ServerId;
use lifeboat_runtime::limits::{SDK_BODY_BYTES_MAX, SDK_WATCHERS_MAX};
use lifeboat_runtime::{Runtime, RuntimeEvent, SdkState};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Fixture, PATIENCE, Sdk, event, wait_for};

const IDLE: &str = "exec sleep 60";

#[tokio::test]
async fn the_game_server_object_is_written_as_by_the_gateway_of_agones() {
    let fixture = Fixture::new();
    let record = fixture.script("object", IDLE).await;
    let shown = Sdk::of(&record).ok("GET", "/gameserver", "").await;
    let expected = json!({
        "object_meta": {
            "name": "srv_object", "namespace": "lifeboat", "uid": "srv_object",
            "resource_version": "1", "generation": "1",
            "creation_timestamp": record.started_at.as_seconds().to_string(),
            "deletion_timestamp": "0",
            "annotations": {
                "lifeboat.dev/world-id": "wld_w", "lifeboat.dev/world-name": "Main Stage",
                "lifeboat.dev/deployment-id": "dep_d", "lifeboat.dev/map": "plaza",
                "lifeboat.dev/seats": "3",
            },
            "labels": {},
        },
        "spec": { "health": {
            "disabled": false, "period_seconds": 5, "failure_threshold": 3,
            "initial_delay_seconds": 0,
        } },
        "status": {
            "state": "Scheduled", "address": "127.0.0.1",
            "addresses": [{ "type": "InternalIP", "address": "127.0.0.1" }],
            "ports": [{ "name": "default", "port": record.game_port }],
            "players": null,
            "counters": { "rooms": { "count": "1", "capacity": "10" } },
            "lists": { "players": { "capacity": "3", "values": [] } },
        },
    });
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn every_call_about_the_state_is_seen_by_a_watcher() {
    let fixture = Fixture::new();
    let record = fixture.script("states", IDLE).await;
    let sdk = Sdk::of(&record);
    let mut lines = sdk.watch("/watch/gameserver").await;
    assert_eq!(lines.next().await.unwrap()["status"]["state"], "Scheduled", "first at once");
    for (path, body, state) in [
        ("/ready", "{}", "Ready"),
        ("/reserve", r#"{"seconds":"1"}"#, "Reserved"),
        ("/allocate", "{}", "Allocated"),
        ("/reserve", r#"{"seconds":1}"#, "Reserved"),
    ] {
        assert_eq!(sdk.ok("POST", path, body).await, json!({}));
        lines.find(|now| now["status"]["state"] == state).await;
    }
    lines.find(|now| now["status"]["state"] == "Ready").await;
    sdk.ok("POST", "/shutdown", "").await;
    lines.find(|now| now["status"]["state"] == "Shutdown").await;
    sdk.ok("POST", "/ready", "{}").await;
    assert_eq!(sdk.ok("GET", "/gameserver", "").await["status"]["state"], "Shutdown");
}

#[tokio::test]
async fn what_is_watched_comes_over_a_web_socket_too() {
    let fixture = Fixture::new();
    let record = fixture.script("socket", IDLE).await;
    let sdk = Sdk::of(&record);
    for (path, pointer) in
        [("/watch/gameserver", "/result/status"), ("/watch/live-config", "/result")]
    {
        let url = format!("ws://127.0.0.1:{}{path}", record.sdk_http_port);
        let (mut socket, _) = connect_async(url).await.unwrap();
        let mut next = async || {
            let message =
                timeout(PATIENCE, socket.next()).await.expect("in time").unwrap().unwrap();
            serde_json::from_str::<Value>(message.to_text().unwrap()).unwrap()
        };
        assert!(next().await.pointer(pointer).is_some(), "{path}: first at once");
        if path == "/watch/gameserver" {
            sdk.ok("POST", "/ready", "{}").await;
            assert_eq!(next().await["result"]["status"]["state"], "Ready");
        }
        socket.send(Message::Ping("there?".into())).await.unwrap();
        let pong = timeout(PATIENCE, socket.next()).await.expect("in time").unwrap().unwrap();
        assert!(pong.is_pong(), "{pong:?}");
        socket.close(None).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_server_says_becomes_events() {
    let fixture = Fixture::new();
    let mut events = fixture.runtime.subscribe();
    let record = fixture.script("events", IDLE).await;
    let server = record.server.clone();
    let sdk = Sdk::of(&record);
    sdk.ok("POST", "/ready", "{}").await;
    let ready = event(&mut events, |_| true).await;
    assert_eq!(ready, RuntimeEvent::Ready { server: server.clone() });
    sdk.ok("PATCH", "/v1beta1/lists/players", r#"{"values":["ses_1","ses_2"]}"#).await;
    let sessions = Arc::new(vec!["ses_1".to_owned(), "ses_2".to_owned()]);
    let changed = RuntimeEvent::PlayersChanged { server: server.clone(), sessions };
    event(&mut events, |event| *event == changed).await;
    sdk.ok("POST", "/shutdown", "{}").await;
    let state = RuntimeEvent::StateChanged { server: server.clone(), state: SdkState::Shutdown };
    event(&mut events, |event| *event == state).await;
    let requested = RuntimeEvent::ShutdownRequested { server };
    event(&mut events, |event| *event == requested).await;
}

#[tokio::test]
async fn counters_and_lists_are_changed_and_refused() {
    let fixture = Fixture::new();
    let sdk = Sdk::of(&fixture.script("counts", IDLE).await);
    let rooms = "/v1beta1/counters/rooms";
    assert_eq!(
        sdk.ok("PATCH", rooms, r#"{"count":"5","capacity":"11"}"#).await,
        json!({ "name": "rooms", "count": "5", "capacity": "11" })
    );
    sdk.ok("PATCH", rooms, r#"{"countDiff":"-2","unknown":[]}"#).await;
    assert_eq!(sdk.ok("GET", rooms, "").await["count"], "3");
    let (status, refusal) = sdk.call("PATCH", rooms, r#"{"countDiff":"99"}"#).await;
    assert_eq!((status, &refusal["code"]), (StatusCode::BAD_REQUEST, &json!(11)));
    assert_eq!(refusal["details"], json!([]));

    let players = "/v1beta1/lists/players";
    let added = sdk.ok("POST", &format!("{players}:addValue"), r#"{"value":"a"}"#).await;
    assert_eq!(added, json!({ "name": "players", "capacity": "3", "values": ["a"] }));
    let (status, _) = sdk.call("POST", &format!("{players}:addValue"), r#"{"value":"a"}"#).await;
    assert_eq!(status, StatusCode::CONFLICT);
    sdk.ok("PATCH", players, r#"{"capacity":"2","values":["x","y","z"]}"#).await;
    sdk.ok("PATCH", players, r#"{"capacity":"5"}"#).await;
    sdk.ok("POST", &format!("{players}:removeValue"), r#"{"value":"x"}"#).await;
    assert_eq!(
        sdk.ok("GET", players, "").await,
        json!({ "name": "players", "capacity": "5", "values": ["y"] })
    );
    for (method, path) in [
        ("GET", "/v1beta1/lists/none"),
        ("GET", "/v1beta1/counters/none"),
        ("POST", "/v1beta1/lists/players:explode"),
        ("GET", "/nowhere"),
    ] {
        let (status, refusal) = sdk.call(method, path, "").await;
        assert_eq!((status, &refusal["code"]), (StatusCode::NOT_FOUND, &json!(5)), "{path}");
    }
    let (status, _) = sdk.call("GET", "/ready", "").await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
}

#[tokio::test]
async fn metadata_is_prefixed_and_checked() {
    let fixture = Fixture::new();
    let sdk = Sdk::of(&fixture.script("metadata", IDLE).await);
    sdk.ok("PUT", "/metadata/label", r#"{"key":"foo","value":"bar"}"#).await;
    sdk.ok("PUT", "/metadata/annotation", r#"{"key":"foo","value":"b a r"}"#).await;
    let meta = sdk.ok("GET", "/gameserver", "").await["object_meta"].take();
    assert_eq!(meta["labels"]["agones.dev/sdk-foo"], "bar");
    assert_eq!(meta["annotations"]["agones.dev/sdk-foo"], "b a r");
    let (status, refusal) = sdk.call("PUT", "/metadata/label", r#"{"key":"a b"}"#).await;
    assert_eq!((status, &refusal["code"]), (StatusCode::BAD_REQUEST, &json!(3)));
}

#[tokio::test]
async fn player_tracking_is_kept_in_the_list_of_players() {
    let fixture = Fixture::new();
    let sdk = Sdk::of(&fixture.script("players", IDLE).await);
    let player = r#"{"playerID":"p1"}"#;
    assert_eq!(sdk.ok("POST", "/alpha/player/connect", player).await, json!({ "bool": true }));
    assert_eq!(sdk.ok("POST", "/alpha/player/connect", player).await, json!({ "bool": false }));
    for (path, answer) in [
        ("/alpha/player/connected", json!({ "list": ["p1"] })),
        ("/alpha/player/connected/p1", json!({ "bool": true })),
        ("/alpha/player/connected/p2", json!({ "bool": false })),
        ("/alpha/player/count", json!({ "count": "1" })),
        ("/alpha/player/capacity", json!({ "count": "3" })),
    ] {
        assert_eq!(sdk.ok("GET", path, "").await, answer, "{path}");
    }
    sdk.ok("PUT", "/alpha/player/capacity", r#"{"count":1}"#).await;
    let (status, _) = sdk.call("POST", "/alpha/player/connect", r#"{"playerID":"p2"}"#).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(sdk.ok("POST", "/alpha/player/disconnect", player).await, json!({ "bool": true }));
    assert_eq!(sdk.ok("POST", "/alpha/player/disconnect", player).await, json!({ "bool": false }));
}

#[tokio::test]
async fn live_config_and_the_current_counter_reach_the_server() {
    let fixture = Fixture::new();
    let record = fixture.script("config", IDLE).await;
    let sdk = Sdk::of(&record);
    let nothing = json!({ "revision": 0, "game": {}, "project": {} });
    assert_eq!(sdk.ok("GET", "/live-config", "").await, nothing);
    let mut configs = sdk.watch("/watch/live-config").await;
    assert_eq!(configs.next().await.unwrap(), nothing);
    let config =
        json!({ "revision": 7, "game": {}, "project": { "Stage": { "DoorsOpen": true } } });
    fixture.runtime.set_live_config(&record.server, Arc::new(config.clone())).unwrap();
    assert_eq!(configs.next().await.unwrap(), config);
    assert_eq!(sdk.ok("GET", "/live-config", "").await, config);

    let mut objects = sdk.watch("/watch/gameserver").await;
    fixture.runtime.set_annotation(&record.server, "lifeboat.dev/all-clients", "4").unwrap();
    let key = "lifeboat.dev/all-clients";
    objects.find(|now| now["object_meta"]["annotations"][key] == "4").await;
    let stranger = ServerId::from_unique("stranger");
    assert!(fixture.runtime.set_annotation(&stranger, key, "4").is_err());
}

#[tokio::test]
async fn hostile_bodies_are_refused_and_leave_the_endpoint_standing() {
    let fixture = Fixture::new();
    let sdk = Sdk::of(&fixture.script("hostile", IDLE).await);
    let deep = format!("{{\"key\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for (method, path, body) in [
        ("POST", "/health", ""),
        ("POST", "/health", "[]"),
        ("POST", "/health", "{} garbage"),
        ("POST", "/ready", "nonsense"),
        ("POST", "/ready", "[]"),
        ("POST", "/reserve", r#"{"seconds":"many"}"#),
        ("POST", "/reserve", r#"{"seconds":-1}"#),
        ("PUT", "/metadata/label", r#"["key","value"]"#),
        ("PUT", "/metadata/label", &deep),
        ("PATCH", "/v1beta1/counters/rooms", r#"{"count":"9223372036854775808"}"#),
        ("PATCH", "/v1beta1/counters/rooms", r#"{"countDiff":"-9223372036854775808"}"#),
        ("PATCH", "/v1beta1/lists/players", r#"{"capacity":"1000000000"}"#),
        ("PATCH", "/v1beta1/lists/players", r#"{"values":{"a":1}}"#),
    ] {
        let (status, refusal) = sdk.call(method, path, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{method} {path}: {refusal}");
        assert!(refusal["message"].is_string(), "{refusal}");
    }
    let huge = format!(r#"{{"value":"{}"}}"#, "x".repeat(SDK_BODY_BYTES_MAX));
    let (status, _) = sdk.call("POST", "/v1beta1/lists/players:addValue", &huge).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(sdk.ok("POST", "/health", "{}{}").await, json!({}));
}

#[tokio::test]
async fn the_number_of_watchers_is_bounded_and_their_places_come_back() {
    let fixture = Fixture::new();
    let sdk = Sdk::of(&fixture.script("watchers", IDLE).await);
    let mut watchers = Vec::new();
    for _ in 0..SDK_WATCHERS_MAX {
        watchers.push(sdk.watch("/watch/gameserver").await);
    }
    let refused = sdk.status_of_watch("/watch/live-config").await;
    assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS);
    drop(watchers);
    let until = tokio::time::Instant::now() + crate::support::PATIENCE;
    while sdk.status_of_watch("/watch/live-config").await != StatusCode::OK {
        assert!(tokio::time::Instant::now() < until);
    }
}

#[tokio::test]
async fn the_streams_end_with_the_server() {
    let fixture = Fixture::new();
    let record = fixture.script("ending", IDLE).await;
    let mut lines = Sdk::of(&record).watch("/watch/gameserver").await;
    lines.next().await.unwrap();
    fixture.runtime.kill(&record.server).await.unwrap();
    assert_eq!(lines.next().await, None);
    let address = ("127.0.0.1", record.sdk_http_port);
    wait_for(|| std::net::TcpStream::connect(address).err()).await;
}
