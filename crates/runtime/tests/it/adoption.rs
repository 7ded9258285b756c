//! Finding servers again after a restart of Lifeboat.

use std::time::Duration;

use lifeboat_core::ids::ServerId;
use lifeboat_runtime::{
    AdoptError, Adoption, LocalRuntime, Runtime, RuntimeEvent, SdkState, ServerHealth,
    StartedServer,
};
use rustix::process::Signal;
use serde_json::json;

use crate::support::{Fixture, Sdk, event, minimal_server, runs, signal, wait_for};

impl Fixture {
    /// Drops the runtime, as a crash would, and opens another on the same folder.
    fn restart(&mut self) {
        self.runtime = LocalRuntime::open(self.config.clone()).unwrap();
    }
}

fn stored_and_read(record: &StartedServer) -> StartedServer {
    serde_json::from_str(&serde_json::to_string(record).unwrap()).unwrap()
}

#[tokio::test]
async fn a_running_server_is_found_again_with_its_ports_and_its_state() {
    let mut fixture = Fixture::new();
    let record = fixture.script("found", "echo up; exec sleep 60").await;
    let sdk = Sdk::of(&record);
    sdk.ok("POST", "/ready", "{}").await;
    sdk.ok("POST", "/v1beta1/lists/players:addValue", r#"{"value":"ses_1"}"#).await;
    fixture.runtime.detach().await;
    fixture.restart();
    assert!(runs(record.pid));

    let mut events = fixture.runtime.subscribe();
    let adoption = fixture.runtime.adopt(stored_and_read(&record)).await.unwrap();
    assert_eq!(adoption, Adoption::Adopted);
    let now = fixture.observe(&record.server);
    assert_eq!(now.started, record);
    assert_eq!((now.state, now.health), (SdkState::Ready, ServerHealth::Healthy));
    assert_eq!(*now.players, ["ses_1"]);
    let shown = Sdk::of(&record).ok("GET", "/gameserver", "").await;
    assert_eq!(shown["status"]["lists"]["players"]["values"], json!(["ses_1"]));
    assert_eq!(fixture.runtime.tail(&record.server, 1).await.unwrap(), ["up"]);

    signal(&record, Signal::KILL);
    event(&mut events, |event| matches!(event, RuntimeEvent::Exited { .. })).await;
    assert!(!fixture.observe(&record.server).is_alive());
}

#[tokio::test]
async fn ready_survives_a_crash_of_lifeboat() {
    let mut fixture = Fixture::impatient();
    let program = minimal_server();
    let record = fixture.start("crash", &[program.to_str().unwrap(), "20"]).await;
    let saved = fixture.config.dir.join(record.server.as_str()).join("sdk.json");
    wait_for(|| {
        let text = std::fs::read_to_string(&saved).ok()?;
        text.contains(r#""state":"Ready""#).then_some(())
    })
    .await;
    fixture.restart();
    fixture.runtime.adopt(record.clone()).await.unwrap();
    assert_eq!(fixture.observe(&record.server).state, SdkState::Ready);
    fixture.wait_until(&record.server, |now| now.last_healthy_at.is_some()).await;
    let again = fixture.runtime.adopt(record).await;
    assert!(matches!(again, Err(AdoptError::AlreadyWatched { .. })), "{again:?}");
}

#[tokio::test]
async fn an_adopted_server_that_hangs_is_noticed_after_a_fresh_grace() {
    let mut fixture = Fixture::impatient();
    let record = fixture.script("adopted_hang", "exec sleep 60").await;
    Sdk::of(&record).ok("POST", "/ready", "{}").await;
    fixture.runtime.detach().await;
    fixture.restart();
    fixture.runtime.adopt(record.clone()).await.unwrap();
    assert_eq!(fixture.observe(&record.server).health, ServerHealth::Healthy);
    fixture.wait_until(&record.server, |now| now.health == ServerHealth::Unhealthy).await;
}

#[tokio::test]
async fn an_adopted_server_is_stopped_like_any_other() {
    let mut fixture = Fixture::new();
    let record = fixture.script("adopted_stop", "exec sleep 60").await;
    fixture.restart();
    fixture.runtime.adopt(record.clone()).await.unwrap();
    fixture.runtime.stop(&record.server, Duration::from_secs(60)).await.unwrap();
    assert!(!runs(record.pid));
}

#[tokio::test]
async fn a_server_that_died_meanwhile_is_gone_and_so_is_its_family() {
    let mut fixture = Fixture::new();
    let record = fixture.script("died", "sleep 60 & echo child $!; wait").await;
    let child: u32 = wait_for(|| {
        let log = std::fs::read_to_string(&record.log).ok()?;
        log.strip_prefix("child ")?.strip_suffix('\n')?.parse().ok()
    })
    .await;
    fixture.runtime.detach().await;
    fixture.restart();
    signal(&record, Signal::KILL);
    wait_for(|| (!runs(record.pid)).then_some(())).await;
    assert!(runs(child));
    let adoption = fixture.runtime.adopt(record.clone()).await.unwrap();
    assert_eq!(adoption, Adoption::Gone);
    wait_for(|| (!runs(child)).then_some(())).await;
    assert!(fixture.runtime.observe().is_empty());
}

#[tokio::test]
async fn another_process_of_the_same_number_is_left_alone() {
    let mut fixture = Fixture::new();
    let record = fixture.script("number", "exec sleep 60").await;
    fixture.restart();
    let mut earlier = record.clone();
    earlier.server = ServerId::from_unique("earlier");
    earlier.start_time_ticks -= 1;
    assert_eq!(fixture.runtime.adopt(earlier).await.unwrap(), Adoption::Gone);
    let mut other_boot = record.clone();
    other_boot.boot_id = "another".into();
    assert_eq!(fixture.runtime.adopt(other_boot).await.unwrap(), Adoption::Gone);
    assert!(runs(record.pid));
    fixture.runtime.adopt(record).await.unwrap();
}

#[tokio::test]
async fn a_taken_port_leaves_the_server_running_for_a_later_try() {
    let mut fixture = Fixture::new();
    let record = fixture.script("taken", "exec sleep 60").await;
    fixture.runtime.detach().await;
    let address = ("127.0.0.1", record.sdk_http_port);
    let squatter = wait_for(|| std::net::TcpListener::bind(address).ok()).await;
    fixture.restart();
    let refused = fixture.runtime.adopt(record.clone()).await;
    assert!(matches!(refused, Err(AdoptError::SdkPortTaken { .. })), "{refused:?}");
    assert!(runs(record.pid));
    drop(squatter);
    assert_eq!(fixture.runtime.adopt(record).await.unwrap(), Adoption::Adopted);
}
