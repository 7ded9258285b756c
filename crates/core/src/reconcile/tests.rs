mod fixture;
mod properties;

use std::time::Duration;

use self::fixture::{Bench, manifest, world};
use super::*;
use crate::deployment::ServerPhase;
use crate::ids::{DeploymentId, LaunchContextId};
use crate::world::Profile;

fn launch_ids() -> LaunchIds {
    LaunchIds {
        deployment: DeploymentId::from_unique("new"),
        launch_context: Some(LaunchContextId::from_unique("new")),
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_launched_world_starts_all_its_servers_and_is_active_with_the_first_ready_one() {
    let mut bench = Bench::launched(10, RestartPolicy::OnFailure);
    assert_eq!(bench.decide().starts(), 10);
    assert_eq!(bench.record.phase, Phase::Starting);
    assert_eq!(bench.record.message, "0 of 10 servers are ready");
    for index in 0..3 {
        bench.make_ready(index);
    }
    let plan = bench.decide();
    assert_eq!((plan.starts(), bench.record.phase), (0, Phase::Active));
    assert_eq!(bench.record.message, "3 of 10 servers are ready");
    assert_eq!(bench.record.servers[0].endpoint.as_deref(), Some("ws://127.0.0.1:1/"));
}

#[test]
fn a_lost_server_is_replaced_after_a_backoff_that_doubles() {
    let mut bench = Bench::active(1, RestartPolicy::OnFailure);
    for (loss, backoff) in [(1, 1), (2, 2), (3, 4)] {
        let lost = bench.record.servers.last().unwrap().id.clone();
        bench.end(&lost, "ended by signal 9");
        let plan = bench.decide();
        assert_eq!(plan.actions, []);
        assert_eq!(bench.record.phase, Phase::Starting);
        assert_eq!(bench.record.servers[0].phase, ServerPhase::Lost);
        let message = format!(
            "server {lost} was lost: ended by signal 9; loss {loss} of at most 3 that are made \
             good within 10 minutes"
        );
        assert_eq!(bench.record.message, message);
        assert_eq!(plan.wake_at, Some(bench.now + seconds(backoff)));
        bench.now = bench.now + seconds(backoff);
        let plan = bench.decide();
        assert_eq!(plan.starts(), 1);
        assert!(plan.actions.contains(&Action::Forget { server: lost }));
        assert_eq!(bench.record.message, "its server is starting");
        bench.make_ready(0);
        bench.decide();
        assert_eq!(bench.record.phase, Phase::Active);
    }
}

#[test]
fn the_fourth_loss_within_the_window_is_an_error_that_says_what_to_do() {
    let mut bench = Bench::active(10, RestartPolicy::OnFailure);
    for _ in 0..3 {
        bench.end_first_ready("ended by signal 9");
        bench.decide();
        assert_eq!(bench.record.phase, Phase::Active);
        bench.now = bench.now + seconds(10);
        bench.decide();
    }
    let lost = bench.end_first_ready("exited with code 3");
    let plan = bench.decide();
    assert_eq!(bench.record.phase, Phase::Error);
    assert_eq!(plan.starts(), 0);
    let message = &bench.record.message;
    for part in [lost.as_str(), "exited with code 3", "4 losses", "lifeboat world restart wld_a"] {
        assert!(message.contains(part), "{message}");
    }
    bench.now = bench.now + Duration::from_mins(30);
    assert_eq!(bench.decide().starts(), 0);
    let live = bench.observed.servers.values().filter(|seen| seen.alive).count();
    assert_eq!(live, 9, "six of the first and three replacements go on");
}

#[test]
fn losses_older_than_the_window_do_not_count() {
    let mut bench = Bench::active(1, RestartPolicy::OnFailure);
    for _ in 0..6 {
        bench.end_first_ready("ended by signal 9");
        bench.decide();
        bench.now = bench.now + seconds(4);
        bench.decide();
        bench.make_ready(0);
        bench.decide();
        assert_eq!(bench.record.phase, Phase::Active);
        bench.now = bench.now + Duration::from_mins(4);
    }
}

#[test]
fn with_the_policy_never_a_loss_is_an_error_and_a_hung_server_is_left_to_be_examined() {
    let mut bench = Bench::active(2, RestartPolicy::Never);
    let hung = bench.record.servers[0].id.clone();
    bench.seen(&hung).health = Health::Unhealthy;
    let plan = bench.decide();
    assert_eq!(plan.actions, []);
    assert_eq!(bench.record.phase, Phase::Error);
    assert!(bench.record.message.contains("it hangs"), "{}", bench.record.message);
    assert!(bench.record.message.contains("the restart policy is never"));

    bench.record = stop(&bench.record, "stopped by ops").unwrap().unwrap();
    let stopped = bench.decide().actions;
    assert!(stopped.contains(&Action::Stop { server: hung }));
    assert_eq!(stopped.len(), 2);
}

#[test]
fn a_hung_server_is_killed_and_replaced() {
    let mut bench = Bench::active(2, RestartPolicy::OnFailure);
    let hung = bench.record.servers[0].id.clone();
    bench.seen(&hung).health = Health::Unhealthy;
    assert_eq!(bench.decide().actions, [Action::Kill { server: hung.clone() }]);
    assert_eq!(bench.record.phase, Phase::Active);
    bench.now = bench.now + seconds(1);
    let plan = bench.decide();
    assert_eq!(plan.starts(), 1);
    assert_eq!(bench.record.server(&hung).unwrap().phase, ServerPhase::Lost, "it may live still");
    bench.end(&hung, "ended by signal 9");
    assert_eq!(bench.decide().actions, [Action::Forget { server: hung.clone() }]);
    assert_eq!(bench.record.server(&hung), None);
}

#[test]
fn a_kill_that_a_crash_of_the_control_plane_cut_off_is_asked_for_again() {
    let mut bench = Bench::active(2, RestartPolicy::OnFailure);
    let hung = bench.record.servers[0].id.clone();
    bench.seen(&hung).health = Health::Unhealthy;
    bench.decide();
    bench.seen(&hung).ending = false;
    assert_eq!(bench.decide().actions, [Action::Kill { server: hung }]);
}

#[test]
fn a_server_that_is_not_ready_in_time_is_lost() {
    let mut bench = Bench::launched(1, RestartPolicy::OnFailure);
    let plan = bench.decide();
    assert_eq!(plan.wake_at, Some(bench.now + READY_TIMEOUT));
    bench.now = bench.now + READY_TIMEOUT;
    let plan = bench.decide();
    assert!(matches!(plan.actions.as_slice(), [Action::Kill { .. }]));
    assert!(bench.record.message.contains("not ready within 60 s"), "{}", bench.record.message);
    assert_eq!(bench.record.phase, Phase::Starting);
}

#[test]
fn a_server_that_asks_for_its_own_shutdown_is_lost_in_order() {
    let mut bench = Bench::active(1, RestartPolicy::OnFailure);
    let server = bench.record.servers[0].id.clone();
    bench.seen(&server).shutdown_requested = true;
    assert_eq!(bench.decide().actions, [Action::Stop { server }]);
    assert!(bench.record.message.contains("asked for its own shutdown"));
    assert_eq!(bench.record.losses.len(), 1);
}

#[test]
fn a_server_that_the_runtime_does_not_know_is_lost() {
    let mut bench = Bench::active(1, RestartPolicy::OnFailure);
    bench.observed.servers.clear();
    bench.decide();
    assert!(bench.record.message.contains("not found again"), "{}", bench.record.message);
    bench.now = bench.now + seconds(1);
    assert_eq!(bench.decide().starts(), 1);
    assert_eq!(bench.record.servers.len(), 1);
}

#[test]
fn the_end_of_the_duration_stops_every_server_and_then_the_deployment() {
    let mut bench = Bench::active(3, RestartPolicy::OnFailure);
    assert_eq!(bench.decide().wake_at, Some(bench.record.ends_at));
    bench.now = bench.record.ends_at;
    assert_eq!(bench.decide().actions.len(), 3);
    assert_eq!(bench.record.phase, Phase::Stopping);
    assert_eq!(bench.decide().actions, [], "stops under way are not asked for again");
    for server in bench.record.servers.clone() {
        assert_eq!(bench.record.phase, Phase::Stopping);
        bench.end(&server.id, "exited with code 0");
        bench.decide();
    }
    assert_eq!(bench.record.phase, Phase::Inactive);
    assert_eq!(bench.record.ended_at, Some(bench.now));
    assert_eq!(bench.record.message, "its time is over");
    assert_eq!(bench.observed, Observed::default(), "all are forgotten");
}

#[test]
fn a_process_that_is_in_no_record_is_ended_in_every_phase() {
    let stranger = ServerId::from_unique("stranger");
    let mut bench = Bench::active(1, RestartPolicy::OnFailure);
    bench.record.phase = Phase::Inactive;
    bench.record.servers.clear();
    bench.observed.servers.clear();
    let seen = ServerObserved { alive: true, ..ServerObserved::default() };
    bench.observed.servers.insert(stranger.clone(), seen);
    assert_eq!(bench.decide().actions, [Action::Kill { server: stranger }]);
    assert_eq!(bench.record.phase, Phase::Inactive);
}

#[test]
fn a_stop_is_answered_by_the_phase_table() {
    let mut bench = Bench::active(1, RestartPolicy::OnFailure);
    let stopping = stop(&bench.record, "stopped by ops").unwrap().unwrap();
    assert_eq!((stopping.phase, stopping.message.as_str()), (Phase::Stopping, "stopped by ops"));
    assert_eq!(stop(&stopping, "again"), Ok(None));
    bench.record.phase = Phase::Inactive;
    assert_eq!(stop(&bench.record, "again"), Err(ErrorCode::WorldNotRunning));
}

#[test]
fn a_launch_takes_its_numbers_from_the_world_and_the_mod() {
    let now = Timestamp::from_ms(1_000);
    let made = launch(&world(Profile::Capacity500), &manifest(200), launch_ids(), now).unwrap();
    assert_eq!((made.seats, made.seats_per_server, made.servers_wanted), (500, 200, 3));
    assert_eq!(made.ends_at, now + Duration::from_mins(180));
    assert_eq!((made.phase, made.servers.len()), (Phase::Starting, 0));
    assert_eq!(made.launch_context, launch_ids().launch_context);
}

#[test]
fn a_launch_names_what_the_mod_does_not_have_and_how_many_servers_are_too_many() {
    let mut mod_ = manifest(30);
    mod_.maps = vec!["garden".into()];
    mod_.base_versions.clear();
    let problems = launch(&world(Profile::Capacity5000), &mod_, launch_ids(), Timestamp::default())
        .unwrap_err();
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["/build/baseVersion", "/build/map", "/scale/profile"]);
    assert!(problems[2].message.contains("167 servers"), "{}", problems[2].message);
}
