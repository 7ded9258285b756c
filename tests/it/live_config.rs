//! Live config over HTTP and the session channel.

use reqwest::Method;
use serde_json::{Value, json};

use crate::guest::Guest;
use crate::server::Server;

async fn saved(server: &Server, world: &str) -> Value {
    server.api.get(&format!("/api/worlds/{world}/live-config")).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_is_whole_or_nothing_and_guarded_by_its_revision() {
    let server = Server::start().await;
    let world = server.world(json!({ "name": "Main Stage" })).await;
    let path = format!("/api/worlds/{world}/live-config");
    let before = saved(&server, &world).await;
    let mixed =
        json!({ "project": { "Stage": { "DoorsOpen": false } }, "game": { "Nonsense": 1 } });
    server.api.patch(&path, mixed).await.expect_problem(422, "unknown_key");
    assert_eq!(saved(&server, &world).await, before);
    let change = json!({ "project": { "Stage": { "DoorsOpen": false } } });
    let request = |etag: String| {
        server.api.request(Method::PATCH, &path).header("If-Match", etag).json(&change)
    };
    let stale = server.api.send(request("\"1\"".to_owned())).await;
    stale.expect_problem(412, "if_match_failed");
    let edited = format!("\"1\", \"{}\"", before["revision"]);
    let fresh = server.api.send(request(edited)).await.expect(200);
    assert_eq!(fresh["project"]["Stage"]["DoorsOpen"], false);
    let back = json!({ "project": { "Stage": { "DoorsOpen": null } } });
    let back = server.api.patch(&path, back).await.expect(200);
    assert_eq!(back["project"]["Stage"]["DoorsOpen"], before["project"]["Stage"]["DoorsOpen"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_increments_at_once_is_counted_one_by_one_and_nobody_is_turned_away() {
    let server = Server::start().await;
    let world = server.world(json!({ "name": "Main Stage" })).await;
    let path = format!("/api/worlds/{world}/live-config/increment");
    let body = json!({ "path": "/game/ForceDisconnect/Redirected" });
    let tries = (0..32).map(|_| server.api.post(&path, body.clone()));
    let answers = futures::future::join_all(tries).await;
    let mut counts: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.expect(200)["game"]["ForceDisconnect"]["Redirected"].as_u64())
        .collect();
    counts.sort_unstable();
    assert_eq!(counts.last(), Some(&Some(32)), "{counts:?}");
    assert_eq!(saved(&server, &world).await["game"]["ForceDisconnect"]["Redirected"], 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_about_overrides_and_counters_has_its_code() {
    let server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let asleep = server.world(json!({ "name": "Asleep" })).await;
    let other = server.active_world(json!({ "name": "Other" })).await;
    let other_deployment = server.deployment(&other).await["id"].clone();
    let path = format!("/api/worlds/{main}/live-config");
    let failover = |values: Value| json!({ "game": { "Failover": values } });
    let counter = |value: Value| json!({ "game": { "ForceDisconnect": { "AllClients": value } } });
    let cases = [
        (failover(json!({ "OverrideWorldId": "wld_nothing" })), 422, "override_target_not_found"),
        (
            failover(json!({ "OverrideWorldId": other_deployment })),
            422,
            "override_target_not_found",
        ),
        (failover(json!({ "OverrideWorldId": asleep })), 409, "override_target_not_active"),
        (failover(json!({ "OverrideWorldId": main })), 422, "override_self"),
        (failover(json!({ "OverrideDeploymentId": "dep_x" })), 422, "override_incomplete"),
        (counter(json!(5_000)), 422, "counter_jump"),
        (counter(json!("1")), 422, "schema_violation"),
        (json!({ "game": { "Failover": { "Override": "x" } } }), 422, "unknown_key"),
    ];
    for (body, status, code) in cases {
        server.api.patch(&path, body).await.expect_problem(status, code);
    }
    server.api.patch(&path, counter(json!(2))).await.expect(200);
    server.api.patch(&path, counter(json!(1))).await.expect_problem(422, "counter_decreased");
    let to_other = failover(json!({ "OverrideWorldId": other }));
    server.api.patch(&path, to_other).await.expect(200);
    let back = failover(json!({ "OverrideWorldId": main }));
    let cycle = server.api.patch(&format!("/api/worlds/{other}/live-config"), back).await;
    cycle.expect_problem(422, "override_cycle");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_saves_that_would_make_a_cycle_together_cannot_both_pass() {
    let server = Server::start().await;
    let one = server.active_world(json!({ "name": "One" })).await;
    let two = server.active_world(json!({ "name": "Two" })).await;
    for _ in 0..5 {
        let to = |target: &str| json!({ "game": { "Failover": { "OverrideWorldId": target } } });
        let (path_one, path_two) =
            (format!("/api/worlds/{one}/live-config"), format!("/api/worlds/{two}/live-config"));
        let (a, b) = tokio::join!(
            server.api.patch(&path_one, to(&two)),
            server.api.patch(&path_two, to(&one))
        );
        let passed = [&a, &b].iter().filter(|answer| answer.status == 200).count();
        assert_eq!(passed, 1, "{} {}", a.body, b.body);
        for path in [path_one, path_two] {
            server.api.patch(&path, to("")).await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_pushed_to_players_without_what_is_not_theirs() {
    let server = Server::start().await;
    let main = server.active_world(json!({ "name": "Main Stage" })).await;
    let mut guest = Guest::enter(&server.api, &main).await;
    assert!(guest.hello["liveConfig"]["game"].get("Failover").is_none(), "{}", guest.hello);
    let doors = guest.hello["liveConfig"]["project"]["Stage"]["DoorsOpen"].as_bool();
    let change = json!({ "project": { "Stage": { "DoorsOpen": !doors.expect("a boolean") } } });
    server.api.patch(&format!("/api/worlds/{main}/live-config"), change).await.expect(200);
    let pushed = guest.frame("liveConfig").await;
    assert_eq!(
        pushed["changes"],
        json!({ "/project/Stage/DoorsOpen": !doors.expect("a boolean") })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_kept_and_a_rollback_is_a_new_revision() {
    let server = Server::start().await;
    let world = server.world(json!({ "name": "Main Stage" })).await;
    let path = format!("/api/worlds/{world}/live-config");
    let title = |text: &str| json!({ "project": { "Stage": { "Title": text } } });
    let first = server.api.patch(&path, title("First")).await.expect(200);
    server.api.patch(&path, title("Second")).await.expect(200);
    let history = server.api.get(&format!("{path}/history")).await.expect(200);
    assert_eq!(history["items"][1]["revision"], first["revision"], "{history}");
    let body = json!({ "revision": first["revision"] });
    let back = server.api.post(&format!("{path}/rollback"), body).await.expect(200);
    assert_eq!(back["project"]["Stage"]["Title"], "First");
    assert!(back["revision"].as_u64() > first["revision"].as_u64());
    let unknown = server.api.post(&format!("{path}/rollback"), json!({ "revision": 1 })).await;
    unknown.expect_problem(422, "validation_failed");
}
