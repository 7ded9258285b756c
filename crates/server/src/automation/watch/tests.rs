//! What stands in the way of a failover by itself is tried and told once.

use lifeboat_core::catalog::LiveEntry;
use lifeboat_core::failover::FailoverRecord;
use lifeboat_core::live_config::COUNTER_MAX;
use lifeboat_store::{Range, Transaction};

use super::*;
use crate::http::fixture::Plane;
use crate::keyspace;
use crate::writer::{AuditEntry, json as encode};

/// The tries to fail over by itself in the audit log.
async fn tries(plane: &Plane) -> usize {
    let page = plane.store.list(Range::prefix(keyspace::AUDIT), None).await.unwrap();
    let entries = page.items.iter().map(|item| serde_json::from_slice::<AuditEntry>(&item.value));
    entries.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.who == ACTOR)).count()
}

/// The alerts so far.
fn alerts(plane: &Plane) -> usize {
    let events = &plane.app.events;
    let told = events.read(Some(&events.id(0))).missed;
    told.iter().filter(|event| event.kind == EventKind::Alert).count()
}

#[tokio::test]
async fn a_cool_down_that_counts_seconds_is_one_obstacle() {
    let plane = Plane::start().await;
    let (main, _) = plane.pair().await;
    let app = &plane.app;
    let moved = plane.ask(&format!("POST /api/worlds/{main}/failover"), None).await;
    assert_eq!(moved.status, 202, "{}", moved.text);
    let clear = json!({ "game": { "Failover": { "OverrideWorldId": "" } } });
    let line = format!("PATCH /api/worlds/{main}/live-config");
    assert_eq!(plane.ask(&line, Some(clear)).await.status, 200);
    let world = app.world(&main).unwrap();
    let mut said = Vec::new();
    for seconds in [0, 10, 20] {
        let record = app.catalog().latest_failover(&main).unwrap().clone();
        let started_at = record.started_at - Duration::from_secs(seconds);
        let earlier = FailoverRecord { started_at, ..(*record).clone() };
        let key = keyspace::failover(&record.id);
        let transaction = Transaction::new().put(key, encode(&earlier));
        app.writer.commit_unaudited(transaction).await.unwrap();
        act(app, &world, "down").await;
        let blocked = app.automation.lock().seen[&main].blocked.clone().unwrap();
        assert!(blocked.codes.contains("cool_down"), "{blocked:?}");
        said.push(blocked.text);
    }
    said.dedup();
    assert_eq!(said.len(), 3, "the seconds left are shown as they are: {said:?}");
    assert_eq!((tries(&plane).await, alerts(&plane)), (1, 1));
}

#[tokio::test]
async fn what_fails_although_no_rule_speaks_against_it_is_told_once_and_tried_after_a_pause() {
    let plane = Plane::start().await;
    let (main, _) = plane.pair().await;
    let app = &plane.app;
    // A counter that cannot be raised any more fails the save, which no plan foresees.
    let mut config = app.catalog().live(&main).unwrap().config.clone();
    config.game["ForceDisconnect"]["AllClients"] = json!(COUNTER_MAX);
    let entry = LiveEntry::new(0, app.now(), "test".to_owned(), config);
    let transaction = Transaction::new().put(keyspace::live(&main), encode(&entry));
    app.writer.commit_unaudited(transaction).await.unwrap();
    let world = app.world(&main).unwrap();
    let retry_at = || app.automation.lock().seen[&main].retry_at.unwrap();
    act(app, &world, "down").await;
    assert!(retry_at() > app.now());
    // Later than any try would set it, so that a try is seen.
    let pause = app.now() + RETRY_PAUSE * 10;
    app.automation.lock().seen.get_mut(&main).unwrap().retry_at = Some(pause);
    act(app, &world, "down").await;
    assert_eq!(retry_at(), pause, "not again within the pause");
    for _ in 0..2 {
        app.automation.lock().seen.get_mut(&main).unwrap().retry_at = Some(app.now());
        act(app, &world, "down").await;
        assert!(retry_at() > app.now(), "tried again");
    }
    assert_eq!(alerts(&plane), 1);
}
