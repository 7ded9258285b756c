//! Records that are steered while live config is saved.

use std::cell::{Cell, RefCell};

use lifeboat_core::catalog::Catalog;
use lifeboat_core::failover::MovePhase;
use lifeboat_core::ids::{FailoverId, WorldId};
use lifeboat_core::live_config::{ConfigRules, Counter, LiveConfig};
use lifeboat_core::world::World;
use lifeboat_store::Transaction;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::{by_hand, put_records};
use crate::failover::hold;
use crate::http::fixture::Plane;
use crate::keyspace;
use crate::live_config::{Change, SaveOptions, Step};
use crate::writer::{Actor, WriteError, json};

/// A world whose people were told to rejoin, and the record of that.
async fn moving(plane: &Plane) -> (WorldId, FailoverId) {
    let id = plane.world("Main").await;
    let line = format!("POST /api/worlds/{id}/live-config/increment");
    let raise = serde_json::json!({ "path": Counter::AllClients.pointer() });
    assert_eq!(plane.ask(&line, Some(raise)).await.status, 200);
    let record = plane.app.catalog().open_failover(&id).unwrap().id.clone();
    (id, record)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_stands_when_live_config_is_saved_at_the_same_time() {
    let plane = Plane::start().await;
    let (app, actor) = (&plane.app, Actor::system());
    let (world, failover) = moving(&plane).await;
    let raise = |_: &Catalog, rules: &ConfigRules, now: &LiveConfig| {
        rules.increment(now, Counter::AllClients.pointer())
    };
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
    let change = Change { actor: &actor, world: &world, options: &options, edit: raise, records };
    let saved = change.save(app).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_save_is_decided_anew_when_its_world_was_changed_meanwhile() {
    let plane = Plane::start().await;
    let (app, actor) = (&plane.app, Actor::system());
    let (main, other) = (plane.world("Main").await, plane.world("Other").await);
    let raise = |_: &Catalog, rules: &ConfigRules, now: &LiveConfig| {
        rules.increment(now, Counter::AllClients.pointer())
    };
    let seen = RefCell::new(Vec::new());
    let records = |step: &Step<'_>| {
        seen.borrow_mut().push(step.world.standby.clone());
        if seen.borrow().len() == 1 {
            let next = World { standby: Some(other.clone()), ..step.world.clone() };
            let put = Transaction::new().put(keyspace::world(&main), json(&next));
            // Committed after the save has looked, and before it writes.
            let put = app.writer.commit_unaudited(put);
            block_in_place(|| Handle::current().block_on(put)).unwrap();
        }
        Ok(by_hand(app, step, &actor))
    };
    let options = SaveOptions { action: "liveConfig.increment", ..SaveOptions::default() };
    let change = Change { actor: &actor, world: &main, options: &options, edit: raise, records };
    let saved = change.save(app).await.unwrap();
    assert_eq!(*seen.borrow(), [None, Some(other)]);
    let [record] = &saved.records[..] else { panic!("{:?}", saved.records) };
    assert_eq!(Some(record), app.catalog().failover(&record.id).map(|kept| &**kept));
    assert_eq!(record.revision, saved.entry.revision);
}

#[tokio::test]
async fn a_move_goes_as_planned_or_set_and_no_faster_than_its_target_takes() {
    let plane = Plane::start().await;
    let (main, standby) = plane.pair().await;
    plane.enter(&main).await;
    let begun = plane.ask(&format!("POST /api/worlds/{main}/failover"), None).await;
    let id = begun.body["id"].as_str().expect(&begun.text);
    let planned = begun.body["plan"]["ratePerSecond"].as_f64().unwrap();
    let failover = format!("/api/failovers/{id}");
    let rate = async || {
        let shown = plane.ask(&format!("GET {failover}"), None).await.body;
        (shown["plan"]["ratePerSecond"].as_f64().unwrap(), shown["plannedPerSecond"].as_f64())
    };
    let takes = async |per_second: f64| {
        let patch =
            serde_json::json!({ "game": { "Admission": { "JoinsPerSecond": per_second } } });
        let line = format!("PATCH /api/worlds/{standby}/live-config");
        let saved = plane.ask(&line, Some(patch)).await;
        assert_eq!(saved.status, 200, "{}", saved.text);
    };
    assert_eq!(rate().await, (planned, None));
    takes(3.0).await;
    assert_eq!(rate().await, (3.0, Some(planned)));
    takes(planned * 2.0).await;
    assert_eq!(rate().await, (planned, None), "it was planned no faster");
    takes(3.0).await;
    let pace = serde_json::json!({ "maxRejoinsPerSecond": 7.0 });
    assert_eq!(plane.ask(&format!("PATCH {failover}"), Some(pace)).await.status, 200);
    assert_eq!(rate().await, (3.0, Some(7.0)), "it is as if it had been planned so");
    takes(planned).await;
    assert_eq!(rate().await, (7.0, None));
}
