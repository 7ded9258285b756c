use std::time::Duration;

use lifeboat_core::access::{Identity, IdentityKind};
use lifeboat_core::catalog::CatalogChange;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::failover::{Counts, FailoverRecord, Kind, Ledger, Mode, MovePhase, Stage};
use lifeboat_core::ids::{FailoverId, User};
use lifeboat_core::limits::{PREVIOUS_GRACE, SEAT_HOLD, SESSION_TOKEN_TTL};
use serde_json::{Value, json};

use super::super::*;
use super::fixture::*;

#[test]
fn everyone_is_told_gets_a_slot_and_lands_by_asking() {
    let mut fixture = Fixture::new();
    let players: Vec<_> = (0..10).map(|_| fixture.enter("main", &[])).collect();
    let orders = orders(&fixture.fail_over(1, 10.0));
    assert_eq!(orders.len(), 10);
    assert!(orders.iter().all(|line| line.leave_after_ms == 0));
    let mut slots: Vec<_> = orders.iter().map(|line| line.rejoin_after_ms).collect();
    slots.sort_unstable();
    assert_eq!((slots[0], slots[9]), (0, 900), "ten slots at ten a second");
    let begin = fixture.now;
    for player in &players {
        let slot = orders.iter().find(|line| line.key == player.key).unwrap().rejoin_after_ms;
        fixture.now = begin + Duration::from_millis(slot.max(1));
        let granted = fixture.join("main", Some(&player.claims), &[]).unwrap();
        assert_eq!(granted.world, world("standby"));
        let claims = fixture.claims(&granted);
        let back = fixture.open(&claims);
        assert_eq!(back.rejoin, None, "nobody who joined after it is thrown out by it");
        fixture.say_in_world(&back);
    }
    let counts = fixture.counts("1");
    assert_eq!((counts.present, counts.landed, counts.pending), (10, 10, 0));
    let news = fixture.desk.take_news(fixture.now);
    assert_eq!(news[0].phase, Some(MovePhase::Complete));
}

#[test]
fn a_client_that_takes_pushes_is_placed_at_its_slot_without_a_request() {
    let mut fixture = Fixture::new();
    let player = fixture.enter("main", &["placement"]);
    fixture.fail_over(1, 10.0);
    let tick = fixture.desk.tick(fixture.now);
    let [(conn, granted)] = tick.granted.as_slice() else { panic!("one placement is pushed") };
    assert_eq!((*conn, &granted.world), (player.conn, &world("standby")));
    fixture.say_in_world(&player);
    assert_eq!(fixture.counts("1").landed, 1);
}

#[test]
fn who_asks_before_the_slot_is_told_when_and_who_said_in_world_in_main_has_not_landed() {
    let mut fixture = Fixture::new();
    let players: Vec<_> = (0..3).map(|_| fixture.enter("main", &[])).collect();
    let orders = orders(&fixture.fail_over(1, 1.0));
    for player in &players {
        fixture.say_in_world(player);
    }
    assert_eq!(fixture.counts("1").landed, 0);
    let last = orders.iter().max_by_key(|line| line.rejoin_after_ms).unwrap();
    let player = players.iter().find(|player| player.key == last.key).unwrap();
    let refusal = fixture.join("main", Some(&player.claims), &[]).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::AdmissionPaced);
    assert_eq!(refusal.retry_after, Some(Duration::from_millis(last.rejoin_after_ms)));
}

#[test]
fn rude_clients_never_get_more_placements_than_the_plan_s_rate() {
    let mut fixture = Fixture::new();
    let players: Vec<_> = (0..90).map(|_| fixture.enter("main", &[])).collect();
    fixture.fail_over(1, 20.0);
    let mut placed = vec![false; players.len()];
    let mut per_second = [0usize; 6];
    for step in 0..600 {
        for (index, player) in players.iter().enumerate() {
            if !placed[index] && fixture.join("main", Some(&player.claims), &[]).is_ok() {
                placed[index] = true;
                per_second[step / 100] += 1;
            }
        }
        fixture.pass(Duration::from_millis(10));
    }
    assert!(placed.iter().all(|placed| *placed), "nobody is starved: {per_second:?}");
    assert!(per_second.iter().all(|count| *count <= 22), "{per_second:?}");
}

