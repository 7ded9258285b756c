//! Beginnings, against a control plane in memory.

use lifeboat_core::ids::FailoverId;
use lifeboat_core::world::World;
use lifeboat_store::Transaction;
use serde_json::json;

use crate::http::fixture::Plane;
use crate::keyspace;
use crate::writer::json as encode;

async fn world(plane: &Plane, name: &str) -> String {
    let body = json!({ "name": name, "build": { "mod": "plaza" } });
    let made = plane.ask("POST /api/worlds", Some(body)).await;
    made.body["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_failback_leads_nowhere_but_home() {
    let plane = Plane::start().await;
    let (main, other) = (world(&plane, "Main").await, world(&plane, "Other").await);
    let line = format!("POST /api/worlds/{main}/failback");
    let elsewhere = json!({ "targetWorldId": other });
    let refused = plane.ask(&line, Some(elsewhere)).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "validation_failed"));
    assert_eq!(refused.body["errors"][0]["path"], "/targetWorldId", "{}", refused.text);
    for home in [json!({ "targetWorldId": main }), json!({ "targetWorldId": null })] {
        let taken = plane.ask(&line, Some(home)).await;
        assert_eq!((taken.status.as_u16(), taken.code()), (409, "not_failed_over"));
    }
}

#[tokio::test]
async fn whoever_names_the_standby_is_told_which_world_is_meant() {
    let plane = Plane::start().await;
    let main = world(&plane, "Main Stage").await;
    let made = plane.ask(&format!("POST /api/worlds/{main}/standby"), Some(json!({}))).await;
    let standby = format!("/api/worlds/{}", made.body["id"].as_str().unwrap());
    let meant = "this is the standby of Main Stage; name that";
    let readiness = plane.ask(&format!("GET {standby}/readiness"), None).await.body;
    let check = &readiness["checks"][0];
    assert_eq!((&readiness["ready"], &check["message"]), (&json!(false), &json!(meant)));
    assert_eq!(check["remedy"], format!("lifeboat standby check {main}"));
    let blocked = plane.ask(&format!("POST {standby}/failover"), Some(json!({}))).await;
    assert_eq!(blocked.code(), "failover_blocked", "{}", blocked.text);
    assert_eq!(blocked.body["detail"], "blocked by target_missing; cannot be forced");
    let rule = &blocked.body["rules"][0];
    assert_eq!((&rule["message"], &rule["mayForce"]), (&json!(meant), &json!(false)));
    assert_eq!(rule["remedy"], format!("lifeboat failover run {main}"));
    for (line, body) in [
        (format!("PUT {standby}/standby"), json!({ "worldId": null })),
        (format!("POST {standby}/standby"), json!({})),
        (format!("POST {standby}/failback"), json!({})),
    ] {
        let refused = plane.ask(&line, Some(body)).await;
        assert!(refused.status.is_client_error(), "{line}: {}", refused.text);
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(meant), "{line}: {detail}");
    }
    let kept = plane.ask(&format!("GET {standby}"), None).await;
    assert_eq!(kept.body["standbyFor"], main);
}

fn forced(target: &str) -> serde_json::Value {
    json!({ "targetWorldId": target, "force": true, "reason": "a test" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_fail_over_to_different_targets_at_once_one_is_refused() {
    let plane = Plane::start().await;
    for round in 0..5 {
        let name = |what: &str| format!("{what} {round}");
        let main = world(&plane, &name("Main")).await;
        let targets = [world(&plane, &name("A")).await, world(&plane, &name("B")).await];
        let line = format!("POST /api/worlds/{main}/failover");
        let [first, second] = targets.map(|target| plane.ask(&line, Some(forced(&target))));
        let (first, second) = tokio::join!(first, second);
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 409], "{} {}", first.text, second.text);
        let refused = if first.status.is_success() { second } else { first };
        assert_eq!(refused.code(), "failover_in_progress");
    }
}

#[tokio::test]
async fn only_the_failover_that_stands_is_undone() {
    let plane = Plane::start().await;
    let main = plane.world("Main").await;
    plane.activate(&main).await;
    let fail_over = async |target: &str| {
        let line = format!("POST /api/worlds/{main}/failover");
        let began = plane.ask(&line, Some(forced(target))).await;
        assert_eq!(began.status, 202, "{}", began.text);
        began.body["id"].as_str().unwrap().to_owned()
    };
    let undo = async |id: &str| {
        plane.ask(&format!("POST /api/failovers/{id}/undo"), Some(json!({}))).await
    };
    let first = fail_over(&world(&plane, "A").await).await;
    assert_eq!(undo(&first).await.status, 202);
    let second = fail_over(&world(&plane, "B").await).await;
    let refused = undo(&first).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "failover_state"));
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains(&second), "{detail}");
    assert_eq!(undo(&second).await.status, 202);
}

