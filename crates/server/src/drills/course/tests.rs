//! Drills that a real failover ends, or would have ended.

use std::future::ready;
use std::pin::pin;

use lifeboat_core::ids::{DrillId, WorldId};
use serde_json::json;

use super::*;
use crate::drills::preempt;
use crate::http::fixture::Plane;

/// A drill of a pair, as it is recorded.
fn record(plane: &Plane, main: &WorldId, standby: &WorldId) -> DrillRecord {
    let build = plane.app.catalog().world(main).unwrap().spec.build.clone();
    let record = json!({
        "id": "drl_one", "worldId": main, "targetWorldId": standby, "clients": 1,
        "phase": "moving-out", "message": null, "by": "test", "reason": "",
        "startedAt": plane.app.now(), "finishedAt": null, "failoverId": null, "failbackId": null,
        "gatheredMs": null, "out": null, "home": null, "joinsPerSecond": null, "build": build,
        "machine": { "processor": "", "cores": 1, "memoryMib": 1, "kernel": "" },
        "lifeboat": "0.0.0",
    });
    serde_json::from_value(record).unwrap()
}

fn new_drill() -> NewDrill {
    serde_json::from_value(json!({ "clients": 1 })).unwrap()
}

fn course<'a>(plane: &'a Plane, new: &'a NewDrill, record: DrillRecord) -> Course<'a> {
    let actor = Actor::new(record.id.to_string(), ROLE, None);
    Course { app: &plane.app, new, record, actor }
}

#[tokio::test]
async fn a_failover_that_is_refused_lets_a_drill_go_on() {
    let plane = Plane::start().await;
    let (main, standby) = plane.pair().await;
    let drills = &plane.app.drills;
    let place = drills.enter(&DrillId::from_unique("one"), &main, &standby).unwrap();
    let line = format!("POST /api/worlds/{main}/failover");
    let nowhere = plane.ask(&line, Some(json!({ "targetWorldId": "wld_nowhere" }))).await;
    assert_eq!(nowhere.code(), "failover_blocked", "{}", nowhere.text);
    let home = plane.ask(&format!("POST /api/worlds/{main}/failback"), None).await;
    assert_eq!(home.code(), "not_failed_over", "{}", home.text);
    assert!(!*place.preempted.borrow(), "the drill goes on");

    let mut preempted = place.preempted.clone();
    let begun = async { plane.ask(&line, Some(json!({}))).await };
    let ended = async {
        preempted.wait_for(|preempted| *preempted).await.unwrap();
        drills.leave(&main, place);
    };
    let (begun, ()) = tokio::join!(begun, ended);
    assert_eq!(begun.status, 202, "{}", begun.text);
}

#[tokio::test]
async fn a_drill_that_was_ended_for_nothing_brings_its_world_home() {
    let plane = Plane::start().await;
    let (main, standby) = plane.pair().await;
    let new = new_drill();
    let mut course = course(&plane, &new, record(&plane, &main, &standby));
    let begun = course.begin(DrillPhase::MovingOut).await;
    assert!(begun.is_ok(), "{:?}", plane.app.catalog().latest_failover(&main));
    assert!(plane.app.catalog().override_of(&main).is_some());
    course.finish(Err(Ended::Preempted)).await;
    assert_eq!(course.record.phase, DrillPhase::Preempted);
    assert_eq!(plane.app.catalog().override_of(&main), None, "{:?}", course.record.message);
}

#[tokio::test]
async fn a_drill_leaves_a_real_failover_alone() {
    let plane = Plane::start().await;
    let (main, standby) = plane.pair().await;
    let new = new_drill();
    let mut course = course(&plane, &new, record(&plane, &main, &standby));
    assert!(course.begin(DrillPhase::MovingOut).await.is_ok());
    let real = plane.ask(&format!("POST /api/worlds/{main}/failover"), Some(json!({}))).await;
    assert_eq!(real.status, 202, "{}", real.text);
    course.finish(Err(Ended::Preempted)).await;
    let catalog = plane.app.catalog();
    assert_eq!(catalog.override_of(&main).unwrap().world, standby);
    assert_eq!(catalog.latest_failover(&main).unwrap().id.as_str(), real.body["id"]);
}

#[tokio::test]
async fn a_drill_waits_for_what_becomes_of_the_failover_that_ended_it() {
    let plane = Plane::start().await;
    let (main, standby) = plane.pair().await;
    let drills = &plane.app.drills;
    let place = drills.enter(&DrillId::from_unique("one"), &main, &standby).unwrap();
    let mut preempted = place.preempted.clone();
    let leave = async { drills.leave(&main, place) };
    let (real, ()) = tokio::join!(preempt(&plane.app, &standby), leave);
    let mut waiting = pin!(real_one_done(&mut preempted));
    tokio::select! {
        biased;
        () = &mut waiting => panic!("the real failover has not begun yet"),
        () = ready(()) => {}
    }
    drop(real);
    waiting.await;
}

async fn patched(plane: &Plane, world: &WorldId, patch: serde_json::Value) -> u16 {
    let line = format!("PATCH /api/worlds/{world}/live-config");
    plane.ask(&line, Some(patch)).await.status.as_u16()
}

#[tokio::test]
async fn a_step_of_a_failover_by_hand_goes_before_a_drill_and_other_saves_do_not() {
    let plane = Plane::start().await;
    let (main, standby) = plane.pair().await;
    let drills = &plane.app.drills;
    let place = drills.enter(&DrillId::from_unique("one"), &main, &standby).unwrap();
    let slower = json!({ "game": { "Admission": { "JoinsPerSecond": 4 } } });
    assert_eq!(patched(&plane, &main, slower).await, 200);
    let leads_to = |world: &str| json!({ "game": { "Failover": { "OverrideWorldId": world } } });
    assert_eq!(patched(&plane, &main, leads_to("wld_nowhere")).await, 422);
    assert!(!*place.preempted.borrow(), "the drill goes on");

    let mut preempted = place.preempted.clone();
    let ended = async {
        let ends = preempted.wait_for(|preempted| *preempted);
        tokio::time::timeout(DRILL_PATIENCE, ends).await.expect("the drill is ended").unwrap();
        assert_eq!(plane.app.catalog().override_of(&main), None, "the bots go first");
        drills.leave(&main, place);
    };
    let (saved, ()) = tokio::join!(patched(&plane, &main, leads_to(standby.as_str())), ended);
    assert_eq!(saved, 200);
    assert!(plane.app.catalog().override_of(&main).is_some());
    let done = tokio::time::timeout(DRILL_PATIENCE, real_one_done(&mut preempted)).await;
    done.expect("the drill does not wait any more");
}

#[tokio::test]
async fn a_drill_leaves_an_override_alone_that_was_set_by_hand() {
    let plane = Plane::start().await;
    let (main, standby) = plane.pair().await;
    let new = new_drill();
    let mut course = course(&plane, &new, record(&plane, &main, &standby));
    assert!(course.begin(DrillPhase::MovingOut).await.is_ok());
    let deployment = plane.app.catalog().current_deployment(&standby).unwrap().id.clone();
    let pinned = json!({ "game": { "Failover": { "OverrideDeploymentId": deployment } } });
    assert_eq!(patched(&plane, &main, pinned).await, 200);
    course.finish(Err(Ended::Preempted)).await;
    assert!(plane.app.catalog().override_of(&main).is_some(), "{:?}", course.record.message);
}
