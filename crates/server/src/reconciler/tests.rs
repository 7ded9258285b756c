//! Stories of deployments: launched, lost, replaced, given up, stopped, found again.

mod bench;
mod fake;

use std::time::Duration;

use lifeboat_core::deployment::ServerPhase;
use lifeboat_core::ids::DeploymentId;
use lifeboat_core::limits::{DEPLOYMENT_HISTORY_MAX, REPLACEMENTS_MAX};
use lifeboat_core::phase::Phase;
use lifeboat_core::reconcile::RestartPolicy;
use tokio::sync::{Notify, watch};

use super::history::servers_of;
use super::levels::ALL_CLIENTS;
use bench::{Bench, PATIENCE};

/// Longer than any backoff.
const A_WHILE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_launched_world_becomes_active_with_an_endpoint_and_a_process() {
    let bench = Bench::active(RestartPolicy::OnFailure).await;
    let record = bench.stored().await;
    assert_eq!(record.phase, Phase::Active);
    let server = &record.servers[0];
    assert_eq!(server.endpoint.as_deref(), Some("ws://games.example:7777/"));
    assert_eq!(server.process.as_ref().unwrap()["pid"], 4242);
    let state = bench.runtime.state();
    let spec = &state.specs[&server.id];
    assert_eq!(spec.env["LIFEBOAT_MAP"], "garden");
    assert!(spec.command[0].starts_with('/'), "`lifeboat` is the running program");
    assert_eq!(spec.command[1], "plaza");
}

#[tokio::test]
async fn servers_are_told_the_live_config_and_the_counter_as_they_change() {
    let mut bench = Bench::active(RestartPolicy::OnFailure).await;
    let server = bench.server();
    let counter = (server.clone(), ALL_CLIENTS.to_owned());
    assert_eq!(bench.runtime.state().annotations[&counter], "0");
    bench.put_live(5).await;
    bench.pass().await;
    let state = bench.runtime.state();
    assert_eq!(state.annotations[&counter], "5");
    assert_eq!(state.live[&server]["game"]["ForceDisconnect"]["AllClients"], 5);
    assert!(state.live[&server]["project"]["Stage"]["DoorsOpen"].is_boolean());
}

#[tokio::test]
async fn a_killed_server_is_replaced_and_the_fourth_loss_is_an_error() {
    let mut bench = Bench::active(RestartPolicy::OnFailure).await;
    let mut seen = Vec::new();
    for _ in 0..REPLACEMENTS_MAX {
        let lost = bench.server();
        bench.runtime.dies(&lost);
        bench.pass().await;
        assert_eq!(bench.record().phase, Phase::Starting);
        bench.passes(A_WHILE);
        bench.pass().await;
        bench.runtime.all_ready();
        bench.pass().await;
        assert_eq!(bench.record().phase, Phase::Active);
        assert_ne!(bench.server(), lost, "a replacement has another id");
        seen.push(lost);
    }
    bench.runtime.dies(&bench.server());
    bench.pass().await;
    let record = bench.record();
    assert_eq!(record.phase, Phase::Error);
    assert!(record.message.contains("signal 9"), "{}", record.message);
    bench.passes(A_WHILE);
    bench.pass().await;
    assert!(bench.runtime.living().is_empty(), "nothing is started any more");
    let ever = servers_of(&bench.store, &bench.id).await.unwrap();
    assert_eq!(ever[..REPLACEMENTS_MAX], seen, "their logs are still found");
}

#[tokio::test]
async fn with_the_policy_never_the_first_loss_is_an_error() {
    let mut bench = Bench::active(RestartPolicy::Never).await;
    bench.runtime.dies(&bench.server());
    bench.pass().await;
    assert_eq!(bench.record().phase, Phase::Error);
}

#[tokio::test]
async fn a_stopped_deployment_ends_and_its_servers_are_forgotten() {
    let mut bench = Bench::active(RestartPolicy::OnFailure).await;
    let server = bench.server();
    bench.ask_to_stop().await;
    bench.pass().await;
    assert!(bench.runtime.state().stopped.contains(&server));
    bench.pass().await;
    let record = bench.record();
    assert_eq!((record.phase, record.servers.len()), (Phase::Inactive, 0));
    assert!(record.ended_at.is_some());
    bench.pass().await;
    assert!(bench.runtime.state().servers.is_empty());
}

#[tokio::test]
async fn nothing_is_done_while_the_store_is_away_and_everything_afterwards() {
    let mut bench = Bench::active(RestartPolicy::OnFailure).await;
    let lost = bench.server();
    bench.store.begin_outage();
    bench.runtime.dies(&lost);
    for _ in 0..3 {
        bench.pass().await;
        bench.passes(A_WHILE);
    }
    assert!(bench.runtime.living().is_empty(), "what is not written is not started");
    assert_eq!(bench.record().phase, Phase::Active, "the last known record stands");
    bench.store.end_outage();
    bench.pass().await;
    assert_eq!(bench.record().phase, Phase::Starting);
    bench.passes(A_WHILE);
    bench.pass().await;
    assert_eq!(bench.runtime.living().len(), 1);
}

