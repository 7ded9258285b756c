use lifeboat_client::{Client, ClientSettings, EndReason, Progress, Status};
use lifeboat_core::code::ErrorCode;
use lifeboat_protocol::frame::{ClientFrame, ClientState};
use serde_json::json;

use crate::fake::{Fake, Reply, Seen, plaza, until, until_in, world};

fn settings(fake: &Fake) -> ClientSettings {
    ClientSettings::new(fake.base_url(), world("main")).seed(1)
}

async fn in_main(fake: &mut Fake) -> Client {
    let client = Client::connect(settings(fake), plaza());
    until_in(&client, "main").await;
    fake.see_exactly(Seen::ChannelOpen { token: "token-main".into() }).await;
    fake.see_exactly(in_world("main")).await;
    client
}

fn in_world(name: &str) -> Seen {
    Seen::Frame(ClientFrame::State {
        state: ClientState::InWorld,
        world: Some(world(name)),
        server: Some(format!("srv_{name}").parse().unwrap()),
        cause: None,
        since_ms: None,
    })
}

fn force(rejoin_after_ms: u64) -> serde_json::Value {
    json!({ "type": "forceDisconnect", "allClients": 1, "leaveAfterMs": 0,
            "rejoinAfterMs": rejoin_after_ms, "reason": "failover", "failover": null,
            "message": "The show goes on next door" })
}

#[tokio::test]
async fn a_join_leads_to_the_channel_and_the_game() {
    let mut fake = Fake::start().await;
    let client = Client::connect(settings(&fake).token("a.b.c").base_version(38), plaza());
    until_in(&client, "main").await;
    let joined = fake.see("a join", |seen| match seen {
        Seen::Join { request, bearer } => Some((request, bearer)),
        _ => None,
    });
    let (request, bearer) = joined.await;
    assert_eq!(bearer.as_deref(), Some("Bearer a.b.c"));
    assert!(request.client.accepts_placement());
    assert_eq!(request.client.base_version.map(|version| version.number()), Some(38));
    fake.see_exactly(in_world("main")).await;
    let mut config = client.live_config();
    until(&mut config, "the live config", |config| {
        config.get("/project/Stage/DoorsOpen") == Some(&json!(false))
    })
    .await;
    fake.push(json!({ "type": "liveConfig", "revision": 8,
                      "changes": { "/project/Stage/DoorsOpen": true } }));
    until(&mut config, "the change", |config| {
        config.get("/project/Stage/DoorsOpen") == Some(&json!(true))
    })
    .await;
}

#[tokio::test]
async fn a_placement_moves_only_the_game_connection() {
    let mut fake = Fake::start().await;
    let client = in_main(&mut fake).await;
    let mut messages = client.messages();
    fake.push(force(3_600_000));
    fake.see_exactly(Seen::GameEnd { world: "main".into() }).await;
    assert_eq!(&*messages.recv().await.unwrap(), "The show goes on next door");
    let mut progress = client.progress();
    assert_eq!(*progress.borrow_and_update(), None);
    fake.push(json!({ "type": "progress", "over": 3_120, "present": 5_000 }));
    progress.changed().await.unwrap();
    assert_eq!(*progress.borrow(), Some(Progress { over: 3_120, present: 5_000 }));
    fake.push_placement("standby");
    until_in(&client, "standby").await;
    let mut since = Vec::new();
    loop {
        since.extend(fake.rest());
        if since.contains(&in_world("standby")) {
            break;
        }
        since.push(fake.see("anything", Some).await);
    }
    let is_extra = |seen: &Seen| {
        matches!(seen, Seen::Join { .. } | Seen::ChannelOpen { .. } | Seen::ChannelEnd)
    };
    assert!(!since.iter().any(is_extra), "{since:?}");
}

#[tokio::test]
async fn told_to_leave_it_joins_again_and_keeps_its_session() {
    let mut fake = Fake::start().await;
    let client = in_main(&mut fake).await;
    fake.lead_to("standby");
    fake.push(force(50));
    let again = fake.see_join().await;
    assert_eq!(again.previous.as_deref(), Some("token-main"));
    assert_eq!(again.min_revision, Some(7));
    fake.see_exactly(Seen::ChannelOpen { token: "token-standby".into() }).await;
    fake.see_exactly(in_world("standby")).await;
    until_in(&client, "standby").await;
}

#[tokio::test]
async fn an_order_that_it_missed_is_obeyed_at_the_next_hello() {
    let mut fake = Fake::start().await;
    let client = in_main(&mut fake).await;
    fake.lead_to("standby");
    fake.greet_with(json!({ "leaveAfterMs": 0, "rejoinAfterMs": 20, "reason": "failover" }));
    fake.push(json!({ "type": "bye", "reason": "shutdown", "retryAfterMs": 20 }));
    fake.close_channels(1001);
    fake.see_exactly(Seen::ChannelOpen { token: "token-main".into() }).await;
    fake.greet_with(json!(null));
    fake.see_exactly(in_world("standby")).await;
    until_in(&client, "standby").await;
}