#[tokio::test]
async fn resuming_what_waits_for_its_target_is_to_wait_on_or_to_be_told_what_to_do() {
    let plane = Plane::start().await;
    let (main, standby) = (world(&plane, "Main").await, world(&plane, "Backup").await);
    let request = json!({ "targetWorldId": standby, "waitForTarget": true, "force": true,
        "reason": "a test" });
    let line = format!("POST /api/worlds/{main}/failover");
    let began = plane.ask(&line, Some(request.clone())).await;
    assert_eq!(began.body["waitsForTarget"], true, "{}", began.text);
    let id = began.body["id"].as_str().unwrap();
    let act = async |what: &str| {
        plane.ask(&format!("POST /api/failovers/{id}/{what}"), Some(json!({}))).await
    };
    assert_eq!(act("hold").await.body["waitsForTarget"], false);
    let waits = act("resume").await;
    let shown = (&waits.body["phase"], &waits.body["waitsForTarget"]);
    assert_eq!(shown, (&json!("held"), &json!(true)), "{}", waits.text);
    let stop = format!("POST /api/worlds/{standby}/stop");
    assert_eq!(plane.ask(&stop, Some(json!({}))).await.status, 202);
    let refused = act("resume").await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "failover_state"));
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("lifeboat world launch {standby}")), "{detail}");
}

#[tokio::test]
async fn a_standby_that_changes_as_a_failover_begins_is_where_both_override_and_record_lead() {
    let plane = Plane::start().await;
    let (main, first) = plane.pair().await;
    let second = plane.world("Second").await;
    // Whoever changes the standby holds the world's turn, for which the failover waits.
    let turn = plane.app.writer.turn(&main).await;
    let line = format!("POST /api/worlds/{main}/failover");
    let request = json!({ "force": true, "reason": "a test" });
    let change = async {
        let known = plane.app.catalog().world(&main).unwrap().clone();
        let next = World { standby: Some(second.clone()), ..(*known).clone() };
        let put = Transaction::new().put(keyspace::world(&main), encode(&next));
        plane.app.writer.commit_unaudited(put).await.unwrap();
        drop(turn);
    };
    let (began, ()) = tokio::join!(plane.ask(&line, Some(request)), change);
    assert_eq!(began.status, 202, "{}", began.text);
    let led_to = plane.app.catalog().override_of(&main).unwrap().world;
    assert_eq!(began.body["targetWorldId"], led_to.as_str());
    assert!(led_to == second && first != second, "{led_to}");
}

#[tokio::test]
async fn what_began_is_answered_also_where_it_is_not_read_back() {
    let plane = Plane::start().await;
    let (main, _) = plane.pair().await;
    let line = format!("POST /api/worlds/{main}/failover");
    let earlier = plane.ask(&line, Some(json!({}))).await;
    assert_eq!(earlier.status, 202, "{}", earlier.text);
    let undo = format!("POST /api/failovers/{}/undo", earlier.body["id"].as_str().unwrap());
    assert_eq!(plane.ask(&undo, Some(json!({}))).await.status, 202);
    plane.stop_following();
    let forced = json!({ "force": true, "reason": "a test" });
    let began = plane.ask(&line, Some(forced)).await;
    assert_eq!((began.status.as_u16(), &began.body["kind"]), (202, &json!("failover")));
    let id: FailoverId = began.body["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(plane.app.catalog().failover(&id), None, "it is not read back");
    let kept = plane.store.read(&keyspace::failover(&id)).await.unwrap().unwrap();
    assert_eq!(began.body["revision"], kept.created);
}

#[tokio::test]
async fn whoever_is_away_after_an_override_was_cleared_by_hand_is_brought_home() {
    let plane = Plane::start().await;
    let (main, standby) = (plane.world("Main").await, plane.world("Backup").await);
    plane.activate(&main).await;
    plane.activate(&standby).await;
    let saved = async |target: &str| {
        let patch = json!({ "game": { "Failover": { "OverrideWorldId": target } } });
        let saved = plane.ask(&format!("PATCH /api/worlds/{main}/live-config"), Some(patch)).await;
        assert_eq!(saved.status, 200, "{}", saved.text);
    };
    let line = format!("POST /api/worlds/{main}/failback");
    saved(standby.as_str()).await;
    plane.enter(&standby).await;
    saved("").await;
    let refused = plane.ask(&line, Some(json!({}))).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "not_failed_over"));
    saved(standby.as_str()).await;
    plane.enter(&main).await;
    saved("").await;
    let plan = plane.ask(&line, Some(json!({ "dryRun": true }))).await;
    assert_eq!((plan.status.as_u16(), &plan.body["plan"]["sessions"]), (200, &json!(1)));
    let began = plane.ask(&line, Some(json!({}))).await;
    assert_eq!((began.status.as_u16(), &began.body["kind"]), (202, &json!("failback")));
    assert_eq!(plane.app.catalog().redirected(&main), 1);
    let again = plane.ask(&line, Some(json!({}))).await;
    assert_eq!((again.status.as_u16(), &again.body["id"]), (200, &began.body["id"]));
}
