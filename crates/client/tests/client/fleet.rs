use std::time::Duration;

use lifeboat_client::report::Reporter;
use lifeboat_client::{Fleet, FleetSettings, OutcomeEnd};
use lifeboat_core::code::ErrorCode;
use serde_json::json;

use crate::fake::{Fake, Reply, until, world};

const BOTS: usize = 200;

async fn all_in(fake: &Fake, name: &str, settings: FleetSettings) -> Fleet {
    let fleet = Fleet::start(settings).unwrap();
    fake.lead_to("main");
    let world = world(name);
    until(&mut fleet.watch_counts(), "the arrival", |counts| counts.in_the(&world) == BOTS).await;
    fleet
}

#[tokio::test]
async fn a_fleet_arrives_moves_and_leaves() {
    let fake = Fake::start().await;
    let mut settings = FleetSettings::new(fake.base_url(), world("main"), BOTS);
    settings.ramp = Duration::from_millis(200);
    settings.name_prefix = "bot".to_owned();
    let fleet = all_in(&fake, "main", settings).await;
    let mut outcomes = fleet.outcomes();
    let began = fleet.now();
    assert_eq!(fleet.counts().lost(), 0);

    fake.push(json!({ "type": "forceDisconnect", "allClients": 1, "leaveAfterMs": 0,
                      "rejoinAfterMs": 3_600_000, "reason": "failover", "failover": null,
                      "message": null }));
    until(&mut fleet.watch_counts(), "everybody's waiting", |counts| counts.waiting == BOTS).await;
    assert_eq!(fleet.counts().lost(), BOTS);
    fake.push_placement("standby");
    let standby = world("standby");
    until(&mut fleet.watch_counts(), "the move", |counts| counts.in_the(&standby) == BOTS).await;

    let moves = fleet.moves(began);
    assert_eq!((moves.told, moves.arrived, moves.lost_game), (BOTS, BOTS, 0));
    assert_eq!((moves.dark_ms.n, moves.told_at.map(|told| told.n)), (BOTS, Some(BOTS)));
    let mut seen = vec![false; BOTS];
    for _ in 0..BOTS {
        let outcome = outcomes.recv().await.unwrap();
        assert!(matches!(outcome.end, OutcomeEnd::InWorld { world, .. } if world == standby));
        assert!(outcome.journey.told_at.is_some() && outcome.journey.dark_ms().is_some());
        seen[outcome.bot] = true;
    }
    assert!(seen.into_iter().all(|bot| bot));

    let mut reporter = Reporter::new(&fleet);
    let report = reporter.next().await;
    assert_eq!((report.counts.in_the(&standby), report.is_last), (BOTS, false));
    let last = reporter.last(fleet.stop(Duration::from_secs(20)).await);
    assert_eq!((last.counts.left, last.lost, last.is_last), (BOTS, 0, true));
    assert_eq!(last.moves.arrived, BOTS);
}

#[tokio::test]
async fn bots_that_lost_their_server_find_another_by_themselves() {
    let fake = Fake::start().await;
    let mut settings = FleetSettings::new(fake.base_url(), world("main"), BOTS);
    settings.accepts_placement = false;
    let fleet = all_in(&fake, "main", settings).await;
    fake.lead_to("standby");
    fake.break_games("main");
    let standby = world("standby");
    until(&mut fleet.watch_counts(), "the move", |counts| counts.in_the(&standby) == BOTS).await;
    let moves = fleet.moves(lifeboat_core::time::Timestamp::from_ms(0));
    assert_eq!((moves.lost_game, moves.arrived, moves.dark_ms.n), (BOTS, BOTS, BOTS));
}

#[tokio::test]
async fn the_refused_are_not_lost() {
    let fake = Fake::start().await;
    fake.reply_next(Reply(404, "0", r#"{"code":"world_not_found"}"#));
    fake.reply_next(Reply(503, "900", r#"{"code":"world_full","retryAfterMs":900000}"#));
    let settings = FleetSettings::new(fake.base_url(), world("main"), 3);
    let fleet = Fleet::start(settings).unwrap();
    let settled = |counts: &lifeboat_client::FleetCounts| {
        counts.in_worlds() + counts.all_refused() + counts.waiting == 3
    };
    let counts = until(&mut fleet.watch_counts(), "the answers", settled).await;
    assert_eq!(counts.refused, [(ErrorCode::WorldNotFound, 1)].into());
    assert_eq!((counts.waiting, counts.lost()), (1, 1));
    let counts = fleet.stop(Duration::from_secs(20)).await;
    assert_eq!((counts.left, counts.all_refused(), counts.lost()), (2, 1, 0));
}

#[tokio::test]
async fn whoever_is_not_begun_at_the_end_never_begins() {
    let fake = Fake::start().await;
    let mut settings = FleetSettings::new(fake.base_url(), world("main"), 2);
    settings.ramp = Duration::from_secs(7_200);
    let fleet = Fleet::start(settings).unwrap();
    until(&mut fleet.watch_counts(), "the first", |counts| counts.in_worlds() == 1).await;
    let counts = fleet.stop(Duration::from_secs(20)).await;
    assert_eq!((counts.left, counts.planned), (1, 1));
}