#[test]
fn offline_at_the_change_it_is_told_when_it_comes_back() {
    let mut fixture = Fixture::new();
    let player = fixture.enter("main", &[]);
    fixture.desk.closed(player.key, player.conn, fixture.now);
    assert!(orders(&fixture.fail_over(1, 10.0)).is_empty());
    assert_eq!(fixture.counts("1").present, 1, "lost less than a minute before");
    fixture.pass(Duration::from_secs(30));
    assert!(fixture.open(&player.claims).rejoin.is_some());
}

#[test]
fn newcomers_land_in_the_standby_and_wait_until_the_line_is_over() {
    let mut fixture = Fixture::new();
    let players: Vec<_> = (0..5).map(|_| fixture.enter("main", &[])).collect();
    let orders = orders(&fixture.fail_over(1, 1.0));
    assert_eq!(fixture.join("main", None, &[]).unwrap_err().code, ErrorCode::AdmissionPaced);
    assert_eq!((players.len(), orders.len()), (5, 5));
    fixture.pass(Duration::from_secs(6));
    let granted = fixture.join("main", None, &[]).unwrap();
    assert_eq!((granted.world, granted.redirected), (world("standby"), true));
}

#[test]
fn seats_are_reserved_for_those_on_the_way() {
    let mut fixture = Fixture::new();
    let movers: Vec<_> = (0..60).map(|_| fixture.enter("main", &[])).collect();
    for _ in 0..40 {
        fixture.enter("standby", &[]);
    }
    fixture.pass(Duration::from_secs(5));
    fixture.fail_over(1, 1_000.0);
    fixture.pass(Duration::from_secs(5));
    assert_eq!(fixture.join("standby", None, &[]).unwrap_err().code, ErrorCode::WorldFull);
    for mover in &movers {
        let granted = loop {
            match fixture.join("main", Some(&mover.claims), &[]) {
                Ok(granted) => break granted,
                Err(refusal) => fixture.pass(refusal.retry_after.unwrap()),
            }
        };
        assert_eq!(granted.world, world("standby"));
    }
}

#[test]
fn after_a_restart_the_same_failover_goes_on_at_its_pace() {
    let mut fixture = Fixture::new();
    let players: Vec<_> = (0..20).map(|_| fixture.enter("main", &[])).collect();
    fixture.fail_over(1, 10.0);
    let id = FailoverId::from_unique("1");
    let kept = Ledger::restore(fixture.desk.rows(&id).unwrap());
    let catalog = Arc::clone(fixture.desk.catalog());
    let mut restarted = Fixture::new();
    restarted.now = fixture.now + Duration::from_secs(10);
    let view = Arc::clone(&fixture.desk.player_view);
    restarted.desk = Desk::new(Arc::clone(&catalog), view);
    let record = Arc::clone(catalog.failover(&id).unwrap());
    restarted.desk.restore_move(record, kept, restarted.now);
    let mut slots: Vec<_> = players
        .iter()
        .map(|player| restarted.open(&player.claims).rejoin.unwrap().rejoin_after_ms)
        .collect();
    slots.sort_unstable();
    assert_eq!((slots[0], slots[19]), (0, 1_900));
    assert_eq!(restarted.counts("1").present, 20);
}

#[test]
fn hold_stops_everyone_and_resume_goes_on_at_the_pace() {
    let mut fixture = Fixture::new();
    let player = fixture.enter("main", &["placement"]);
    fixture.enter("main", &["placement"]);
    fixture.fail_over(1, 0.1);
    assert_eq!(fixture.desk.tick(fixture.now).granted.len(), 1);
    let mut held = record("1", "main", "standby", 1, 0.1);
    held.phase = MovePhase::Held;
    let effects = fixture.change(vec![CatalogChange::Failover(held.id.clone(), Some(held))]);
    assert!(matches!(effects.as_slice(), [Effect::Broadcast { .. }]));
    fixture.pass(Duration::from_secs(60));
    assert!(fixture.desk.tick(fixture.now).granted.is_empty());
    let outcome = fixture.join("main", Some(&player.claims), &["placement"]);
    assert!(outcome.is_ok() || outcome.unwrap_err().code == ErrorCode::FailoverHeld);
    let resumed = record("1", "main", "standby", 1, 10.0);
    fixture.change(vec![CatalogChange::Failover(resumed.id.clone(), Some(resumed))]);
    fixture.pass(Duration::from_secs(1));
    assert_eq!(fixture.desk.tick(fixture.now).granted.len(), 1);
}

