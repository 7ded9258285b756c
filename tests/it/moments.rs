//! Bad moments: what goes wrong just while people move.

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};

use crate::guest::{Guest, join_patiently};
use crate::guide::failover_in;
use crate::server::{Server, text};
use crate::wait::wait_for;

/// Guests of a world.
async fn guests(server: &Server, world: &str, count: usize) -> Vec<Guest> {
    let mut guests = Vec::new();
    for _ in 0..count {
        guests.push(Guest::enter(&server.api, world).await);
    }
    guests
}

/// A world takes so many in a second.
async fn paced(server: &Server, world: &str, per_second: f64) {
    let body = json!({ "game": { "Admission": { "JoinsPerSecond": per_second } } });
    server.api.patch(&format!("/api/worlds/{world}/live-config"), body).await.expect(200);
}

async fn fail_over(server: &Server, world: &str, body: Value) -> Value {
    server.api.post(&format!("/api/worlds/{world}/failover"), body).await.expect(202)
}

async fn record(server: &Server, id: &Value) -> Value {
    server.api.get(&format!("/api/failovers/{}", text(id))).await.expect(200)
}

async fn landed(server: &Server, id: &Value, count: u64) -> Value {
    wait_for(&format!("{count} to have landed"), async || {
        let seen = record(server, id).await;
        assert_sum(&seen);
        (seen["counts"]["landed"].as_u64() >= Some(count)).then_some(seen)
    })
    .await
}

fn assert_sum(record: &Value) {
    let count = |name: &str| record["counts"][name].as_u64().expect("a count");
    let sum = count("landed") + count("refused") + count("left") + count("pending");
    assert_eq!(count("present"), sum, "{record}");
}

