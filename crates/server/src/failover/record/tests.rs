//! Records that are steered while live config is saved.

use std::cell::Cell;

use lifeboat_core::failover::MovePhase;
use lifeboat_core::ids::{FailoverId, WorldId};
use lifeboat_core::live_config::{ConfigRules, Counter, LiveConfig};
use lifeboat_store::Transaction;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::{by_hand, put_records};
use crate::failover::hold;
use crate::http::fixture::Plane;
use crate::live_config::{SaveOptions, Step, save};
use crate::writer::{Actor, WriteError};

/// A world whose people were told to rejoin, and the record of that.
async fn moving(plane: &Plane) -> (WorldId, FailoverId) {
    let id = plane.world("Main").await;
    let line = format!("POST /api/worlds/{id}/live-config/increment");
    let raise = json!({ "path": Counter::AllClients.pointer() });
    assert_eq!(plane.ask(&line, Some(raise)).await.status, 200);
    let record = plane.app.catalog().open_failover(&id).unwrap().id.clone();
    (id, record)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_stands_when_live_config_is_saved_at_the_same_time() {
    let plane = Plane::start().await;
    let (app, actor) = (&plane.app, Actor::system());
    let (world, failover) = moving(&plane).await;
    let raise =
        |rules: &ConfigRules, now: &LiveConfig| rules.increment(now, Counter::AllClients.pointer());
    let is_held = Cell::new(false);
    let records = |step: &Step<'_>| {
        if !is_held.replace(true) {
            // Acknowledged after the save has looked, and before it writes.
            let held = block_in_place(|| Handle::current().block_on(hold(app, &actor, &failover)));
            assert_eq!(held.unwrap().phase, MovePhase::Held);
        }
        Ok(by_hand(app, step, &actor))
    };
    let options = SaveOptions { action: "liveConfig.increment", ..SaveOptions::default() };
    let saved = save(app, &actor, &world, &options, raise, records).await;
    assert_eq!(Counter::AllClients.read(&saved.unwrap().entry.config), 2);
    let record = app.catalog().failover(&failover).unwrap().clone();
    assert_eq!((record.phase, record.counter), (MovePhase::Held, 2));
}

#[tokio::test]
async fn a_record_is_written_only_as_it_was_looked_at() {
    let plane = Plane::start().await;
    let (app, actor) = (&plane.app, Actor::system());
    let (_, failover) = moving(&plane).await;
    let before = app.catalog();
    let seen = before.failover(&failover).unwrap();
    let record = seen.cancelled(app.now());
    let put = |catalog| {
        let record = [record.clone()];
        async move { put_records(app, catalog, Transaction::new(), &record).await }
    };
    let in_time = put(&before).await.unwrap();
    hold(app, &actor, &failover).await.unwrap();
    assert!(matches!(put(&before).await, Err(WriteError::Lost)));
    let late = app.writer.commit_unaudited(in_time).await;
    assert!(matches!(late, Err(WriteError::Lost)), "{late:?}");
    let anew = put(&app.catalog()).await.unwrap();
    app.writer.commit_unaudited(anew).await.unwrap();
    assert_eq!(app.catalog().failover(&failover).unwrap().phase, MovePhase::Cancelled);
}