#[test]
fn those_who_wait_are_told_how_far_it_is_at_most_once_a_second() {
    let mut fixture = Fixture::new();
    for _ in 0..5 {
        fixture.enter("main", &["placement"]);
    }
    fixture.fail_over(1, 0.1);
    let landed = |fixture: &mut Fixture, landed: usize| {
        let mut record = record("1", "main", "standby", 1, 0.1);
        record.counts = Counts { present: 5, landed, ..Counts::default() };
        fixture.change(vec![CatalogChange::Failover(record.id.clone(), Some(record))])
    };
    assert!(landed(&mut fixture, 1).is_empty(), "they were told to leave a moment ago");
    fixture.pass(Duration::from_secs(1));
    assert_over(&landed(&mut fixture, 2), 2);
    assert!(landed(&mut fixture, 2).is_empty(), "nothing has changed");
    assert!(landed(&mut fixture, 3).is_empty(), "again within the second");
    fixture.pass(Duration::from_secs(1));
    assert_over(&landed(&mut fixture, 4), 4);
}

/// Five people are told that so many are over.
#[track_caller]
fn assert_over(effects: &[Effect], over: u64) {
    let [Effect::Broadcast { to, text }] = effects else { panic!("{effects:?}") };
    assert_eq!(to.len(), 5);
    let frame: Value = serde_json::from_slice(text).unwrap();
    assert_eq!(frame, json!({ "type": "progress", "over": over, "present": 5 }));
}

#[test]
fn those_who_wait_in_a_failover_that_is_held_at_once_are_told_how_far_it_came() {
    let mut fixture = Fixture::new();
    for _ in 0..5 {
        fixture.enter("main", &["placement"]);
    }
    fixture.fail_over(1, 0.1);
    let mut held = record("1", "main", "standby", 1, 0.1);
    held.phase = MovePhase::Held;
    held.counts = Counts { present: 5, landed: 2, ..Counts::default() };
    let effects = fixture.change(vec![CatalogChange::Failover(held.id.clone(), Some(held))]);
    assert_eq!(effects.len(), 1, "only that they are held: {effects:?}");
    assert!(fixture.desk.tick(fixture.now).effects.is_empty(), "within the second");
    fixture.pass(Duration::from_secs(1));
    assert_over(&fixture.desk.tick(fixture.now).effects, 2);
    fixture.pass(Duration::from_secs(1));
    assert!(fixture.desk.tick(fixture.now).effects.is_empty(), "nothing has changed");
}

#[test]
fn failback_brings_home_who_asked_for_main_and_leaves_the_others_alone() {
    let mut fixture = Fixture::new();
    fixture.change(vec![live("main", "wld_standby", 0, 0)]);
    let guest_of_main = fixture.enter("main", &[]);
    let guest_of_standby = fixture.enter("standby", &[]);
    let mut back = record("2", "main", "main", 1, 10.0);
    back.kind = Kind::Failback;
    let effects = fixture
        .change(vec![live("main", "", 0, 1), CatalogChange::Failover(back.id.clone(), Some(back))]);
    let orders = orders(&effects);
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0].key, guest_of_main.key);
    assert_ne!(orders[0].key, guest_of_standby.key);
    fixture.pass(Duration::from_secs(1));
    let granted = fixture.join("main", Some(&guest_of_main.claims), &[]).unwrap();
    assert_eq!(granted.world, world("main"));
    let claims = fixture.claims(&granted);
    assert_eq!(fixture.open(&claims).rejoin, None);
}