/// All of them do as they are told, at once.
async fn all_obey(guests: Vec<Guest>) -> Vec<Guest> {
    let obeying = guests.into_iter().map(|mut guest| async move {
        guest.obey().await;
        guest
    });
    obeying.collect::<FuturesUnordered<_>>().collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_world_cannot_stand_in_for_itself_however_much_it_is_insisted_on() {
    let server = Server::start().await;
    let (main, _) = server.pair().await;
    let body = json!({ "targetWorldId": main, "force": true, "reason": "insist" });
    let blocked = server.api.post(&format!("/api/worlds/{main}/failover"), body).await;
    let blocked = blocked.expect_problem(409, "failover_blocked");
    assert_eq!(blocked["rules"][0]["code"], "target_is_main");
    assert_eq!(blocked["rules"][0]["mayForce"], false);
    let by_hand = json!({ "game": { "Failover": { "OverrideWorldId": main } } });
    let refused = server.api.patch(&format!("/api/worlds/{main}/live-config"), by_hand).await;
    refused.expect_problem(422, "override_self");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_saves_at_once_never_make_a_cycle() {
    let server = Server::start().await;
    let (main, standby) = server.pair().await;
    let point = |from: &str, to: &str| {
        let body = json!({ "game": { "Failover": { "OverrideWorldId": to } } });
        let (api, path) = (server.api.clone(), format!("/api/worlds/{from}/live-config"));
        async move { api.patch(&path, body).await }
    };
    for round in 0..20 {
        let (one, other) = tokio::join!(point(&main, &standby), point(&standby, &main));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 422], "round {round}: {} {}", one.body, other.body);
        let refused = if one.status == 422 { one } else { other };
        refused.expect_problem(422, "override_cycle");
        point(&main, "").await.expect(200);
        point(&standby, "").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_stopped_in_mid_move_gets_everyone_once_it_is_back() {
    let server = Server::start().await;
    let (main, standby) = server.pair().await;
    let mut people = guests(&server, &main, 3).await;
    paced(&server, &standby, 0.5).await;
    let begun = fail_over(&server, &main, json!({ "reason": "test" })).await;
    let mut first = people.remove(0);
    first.obey().await;
    landed(&server, &begun["id"], 1).await;

    let stop = format!("/api/worlds/{standby}/stop");
    let refused = server.api.post(&stop, json!({})).await;
    refused.expect_problem(409, "world_in_use");
    let forced = json!({ "force": true, "reason": "the wrong button" });
    server.api.post(&stop, forced).await.expect(202);
    let told = first.frame("forceDisconnect").await;
    assert_eq!(told["reason"], "deploymentEnded");
    server.await_phase(&standby, "Inactive").await;
    let nobody = server.api.anonymous().post(&format!("/api/worlds/{main}/join"), json!({})).await;
    assert_eq!((nobody.status, &nobody.body["code"]), (503, &json!("target_not_active")));

    paced(&server, &standby, 50.0).await;
    server.api.post(&format!("/api/worlds/{standby}/launch"), json!({})).await.expect(202);
    server.await_phase(&standby, "Active").await;
    first.rejoin(0).await;
    people = all_obey(people).await;
    assert!(people.iter().all(|guest| guest.world() == standby));
    assert_eq!(first.world(), standby);
    let done = failover_in(&server, &main, "complete").await;
    assert_eq!((&done["id"], &done["counts"]["landed"]), (&begun["id"], &json!(3)), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_target_takes_the_rest_when_somebody_leaves_and_refuses_nobody() {
    let server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let smaller = json!({ "launch": true, "scale": { "profile": "Capacity30" } });
    let standby =
        server.api.post(&format!("/api/worlds/{main}/standby"), smaller).await.expect(201);
    let standby = text(&standby["id"]);
    server.await_phase(&standby, "Active").await;
    let people = guests(&server, &main, 32).await;
    let path = format!("/api/worlds/{main}/failover");
    let blocked = server.api.post(&path, json!({ "reason": "test" })).await;
    let rules = blocked.expect_problem(409, "failover_blocked")["rules"].clone();
    let codes: Vec<&Value> =
        rules.as_array().expect("rules").iter().map(|rule| &rule["code"]).collect();
    assert!(
        codes.contains(&&json!("seats")) && codes.contains(&&json!("scale.profile")),
        "{rules}"
    );
    let forced = json!({ "force": true, "reason": "better than nothing" });
    let begun = fail_over(&server, &main, forced).await;

    let mut obeying: FuturesUnordered<_> = people
        .into_iter()
        .map(|mut guest| async move {
            guest.obey().await;
            guest
        })
        .collect();
    let mut inside = Vec::new();
    while inside.len() < 30 {
        inside.push(obeying.next().await.expect("30 have a seat"));
    }
    let full = landed(&server, &begun["id"], 30).await;
    assert_eq!(full["counts"]["pending"], 2, "{full}");
    for guest in inside.iter_mut().take(2) {
        guest.say(json!({ "type": "leave" })).await;
    }
    while let Some(guest) = obeying.next().await {
        inside.push(guest);
    }
    assert!(inside.iter().all(|guest| guest.world() == standby));
    let done = failover_in(&server, &main, "complete").await;
    assert_eq!((&done["counts"]["landed"], &done["counts"]["refused"]), (&json!(32), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_failover_while_the_first_moves_takes_everyone_on_and_then_home() {
    let server = Server::start().await;
    let (first, second) = server.pair().await;
    let third = server.active_world(json!({ "name": "Third Stage" })).await;
    let mut people = guests(&server, &first, 3).await;
    paced(&server, &second, 0.5).await;
    let one = fail_over(&server, &first, json!({ "reason": "A is down" })).await;
    let mut early = people.remove(0);
    early.obey().await;
    assert_eq!(early.world(), second);
    landed(&server, &one["id"], 1).await;

    let two = fail_over(
        &server,
        &second,
        json!({ "reason": "B is down, too", "targetWorldId": third, "force": true }),
    )
    .await;
    assert_eq!(two["targetWorldId"], third);
    early.obey().await;
    people = all_obey(people).await;
    people.push(early);
    assert!(people.iter().all(|guest| guest.world() == third));
    let done = failover_in(&server, &second, "complete").await;
    assert_eq!(done["counts"]["landed"], 1, "{done}");
    let done = failover_in(&server, &first, "complete").await;
    assert_eq!((&done["counts"]["present"], &done["counts"]["landed"]), (&json!(3), &json!(3)));

    let home = json!({ "reason": "A is back" });
    let path = format!("/api/worlds/{first}/failback");
    server.api.post(&path, home).await.expect(202);
    let people = all_obey(people).await;
    assert!(people.iter().all(|guest| guest.world() == first));
    let done = failover_in(&server, &first, "complete").await;
    assert_eq!((&done["kind"], &done["counts"]["landed"]), (&json!("failback"), &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn overrides_cleared_by_hand_in_mid_move_leave_everyone_somewhere() {
    let server = Server::start().await;
    let (main, standby) = server.pair().await;
    let mut people = guests(&server, &main, 3).await;
    paced(&server, &standby, 0.5).await;
    let begun = fail_over(&server, &main, json!({ "reason": "test" })).await;
    let mut moved = people.remove(0);
    moved.obey().await;
    landed(&server, &begun["id"], 1).await;
    let cleared = json!({ "game": { "Failover": { "OverrideWorldId": null } } });
    server.api.patch(&format!("/api/worlds/{main}/live-config"), cleared).await.expect(200);
    let closed = record(&server, &begun["id"]).await;
    assert_eq!(closed["phase"], "cancelled");
    assert_sum(&closed);

    let people = all_obey(people).await;
    assert!(people.iter().all(|guest| guest.world() == main), "main takes back who was on the way");
    assert_eq!(moved.world(), standby, "who has moved stays until called home");
    moved.say(json!({ "type": "pong" })).await;
    let sessions = server.api.get(&format!("/api/worlds/{standby}/sessions")).await.expect(200);
    assert_eq!(sessions["items"].as_array().map(Vec::len), Some(1), "{sessions}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_day_s_launch_of_main_does_not_redirect() {
    let server = Server::start().await;
    let (main, standby) = server.pair().await;
    let mut guest = Guest::enter(&server.api, &main).await;
    fail_over(&server, &main, json!({ "reason": "test" })).await;
    guest.obey().await;
    server.api.post(&format!("/api/worlds/{main}/stop"), json!({})).await.expect(202);
    server.await_phase(&main, "Inactive").await;
    let launch = format!("/api/worlds/{main}/launch");
    let asked = server.api.post(&launch, json!({})).await;
    asked.expect_problem(409, "world_failed_over");
    server.api.post(&launch, json!({ "failover": "clear" })).await.expect(202);
    server.await_phase(&main, "Active").await;
    let placed = join_patiently(&server.api.anonymous(), &main, &json!({})).await;
    assert_eq!((&placed["world"], &placed["redirected"]), (&json!(main), &json!(false)));
    assert_eq!(guest.world(), standby);
}