#[tokio::test]
async fn losing_the_channel_does_not_disturb_the_game() {
    let mut fake = Fake::start().await;
    let client = in_main(&mut fake).await;
    fake.push(json!({ "type": "bye", "reason": "slow", "retryAfterMs": 20 }));
    fake.break_channels();
    fake.see_exactly(Seen::ChannelEnd).await;
    let back = fake.see("the channel, with nothing before it", Some).await;
    assert_eq!(back, Seen::ChannelOpen { token: "token-main".into() });
    fake.see_exactly(in_world("main")).await;
    until_in(&client, "main").await;
}

#[tokio::test]
async fn losing_the_game_it_reports_and_asks_for_another() {
    let mut fake = Fake::start().await;
    let client = in_main(&mut fake).await;
    fake.lead_to("standby");
    fake.break_games("main");
    let is_loss = |seen| match seen {
        Seen::Frame(ClientFrame::State { state: ClientState::Loading, cause, .. }) => cause,
        _ => None,
    };
    assert_eq!(fake.see("the report", is_loss).await, "gameLost");
    until_in(&client, "standby").await;
}

#[tokio::test]
async fn a_refusal_is_final() {
    let mut fake = Fake::start().await;
    fake.reply_next(Reply(403, "0", r#"{"code":"banned","status":403,"detail":"no"}"#));
    let client = Client::connect(settings(&fake), plaza());
    let is_over = |status: &Status| matches!(status, Status::Refused { .. });
    let status = until(&mut client.status(), "the refusal", is_over).await;
    assert_eq!(status, Status::Refused { code: ErrorCode::Banned });
    fake.see_join().await;
    assert_eq!(fake.rest(), []);
    client.leave().await;
}

#[tokio::test]
async fn a_token_that_is_refused_turns_nobody_away() {
    let mut fake = Fake::start().await;
    fake.reply_next(Reply(401, "1", r#"{"code":"unauthorized","status":401,"detail":"expired"}"#));
    let client = Client::connect(settings(&fake), plaza());
    let code = Some(ErrorCode::Unauthorized);
    let waits = |status: &Status| matches!(status, Status::Waiting { code: c, .. } if *c == code);
    until(&mut client.status(), "the wait", waits).await;
    fake.see_join().await;
    fake.see_join().await;
    until_in(&client, "main").await;
}

#[tokio::test]
async fn the_wait_that_is_asked_for_is_kept_and_then_it_asks_again() {
    let mut fake = Fake::start().await;
    let paced = r#"{"code":"admission_paced","retryAfterMs":120}"#;
    fake.reply_next(Reply(503, "9", paced));
    fake.reply_next(Reply(503, "1", "the gateway is away"));
    let client = Client::connect(settings(&fake), plaza());
    fake.see_join().await;
    let first = tokio::time::Instant::now();
    fake.see_join().await;
    let second = tokio::time::Instant::now();
    fake.see_join().await;
    // The fake sees a join a little before the client sees the answer: the waits cannot be shorter.
    assert!(second - first >= std::time::Duration::from_millis(110), "the body's");
    assert!(second.elapsed() >= std::time::Duration::from_millis(990), "the header's");
    until_in(&client, "main").await;
}

#[tokio::test]
async fn leaving_is_said_and_ends_everything() {
    let mut fake = Fake::start().await;
    let client = in_main(&mut fake).await;
    let status = client.status();
    client.leave().await;
    assert_eq!(*status.borrow(), Status::Ended { reason: EndReason::Left });
    let (mut left, mut ended) = (false, 0);
    while ended < 2 {
        match fake.see("the end", Some).await {
            Seen::Frame(ClientFrame::Leave {}) => left = true,
            Seen::ChannelEnd | Seen::GameEnd { .. } => ended += 1,
            _ => {}
        }
    }
    assert!(left);
}

#[tokio::test]
async fn a_dropped_client_is_gone_without_a_word() {
    let mut fake = Fake::start().await;
    drop(in_main(&mut fake).await);
    let mut ended = 0;
    while ended < 2 {
        match fake.see("the end", Some).await {
            Seen::ChannelEnd | Seen::GameEnd { .. } => ended += 1,
            other => assert_ne!(other, Seen::Frame(ClientFrame::Leave {})),
        }
    }
}

#[tokio::test]
async fn taken_over_from_elsewhere_it_stays_away() {
    let mut fake = Fake::start().await;
    let client = in_main(&mut fake).await;
    fake.close_channels(4003);
    let is_over = |status: &Status| matches!(status, Status::Ended { .. });
    let status = until(&mut client.status(), "the end", is_over).await;
    assert_eq!(status, Status::Ended { reason: EndReason::Replaced });
    fake.see_exactly(Seen::GameEnd { world: "main".into() }).await;
}
