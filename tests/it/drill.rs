//! Drills: bots in a process of their own on the real pair, there and back; and a real failover
//! goes before them.

use serde_json::{Value, json};

use crate::guest::Guest;
use crate::guide::failover_in;
use crate::server::{Server, text};
use crate::wait::wait_for;

async fn begin(server: &Server, main: &str, body: Value) -> Value {
    server.api.post(&format!("/api/worlds/{main}/drills"), body).await.expect(202)
}

async fn drill_in(server: &Server, main: &str, phase: &str) -> Value {
    wait_for(&format!("the drill to be {phase}"), async || {
        let drills = server.api.get(&format!("/api/worlds/{main}/drills")).await.expect(200);
        let newest = drills["items"][0].clone();
        assert!(phase == "failed" || newest["phase"] != "failed", "{newest}");
        (newest["phase"] == phase).then_some(newest)
    })
    .await
}

async fn failover_of(server: &Server, id: &Value) -> Value {
    server.api.get(&format!("/api/failovers/{}", text(id))).await.expect(200)
}

async fn sessions_of(server: &Server, world: &str) -> usize {
    let sessions = server.api.get(&format!("/api/worlds/{world}/sessions")).await.expect(200);
    sessions["items"].as_array().expect("a list").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_go_there_and_back_and_what_the_backup_took_is_offered() {
    let server = Server::start().await;
    let main = server
        .active_world(json!({ "name": "Crew", "access": { "public": false, "groups": ["crew"] } }))
        .await;
    let standby = server.standby_of(&main).await;
    let begun = begin(&server, &main, json!({ "clients": 40, "maxRejoinsPerSecond": 20.0 })).await;
    assert!(text(&begun["id"]).starts_with("drl_") && begun["finishedAt"].is_null(), "{begun}");
    let path = format!("/api/worlds/{main}/drills");
    let second = server.api.post(&path, json!({ "clients": 1 }));
    assert_eq!(second.await.expect(409)["code"], "drill_blocked");

    let drill = drill_in(&server, &main, "complete").await;
    assert_eq!((&drill["id"], &drill["clients"]), (&begun["id"], &json!(40)));
    for (way, id, kind) in [("out", "failoverId", "failover"), ("home", "failbackId", "failback")] {
        assert_eq!(drill[way]["counts"]["landed"], 40, "{drill}");
        let record = failover_of(&server, &drill[id]).await;
        assert_eq!((&record["kind"], &record["trigger"]), (&json!(kind), &json!("drill")));
    }
    assert_eq!(drill["joinsPerSecond"], 20.0, "{drill}");
    assert_eq!(drill["offer"]["worldId"], standby, "{drill}");
    assert!(drill["machine"]["cores"].as_u64() > Some(0), "{drill}");
    assert_eq!(drill["build"]["mod"], "plaza");
    assert_eq!(sessions_of(&server, &main).await + sessions_of(&server, &standby).await, 0);
    let live = server.api.get(&format!("/api/worlds/{main}/live-config")).await.expect(200);
    assert_eq!(live["game"]["Failover"]["OverrideWorldId"], "");

    let readiness = server.api.get(&format!("/api/worlds/{main}/readiness")).await.expect(200);
    let checks = readiness["checks"].as_array().expect("checks");
    assert_eq!(checks.iter().find(|one| one["id"] == "drill.age").expect("a check")["ok"], true);
    let plan = json!({ "dryRun": true });
    let plan = server.api.post(&format!("/api/worlds/{main}/failover"), plan).await.expect(200);
    assert_eq!(plan["plan"]["ratePerSecond"], 20.0, "the next failover goes by what was measured");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_is_refused_with_people_inside_and_without_a_fit_backup() {
    let server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let path = format!("/api/worlds/{main}/drills");
    let alone = server.api.post(&path, json!({ "clients": 1 })).await.expect(409);
    assert_eq!(alone["code"], "drill_blocked");
    assert!(text(&alone["detail"]).contains("standby create"), "{alone}");
    let standby =
        server.api.post(&format!("/api/worlds/{main}/standby"), json!({})).await.expect(201);
    let asleep = server.api.post(&path, json!({ "clients": 1 })).await.expect(409);
    assert_eq!(asleep["rules"][0]["code"], "target_not_active", "{asleep}");
    let standby = text(&standby["id"]);
    server.api.post(&format!("/api/worlds/{standby}/launch"), json!({})).await.expect(202);
    server.await_phase(&standby, "Active").await;

    let guest = Guest::enter(&server.api, &main).await;
    let crowded = server.api.post(&path, json!({ "clients": 1 })).await.expect(409);
    assert!(text(&crowded["detail"]).starts_with("1 people"), "{crowded}");
    let unexplained = server.api.post(&path, json!({ "clients": 1, "force": true })).await;
    assert_eq!(unexplained.expect(422)["code"], "reason_required");
    for clients in [0, 5_001] {
        let refused = server.api.post(&path, json!({ "clients": clients })).await.expect(422);
        assert_eq!(refused["errors"][0]["path"], "/clients", "{refused}");
    }
    assert_eq!(guest.world(), main);
    let audit = server.api.get("/api/audit?limit=50").await.expect(200);
    let entries = audit["items"].as_array().expect("entries").iter();
    assert!(entries.filter(|one| one["action"] == "drill.run").count() >= 6, "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_failover_goes_before_a_drill_and_counts_no_bot() {
    let server = Server::start().await;
    let (main, standby) = server.pair().await;
    let slow = json!({ "game": { "Admission": { "JoinsPerSecond": 4 } } });
    server.api.patch(&format!("/api/worlds/{main}/live-config"), slow).await.expect(200);
    begin(&server, &main, json!({ "clients": 60 })).await;
    wait_for("the first bots", async || (sessions_of(&server, &main).await > 2).then_some(()))
        .await;
    let mut guest = Guest::enter(&server.api, &main).await;
    let body = json!({ "reason": "the real thing" });
    let real = server.api.post(&format!("/api/worlds/{main}/failover"), body).await.expect(202);
    assert_eq!(real["trigger"], "api", "{real}");
    guest.obey().await;
    assert_eq!(guest.world(), standby);
    let done = failover_in(&server, &main, "complete").await;
    assert_eq!((&done["id"], &done["counts"]["present"]), (&real["id"], &json!(1)), "{done}");
    let drill = drill_in(&server, &main, "preempted").await;
    assert!(drill["finishedAt"].is_string() && drill["failoverId"].is_null(), "{drill}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_failover_takes_over_from_a_drill_that_is_moving() {
    let server = Server::start().await;
    let (main, standby) = server.pair().await;
    begin(&server, &main, json!({ "clients": 40, "maxRejoinsPerSecond": 2.0 })).await;
    let drill = drill_in(&server, &main, "moving-out").await;
    let rehearsal = wait_for("its failover", async || {
        let drills = server.api.get(&format!("/api/worlds/{main}/drills")).await.expect(200);
        drills["items"][0]["failoverId"].as_str().map(str::to_owned)
    })
    .await;
    let body = json!({ "reason": "the real thing" });
    let real = server.api.post(&format!("/api/worlds/{main}/failover"), body).await.expect(202);
    assert_ne!(real["id"], rehearsal);
    let ended = drill_in(&server, &main, "preempted").await;
    assert_eq!(ended["id"], drill["id"]);
    assert_eq!(failover_of(&server, &json!(rehearsal)).await["phase"], "cancelled");
    let live = server.api.get(&format!("/api/worlds/{main}/live-config")).await.expect(200);
    assert_eq!(live["game"]["Failover"]["OverrideWorldId"], standby, "the real one stands");
    let guest = Guest::enter(&server.api, &main).await;
    assert_eq!(guest.world(), standby);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_that_was_cut_off_leaves_no_world_failed_over() {
    let mut server = Server::start().await;
    let (main, standby) = server.pair().await;
    begin(&server, &main, json!({ "clients": 40, "maxRejoinsPerSecond": 2.0 })).await;
    drill_in(&server, &main, "moving-out").await;
    wait_for("the redirect", async || {
        let live = server.api.get(&format!("/api/worlds/{main}/live-config")).await.expect(200);
        (live["game"]["Failover"]["OverrideWorldId"] == standby).then_some(())
    })
    .await;
    server.kill();
    server.restart().await;
    let drill = drill_in(&server, &main, "failed").await;
    assert_eq!(drill["message"], "the control plane was restarted");
    let live = server.api.get(&format!("/api/worlds/{main}/live-config")).await.expect(200);
    assert_eq!(live["game"]["Failover"]["OverrideWorldId"], "");
    let guest = Guest::enter(&server.api, &main).await;
    assert_eq!(guest.world(), main);
}
