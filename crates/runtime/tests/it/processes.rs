//! Starting, watching and ending processes.

use std::time::{Duration, Instant};

use lifeboat_runtime::{
    Exit, Runtime, RuntimeEvent, SdkState, ServerHealth, StartError, StartedServer, StopError,
};
use rustix::process::Signal;

use crate::support::{Fixture, Sdk, event, minimal_server, runs, signal, wait_for};

#[tokio::test]
async fn a_server_gets_the_environment_of_the_contract_and_no_secrets() {
    let fixture = Fixture::new();
    let record = fixture.script("env", "env; echo to-stderr >&2; echo done; sleep 60").await;
    fixture.wait_for_line(&record.server, "done").await;
    let lines = fixture.runtime.tail(&record.server, 1_000).await.unwrap();
    for wanted in [
        "LIFEBOAT_WORLD_ID=wld_w".to_owned(),
        "LIFEBOAT_DEPLOYMENT_ID=dep_d".into(),
        "LIFEBOAT_SERVER_ID=srv_env".into(),
        "LIFEBOAT_JWKS_URL=http://keys/".into(),
        format!("PORT={}", record.game_port),
        format!("AGONES_SDK_HTTP_PORT={}", record.sdk_http_port),
        format!("AGONES_SDK_GRPC_PORT={}", record.sdk_grpc_port.unwrap()),
        "EXTRA=1".into(),
        "to-stderr".into(),
    ] {
        assert!(lines.contains(&wanted), "{wanted} is missing in {lines:?}");
    }
    assert!(!lines.iter().any(|line| line.starts_with("CARGO")), "{lines:?}");
}

#[tokio::test]
async fn a_killed_server_is_noticed_within_two_seconds() {
    let fixture = Fixture::new();
    let mut events = fixture.runtime.subscribe();
    let record = fixture.script("killed", "exec sleep 60").await;
    let killed_at = Instant::now();
    signal(&record, Signal::KILL);
    let seen = event(&mut events, |event| matches!(event, RuntimeEvent::Exited { .. })).await;
    assert!(killed_at.elapsed() < Duration::from_secs(2));
    let exit = Exit::Signal { signal: 9 };
    assert_eq!(seen, RuntimeEvent::Exited { server: record.server.clone(), exit });
    assert_eq!(fixture.observe(&record.server).exit, Some(exit));
    assert!(!std::path::Path::new(&format!("/proc/{}", record.pid)).exists(), "it was reaped");
}

#[tokio::test]
async fn the_code_of_an_exit_is_told() {
    let fixture = Fixture::new();
    let record = fixture.script("code", "exit 7").await;
    let seen = fixture.wait_until(&record.server, |now| !now.is_alive()).await;
    assert_eq!(seen.exit, Some(Exit::Code { code: 7 }));
}

#[tokio::test]
async fn children_that_outlive_their_leader_are_killed() {
    let fixture = Fixture::new();
    let record = fixture.script("family", "sleep 60 & echo child $!; wait").await;
    let child = child_of(&record).await;
    signal(&record, Signal::KILL);
    wait_for(|| (!runs(child)).then_some(())).await;
}

async fn child_of(record: &StartedServer) -> u32 {
    wait_for(|| {
        let log = std::fs::read_to_string(&record.log).unwrap_or_default();
        let line = log.lines().find_map(|line| line.strip_prefix("child "))?;
        log.ends_with('\n').then(|| line.parse().ok()).flatten()
    })
    .await
}

#[tokio::test]
async fn a_server_that_obeys_ends_before_the_grace_is_over() {
    let fixture = Fixture::new();
    let record = fixture.script("obeys", "exec sleep 60").await;
    let grace = Duration::from_secs(3_600);
    fixture.runtime.stop(&record.server, grace).await.unwrap();
    assert_eq!(fixture.observe(&record.server).exit, Some(Exit::Signal { signal: 15 }));
    fixture.runtime.stop(&record.server, grace).await.expect("stopping twice is no error");
}

#[tokio::test]
async fn a_server_that_ignores_the_request_is_killed_with_its_group_after_the_grace() {
    let fixture = Fixture::new();
    let script = "trap '' TERM; sleep 60 & echo child $!; while :; do wait; done";
    let record = fixture.script("deaf", script).await;
    let child = child_of(&record).await;
    let asked_at = Instant::now();
    fixture.runtime.stop(&record.server, Duration::from_millis(200)).await.unwrap();
    assert!(asked_at.elapsed() >= Duration::from_millis(200));
    assert_eq!(fixture.observe(&record.server).exit, Some(Exit::Signal { signal: 9 }));
    wait_for(|| (!runs(child)).then_some(())).await;
}

