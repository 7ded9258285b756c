//! The guide, followed word by word.

use serde_json::{Value, json};

use crate::guest::{Guest, join_patiently};
use crate::server::{Server, text};
use crate::wait::wait_for;

/// The newest failover of a world once it has come to `phase`.
pub(crate) async fn failover_in(server: &Server, world: &str, phase: &str) -> Value {
    wait_for(&format!("the failover to be {phase}"), async || {
        let list = server.api.get(&format!("/api/failovers?world={world}")).await.expect(200);
        let newest = list["items"].get(0)?.clone();
        (newest["phase"] == phase).then_some(newest)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_s_two_steps_bring_everyone_over() {
    let server = Server::start().await;
    let (main, standby) = server.pair().await;
    let world = server.api.get(&format!("/api/worlds/{standby}")).await.expect(200);
    assert_eq!(world["name"], "FAILOVER Main Stage");
    assert_eq!(world["access"]["public"], false);
    let (mut one, mut two) =
        (Guest::enter(&server.api, &main).await, Guest::enter(&server.api, &main).await);

    // "you need to retrieve these 2 values": World ID and Deployment ID, without any engineer.
    let deployment_id = text(&world["status"]["deploymentId"]);
    let overrides = json!({ "game": { "Failover": {
        "OverrideWorldId": standby, "OverrideDeploymentId": deployment_id
    } } });
    let live_config = format!("/api/worlds/{main}/live-config");
    let saved = server.api.patch(&live_config, overrides).await.expect(200);
    assert_eq!(saved["warnings"][0]["code"], "main_healthy", "{saved}");

    // "Once these values are saved, anyone joining your main world will be redirected".
    let anonymous = server.api.anonymous();
    let placed = join_patiently(&anonymous, &main, &json!({})).await;
    assert_eq!((&placed["world"], &placed["redirected"]), (&json!(standby), &json!(true)));
    let status = server.api.get(&format!("/api/worlds/{main}")).await.expect(200);
    assert_eq!(status["status"]["failover"]["phase"], "redirecting-new-joiners");
    assert_eq!(one.world(), main, "whoever is connected stays until the counter rises");

    // "increment the AllClients value": everyone drops, rejoins and lands.
    let path = json!({ "path": "/game/ForceDisconnect/AllClients" });
    server.api.post(&format!("{live_config}/increment"), path).await.expect(200);
    for guest in [&mut one, &mut two] {
        let order = guest.obey().await;
        assert_eq!((&order["reason"], &order["allClients"]), (&json!("failover"), &json!(1)));
        assert_eq!(guest.world(), standby);
        assert_eq!(guest.hello["rejoin"], Value::Null, "nobody who came after it is thrown out");
    }
    let failover = failover_in(&server, &main, "complete").await;
    assert_eq!(failover["trigger"], "liveConfig");
    assert_eq!(
        (&failover["counts"]["present"], &failover["counts"]["landed"]),
        (&json!(2), &json!(2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_v37_need_the_launch_context_and_get_the_failover_world_s() {
    let server = Server::start().await;
    let old = json!({ "name": "Old Stage", "build": { "mod": "plaza", "baseVersion": "V37" } });
    let main = server.active_world(old).await;
    let standby = server.standby_of(&main).await;
    let deployment = server.deployment(&standby).await;
    let launch_context = text(&deployment["launchContextId"]);
    let overrides = json!({ "game": { "Failover": {
        "OverrideWorldId": standby, "OverrideDeploymentId": deployment["id"],
        "OverrideLaunchContextId": launch_context
    } } });
    server.api.patch(&format!("/api/worlds/{main}/live-config"), overrides).await.expect(200);
    let body = json!({ "client": { "baseVersion": 37 } });
    let placed = join_patiently(&server.api.anonymous(), &main, &body).await;
    assert_eq!(placed["launchContext"], launch_context);
    let newer = json!({ "client": { "baseVersion": 38 } });
    let answer = server.api.anonymous().post(&format!("/api/worlds/{main}/join"), newer).await;
    answer.expect_problem(409, "base_version_mismatch");
}