#[test]
fn the_silent_are_named_as_stragglers_and_still_count_when_they_land() {
    let mut fixture = Fixture::new();
    let player = fixture.enter("main", &[]);
    fixture.fail_over(1, 10.0);
    fixture.pass(Duration::from_secs(130));
    let news = fixture.desk.take_news(fixture.now);
    assert_eq!(news[0].phase, Some(MovePhase::CompleteWithStragglers));
    let mut done = record("1", "main", "standby", 1, 10.0);
    done.phase = MovePhase::CompleteWithStragglers;
    fixture.change(vec![CatalogChange::Failover(done.id.clone(), Some(done))]);
    let granted = fixture.join("main", Some(&player.claims), &[]).unwrap();
    let claims = fixture.claims(&granted);
    let back = fixture.open(&claims);
    fixture.say_in_world(&back);
    let rows = fixture.desk.rows(&FailoverId::from_unique("1")).unwrap();
    assert_eq!(rows[0].stage, Stage::Landed);
    assert_eq!(fixture.desk.take_news(fixture.now)[0].phase, Some(MovePhase::Complete));
}

#[test]
fn a_target_where_nobody_lands_gets_people_ever_more_slowly() {
    let mut fixture = Fixture::new();
    for _ in 0..95 {
        fixture.enter("main", &["placement"]);
    }
    fixture.fail_over(1, 10.0);
    let placed_in = |fixture: &mut Fixture, seconds: u64| {
        let mut placed = 0;
        for _ in 0..seconds * 10 {
            fixture.pass(Duration::from_millis(100));
            placed += fixture.desk.tick(fixture.now).granted.len();
        }
        placed
    };
    let at_plan = placed_in(&mut fixture, 3);
    assert!((28..=33).contains(&at_plan), "{at_plan}");
    placed_in(&mut fixture, 6);
    let behind = placed_in(&mut fixture, 3);
    assert!(behind < 15, "nobody has landed, and still {behind} were placed in three seconds");
}

#[test]
fn a_client_whose_pushed_placement_was_lost_comes_back_with_its_older_token() {
    let mut fixture = Fixture::new();
    let player = fixture.enter("main", &["placement"]);
    fixture.fail_over(1, 10.0);
    assert_eq!(fixture.desk.tick(fixture.now).granted.len(), 1);
    // The push got lost with its connection, of whose end the desk does not know yet.
    let back = fixture.open(&player.claims);
    assert!(back.rejoin.is_some(), "it is told to rejoin, and not closed as replaced");
}

#[test]
fn who_comes_back_during_a_hold_without_having_been_present_goes_on_after_it() {
    let mut fixture = Fixture::new();
    let stays = fixture.enter("main", &[]);
    let late = fixture.enter("main", &[]);
    fixture.desk.closed(late.key, late.conn, fixture.now);
    fixture.pass(Duration::from_secs(61));
    fixture.fail_over(1, 10.0);
    let id = FailoverId::from_unique("1");
    let hold = |fixture: &mut Fixture, phase| {
        let record = fixture.desk.catalog().failover(&id).unwrap();
        let changed = lifeboat_core::failover::FailoverRecord { phase, ..(**record).clone() };
        fixture.change(vec![CatalogChange::Failover(id.clone(), Some(changed))]);
    };
    hold(&mut fixture, MovePhase::Held);
    fixture.open(&late.claims);
    let held = fixture.join("main", Some(&late.claims), &[]).unwrap_err();
    assert_eq!(held.code, ErrorCode::FailoverHeld);
    hold(&mut fixture, MovePhase::Moving);
    for player in [&stays, &late] {
        fixture.pass(Duration::from_secs(1));
        assert!(fixture.join("main", Some(&player.claims), &[]).is_ok());
    }
}