#[tokio::test]
async fn a_kill_cuts_the_grace_short_and_ends_a_stopped_process() {
    let fixture = Fixture::new();
    let record = fixture.script("hung", "trap '' TERM; echo deaf; while :; do sleep 1; done").await;
    fixture.wait_for_line(&record.server, "deaf").await;
    signal(&record, Signal::STOP);
    let stop = fixture.runtime.stop(&record.server, Duration::from_secs(3_600));
    let kill = fixture.runtime.kill(&record.server);
    let (stopped, killed) = tokio::join!(stop, kill);
    assert_eq!((stopped, killed), (Ok(()), Ok(())));
}

#[tokio::test]
async fn a_hung_server_is_unhealthy_and_recovers_when_it_wakes() {
    let fixture = Fixture::impatient();
    let mut events = fixture.runtime.subscribe();
    let program = minimal_server();
    let record = fixture.start("hang", &[program.to_str().unwrap(), "20"]).await;
    event(&mut events, |event| matches!(event, RuntimeEvent::Ready { .. })).await;
    signal(&record, Signal::STOP);
    let seen = event(&mut events, |event| matches!(event, RuntimeEvent::Unhealthy { .. })).await;
    assert!(matches!(seen, RuntimeEvent::Unhealthy { last_healthy_at: Some(_), .. }), "{seen:?}");
    let now = fixture.observe(&record.server);
    assert!(now.is_alive());
    assert_eq!((now.state, now.health), (SdkState::Unhealthy, ServerHealth::Unhealthy));

    signal(&record, Signal::CONT);
    event(&mut events, |event| matches!(event, RuntimeEvent::Recovered { .. })).await;
    assert_eq!(fixture.observe(&record.server).state, SdkState::Unhealthy);
    fixture.runtime.reinstate(&record.server).unwrap();
    assert_eq!(fixture.observe(&record.server).state, SdkState::Ready);
}

#[tokio::test]
async fn nothing_is_expected_of_a_server_that_is_not_ready() {
    let fixture = Fixture::impatient();
    let quiet = fixture.script("quiet", "exec sleep 60").await;
    let silent = fixture.script("silent", "exec sleep 60").await;
    Sdk::of(&silent).ok("POST", "/ready", "{}").await;
    fixture.wait_until(&silent.server, |now| now.health == ServerHealth::Unhealthy).await;
    assert_eq!(fixture.observe(&quiet.server).health, ServerHealth::Pending);
}

#[tokio::test]
async fn a_program_is_found_in_the_folder_of_the_mod_first() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    let own = fixture.dir.path().join("sh");
    std::fs::write(&own, "#!/bin/sh\necho of the mod\n").unwrap();
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o755)).unwrap();
    let record = fixture.start("own", &["sh"]).await;
    fixture.wait_for_line(&record.server, "of the mod").await;
    let missing = fixture.runtime.start(fixture.spec("none", &["no-such-program"])).await;
    assert!(matches!(missing, Err(StartError::ProgramNotFound { .. })), "{missing:?}");
    let empty = fixture.runtime.start(fixture.spec("none", &[])).await;
    assert!(matches!(empty, Err(StartError::ProgramNotFound { .. })), "{empty:?}");
}

#[tokio::test]
async fn an_id_is_used_once_and_forgotten_on_request() {
    let fixture = Fixture::new();
    let record = fixture.script("once", "exit 0").await;
    let again = fixture.runtime.start(fixture.spec("once", &["true"])).await;
    assert!(matches!(again, Err(StartError::AlreadyStarted { .. })), "{again:?}");
    fixture.wait_until(&record.server, |now| !now.is_alive()).await;
    fixture.runtime.forget(&record.server);
    assert!(fixture.runtime.observe().is_empty());
    let stopped = fixture.runtime.kill(&record.server).await;
    assert!(matches!(stopped, Err(StopError::Unknown(_))), "{stopped:?}");
    assert!(record.log.exists());
    fixture.runtime.discard_files(&record.server).await.unwrap();
    fixture.runtime.discard_files(&record.server).await.unwrap();
    assert!(!record.log.exists());
}

#[tokio::test]
async fn a_log_is_rotated_while_it_is_written() {
    let fixture = Fixture::with(|config| {
        config.log_bytes_max = 1_000;
        config.log_check_period = Duration::from_millis(20);
    });
    let script = "i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i; done; \
                  while [ ! -e go ]; do sleep 0.02; done; echo after; sleep 60";
    let record = fixture.script("chatty", script).await;
    let older = record.log.with_file_name("server.log.1");
    wait_for(|| older.exists().then_some(())).await;
    std::fs::write(fixture.dir.path().join("go"), "").unwrap();
    fixture.wait_for_line(&record.server, "after").await;
    assert!(std::fs::metadata(&record.log).unwrap().len() <= 1_000);
    assert!(std::fs::metadata(&older).unwrap().len() <= 2_000);
}