#[tokio::test]
async fn a_healthy_server_is_left_alone_while_the_store_is_away() {
    let mut bench = Bench::active(RestartPolicy::OnFailure).await;
    bench.store.begin_outage();
    for _ in 0..3 {
        bench.pass().await;
    }
    assert_eq!(bench.runtime.living(), [bench.server()]);
}

#[tokio::test]
async fn a_new_lifeboat_adopts_what_runs_and_replaces_what_does_not() {
    let bench = Bench::active(RestartPolicy::OnFailure).await;
    let server = bench.server();
    let mut bench = bench.restarted(std::slice::from_ref(&server));
    bench.pass().await;
    assert_eq!(bench.runtime.living(), std::slice::from_ref(&server));
    assert_eq!(bench.server(), server);
    assert!(bench.runtime.state().live.contains_key(&server), "it is told the values anew");

    let mut bench = bench.restarted(&[]);
    bench.pass().await;
    assert_eq!(bench.record().phase, Phase::Starting, "its server is gone");
    bench.passes(A_WHILE);
    bench.pass().await;
    assert_eq!(bench.runtime.living().len(), 1);
}

#[tokio::test]
async fn a_server_that_cannot_be_adopted_now_is_not_taken_for_lost() {
    let bench = Bench::active(RestartPolicy::OnFailure).await;
    let server = bench.server();
    let mut bench = bench.restarted(std::slice::from_ref(&server));
    bench.runtime.state().adoption_fails = true;
    bench.pass().await;
    bench.pass().await;
    assert_eq!(bench.record().phase, Phase::Active);
    assert!(bench.runtime.living().is_empty(), "no second server beside it");
    bench.runtime.state().adoption_fails = false;
    bench.pass().await;
    assert_eq!(bench.runtime.living(), [server]);
}

#[tokio::test]
async fn a_server_without_a_process_in_its_record_is_lost_and_made_good() {
    let bench = Bench::launched(RestartPolicy::OnFailure).await;
    let mut bench = bench;
    bench.pass().await;
    let started = bench.record().servers[0].clone();
    assert_eq!(started.process, None, "the crash comes before it is written down");
    let mut bench = bench.restarted(&[]);
    bench.pass().await;
    assert_eq!(bench.record().server(&started.id).unwrap().phase, ServerPhase::Lost);
    bench.passes(A_WHILE);
    bench.pass().await;
    assert_eq!(bench.runtime.living().len(), 1);
}

#[tokio::test]
async fn a_server_that_cannot_be_started_says_why() {
    let mut bench = Bench::launched(RestartPolicy::Never).await;
    bench.runtime.state().start_fails = true;
    bench.pass().await;
    bench.pass().await;
    let record = bench.record();
    assert_eq!(record.phase, Phase::Error);
    assert!(record.message.contains("could not be started"), "{}", record.message);
}

#[tokio::test]
async fn the_oldest_ended_deployments_are_deleted_with_their_logs() {
    let mut bench = Bench::active(RestartPolicy::OnFailure).await;
    for number in 0..=DEPLOYMENT_HISTORY_MAX {
        let mut ended = bench.new_deployment();
        ended.id = DeploymentId::from_unique(&format!("old-{number:03}"));
        ended.phase = Phase::Inactive;
        bench.put_deployment(&ended).await;
        bench.passes(Duration::from_secs(1));
    }
    bench.pass().await;
    let catalog = bench.feed.current();
    let kept = catalog.deployments().filter(|one| one.phase == Phase::Inactive).count();
    assert_eq!(kept, DEPLOYMENT_HISTORY_MAX);
    assert!(catalog.deployment(&DeploymentId::from_unique("old-000")).is_none(), "the oldest");
}

#[tokio::test]
async fn stopping_with_the_servers_leaves_inactive_deployments() {
    let mut bench = Bench::active(RestartPolicy::OnFailure).await;
    bench.reconciler.stop_everything().await;
    assert!(bench.runtime.living().is_empty());
    assert_eq!(bench.record().phase, Phase::Inactive);
}

#[tokio::test]
async fn events_and_catalogs_set_off_the_passes() {
    let Bench { mut reconciler, runtime, feed, id, .. } =
        Bench::launched(RestartPolicy::OnFailure).await;
    let (shutdown, stopping) = watch::channel(false);
    let running = tokio::spawn(async move {
        reconciler.run(&Notify::new(), stopping).await;
    });
    let mut served = feed.follow();
    let started = served.wait_for(|_| !runtime.living().is_empty());
    tokio::time::timeout(PATIENCE, started).await.unwrap().unwrap();
    runtime.all_ready();
    let is_active = |_: &u64| {
        feed.current().deployment(&id).is_some_and(|record| record.phase == Phase::Active)
    };
    tokio::time::timeout(PATIENCE, served.wait_for(is_active)).await.unwrap().unwrap();
    shutdown.send_replace(true);
    tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap();
}