#[test]
fn a_user_whose_client_was_restarted_keeps_session_and_line_without_the_earlier_token() {
    let mut fixture = Fixture::new();
    let alice = Identity {
        user: User::from_subject("alice"),
        groups: Vec::new(),
        kind: IdentityKind::Known,
    };
    let granted = fixture.join_as(Some(&alice), "main", None, &[]).unwrap();
    let claims = fixture.claims(&granted);
    let first = fixture.open(&claims);
    fixture.fail_over(1, 10.0);
    fixture.desk.closed(first.key, first.conn, fixture.now);
    fixture.pass(Duration::from_secs(1));
    let again = fixture.join_as(Some(&alice), "main", None, &[]).unwrap();
    assert_eq!((&again.session, again.previous_accepted), (&granted.session, false));
    let claims = fixture.claims(&again);
    let back = fixture.open(&claims);
    fixture.say_in_world(&back);
    let counts = fixture.counts("1");
    assert_eq!((counts.present, counts.landed, counts.pending), (1, 1, 0));
    fixture.pass(Duration::from_secs(1));
    let elsewhere = fixture.join_as(Some(&alice), "standby", None, &[]).unwrap();
    assert_ne!(elsewhere.session, granted.session, "another world is another session");
}

#[test]
fn nobody_is_told_to_leave_before_the_target_is_awake() {
    let mut fixture = Fixture::new();
    let player = fixture.enter("main", &[]);
    let waiting = FailoverRecord {
        phase: MovePhase::Held,
        waits_for_target: true,
        nobody_told: true,
        ..record("1", "main", "standby", 1, 10.0)
    };
    let id = waiting.id.clone();
    let change =
        |record: &FailoverRecord| CatalogChange::Failover(record.id.clone(), Some(record.clone()));
    let effects = fixture.change(vec![live("main", "wld_standby", 1, 0), change(&waiting)]);
    assert_eq!(orders(&effects), []);
    let again = fixture.open(&player.claims);
    assert_eq!(again.rejoin, None, "a channel that is opened again is not told either");
    assert_eq!((fixture.counts("1").present, fixture.counts("1").told), (1, 0));
    fixture.pass(Duration::from_secs(60));
    let awake = waiting.go_on(fixture.now);
    let effects = fixture.change(vec![change(&awake)]);
    assert_eq!(orders(&effects).len(), 1);
    fixture.desk.told(&id, &[again.key], fixture.now);
    let fanout = fixture.desk.progress(&id).unwrap().fanout_ms;
    assert_eq!((fanout.n, fanout.max), (1, 0), "the wait is not the fan-out");
}

#[test]
fn whoever_waits_for_a_target_stays_also_when_that_is_put_on_hold() {
    let mut fixture = Fixture::new();
    let player = fixture.enter("main", &[]);
    let held = FailoverRecord {
        phase: MovePhase::Held,
        nobody_told: true,
        ..record("1", "main", "standby", 1, 10.0)
    };
    let change = CatalogChange::Failover(held.id.clone(), Some(held));
    let effects = fixture.change(vec![live("main", "wld_standby", 1, 0), change]);
    assert_eq!(orders(&effects), []);
    assert_eq!(fixture.desk.catalog().door_counter(&world("main")), 0, "the servers keep them");
    let refusal = fixture.join("main", Some(&player.claims), &[]).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::FailoverHeld);
}

#[test]
fn a_further_raise_in_a_graceful_move_leaves_those_in_who_wait_for_their_turn() {
    let mut fixture = Fixture::new();
    let graceful = FailoverRecord {
        mode: Mode::Graceful,
        counter: 4,
        counter_before: 2,
        ..record("1", "main", "standby", 3, 10.0)
    };
    let change = CatalogChange::Failover(graceful.id.clone(), Some(graceful));
    fixture.change(vec![live("main", "wld_standby", 4, 0), change]);
    assert_eq!(fixture.desk.catalog().door_counter(&world("main")), 2);
}

#[test]
fn a_game_server_that_lists_who_has_landed_a_moment_after_the_end_is_heard() {
    let mut fixture = Fixture::new();
    let player = fixture.enter("main", &[]);
    fixture.fail_over(1, 10.0);
    let granted = fixture.join("main", Some(&player.claims), &[]).unwrap();
    let claims = fixture.claims(&granted);
    let back = fixture.open(&claims);
    fixture.say_in_world(&back);
    let id = FailoverId::from_unique("1");
    let done = FailoverRecord {
        phase: MovePhase::Complete,
        finished_at: Some(fixture.now),
        counts: fixture.counts("1"),
        ..record("1", "main", "standby", 1, 10.0)
    };
    let change =
        |record: FailoverRecord| vec![CatalogChange::Failover(record.id.clone(), Some(record))];
    fixture.change(change(done.clone()));
    fixture.desk.confirm([&claims.ses], fixture.now);
    let counts = fixture.counts("1");
    assert_eq!(counts.confirmed, 1);
    fixture.change(change(FailoverRecord { counts, ..done.clone() }));
    assert!(!fixture.desk.is_watched(&id), "nothing more is heard of it");
    // Of a server that lists nobody nothing is heard, so it is not waited for long.
    let landed = Ledger::restore([serde_json::from_value(json!({
        "session": "ses_1", "user": "usr_1", "stage": "landed"
    }))
    .unwrap()]);
    let counts = landed.counts();
    let silent = FailoverRecord { counts, ..done };
    fixture.desk.restore_move(Arc::new(silent), landed, fixture.now);
    fixture.desk.tick(fixture.now);
    assert!(fixture.desk.is_watched(&id));
    fixture.pass(Duration::from_secs(10));
    fixture.desk.tick(fixture.now);
    assert!(!fixture.desk.is_watched(&id));
}

#[test]
fn stragglers_of_long_ago_take_no_seats_after_a_restart() {
    let mut fixture = Fixture::new();
    let rows = (0..60).map(|number| {
        let row = json!({
            "session": format!("ses_{number}"), "user": "usr_1", "stage": "pending"
        });
        serde_json::from_value(row).unwrap()
    });
    let over = FailoverRecord {
        phase: MovePhase::CompleteWithStragglers,
        ..record("1", "main", "standby", 1, 10.0)
    };
    let (over, ledger) = (Arc::new(over), Ledger::restore(rows));
    fixture.desk.restore_move(Arc::clone(&over), ledger.clone(), fixture.now);
    assert_eq!(fixture.desk.crowd(&world("standby")).seats_used, 60, "they may still come");
    let mut restarted = Fixture::new();
    restarted.pass(SEAT_HOLD);
    restarted.desk.restore_move(over, ledger, restarted.now);
    assert_eq!(restarted.desk.crowd(&world("standby")).seats_used, 0);
}

#[test]
fn a_failover_is_forgotten_once_no_straggler_of_it_has_a_token_any_more() {
    let mut fixture = Fixture::new();
    let row = json!({ "session": "ses_1", "user": "usr_1", "stage": "pending" });
    let ledger = Ledger::restore([serde_json::from_value(row).unwrap()]);
    let over = FailoverRecord {
        phase: MovePhase::CompleteWithStragglers,
        finished_at: Some(fixture.now),
        ..record("1", "main", "standby", 1, 10.0)
    };
    let id = over.id.clone();
    fixture.desk.restore_move(Arc::new(over), ledger, fixture.now);
    fixture.pass(SESSION_TOKEN_TTL + PREVIOUS_GRACE - Duration::from_secs(1));
    fixture.desk.tick(fixture.now);
    assert_eq!(fixture.desk.rows(&id).map(|rows| rows.len()), Some(1));
    fixture.pass(Duration::from_secs(1));
    fixture.desk.tick(fixture.now);
    assert_eq!(fixture.desk.rows(&id), None);
}

#[test]
fn who_was_placed_right_before_a_crash_counts_as_placed_when_it_has_landed() {
    let mut fixture = Fixture::new();
    let player = fixture.enter("main", &["placement"]);
    fixture.fail_over(1, 10.0);
    let id = FailoverId::from_unique("1");
    let kept = Ledger::restore(fixture.desk.rows(&id).unwrap());
    let placed_at = fixture.now;
    let granted = fixture.desk.tick(placed_at).granted.remove(0).1;
    let claims = fixture.claims(&granted);

    let mut restarted = Fixture::new();
    let record = fixture.desk.catalog().failover(&id).unwrap();
    restarted.change(vec![
        live("main", "wld_standby", 1, 0),
        CatalogChange::Failover(id.clone(), Some((**record).clone())),
    ]);
    restarted.desk.restore_move(Arc::clone(record), kept, placed_at);
    restarted.now = placed_at + Duration::from_secs(5);
    let back = restarted.open(&claims);
    restarted.say_in_world(&back);
    assert_eq!(back.claims.ses, player.claims.ses);
    let counts = restarted.counts("1");
    assert_eq!((counts.asked, counts.placed, counts.landed), (1, 1, 1));
    assert_eq!(restarted.desk.rows(&id).unwrap()[0].placed_at, Some(placed_at));
}

#[test]
fn who_comes_back_after_a_restart_is_present_at_a_failover_that_began_meanwhile() {
    let mut before = Fixture::new();
    let players: Vec<_> = (0..3).map(|_| before.enter("main", &["placement"])).collect();
    let mut restarted = Fixture::new();
    restarted.desk.expect_returns(restarted.now);
    restarted.open(&players[0].claims);
    restarted.fail_over(1, 10.0);
    assert_eq!(restarted.counts("1").present, 1);
    restarted.pass(Duration::from_secs(9));
    assert!(restarted.open(&players[1].claims).rejoin.is_some());
    assert_eq!(restarted.counts("1").present, 2);
    let id = FailoverId::from_unique("1");
    assert!(!restarted.desk.progress(&id).unwrap().present_fixed);
    restarted.pass(Duration::from_secs(7));
    restarted.desk.take_news(restarted.now);
    assert!(restarted.desk.progress(&id).unwrap().present_fixed);
    assert!(
        restarted.open(&players[2].claims).rejoin.is_some(),
        "it is brought along all the same"
    );
    assert_eq!(restarted.counts("1").present, 2);
}

#[test]
fn who_was_placed_before_anything_of_the_ledger_was_kept_is_known_by_its_token() {
    let mut before = Fixture::new();
    let players: Vec<_> = (0..2).map(|_| before.enter("main", &[])).collect();
    before.fail_over(1, 10.0);
    let claims: Vec<_> = players
        .iter()
        .map(|player| {
            before.pass(Duration::from_millis(100));
            let granted = before.join("main", Some(&player.claims), &[]).unwrap();
            before.claims(&granted)
        })
        .collect();
    before.pass(Duration::from_secs(1));
    let newcomer = before.enter("main", &[]);

    let id = FailoverId::from_unique("1");
    let mut restarted = Fixture::new();
    let record = FailoverRecord { present_fixed: false, ..record("1", "main", "standby", 1, 10.0) };
    restarted.change(vec![live("main", "wld_standby", 1, 0)]);
    restarted.desk.restore_move(Arc::new(record), Ledger::default(), restarted.now);
    // One by its channel, one by asking again; who was not present is not.
    let first = restarted.open(&claims[0]);
    restarted.say_in_world(&first);
    let again = restarted.join("main", Some(&claims[1]), &[]).unwrap();
    let claims = restarted.claims(&again);
    assert_eq!(claims.mov, Some(id));
    let second = restarted.open(&claims);
    restarted.say_in_world(&second);
    restarted.open(&newcomer.claims);
    let counts = restarted.counts("1");
    assert_eq!((counts.present, counts.placed, counts.landed), (2, 2, 2));
}

#[test]
fn who_arrives_after_the_middle_of_its_chain_is_back_has_landed_where_it_was_placed() {
    let mut fixture = Fixture::new();
    fixture.change(active("third", "third"));
    let player = fixture.enter("main", &[]);
    fixture.change(vec![live("standby", "wld_third", 0, 0)]);
    fixture.fail_over(1, 10.0);
    let granted = fixture.join("main", Some(&player.claims), &[]).unwrap();
    assert_eq!(granted.world, world("third"));
    let claims = fixture.claims(&granted);
    let back = fixture.open(&claims);
    fixture.change(vec![live("standby", "", 0, 1)]);
    fixture.say_in_world(&back);
    assert_eq!(fixture.counts("1").landed, 1);
    assert!(orders(&fixture.change(vec![])).is_empty(), "nobody calls it away");
}
