//! Failovers that go otherwise than they began: led elsewhere by hand, or undone.

use std::time::Duration;

use lifeboat_core::catalog::CatalogChange;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::failover::{Edit, FailoverRecord, Kind, Mode, MovePhase};
use lifeboat_core::ids::FailoverId;
use lifeboat_core::live_config::GameConfig;
use lifeboat_core::route::Refusal;

use super::super::{Effect, Granted};
use super::fixture::{Fixture, Player, active, live, orders, record, world};

fn change(record: FailoverRecord) -> CatalogChange {
    CatalogChange::Failover(record.id.clone(), Some(record))
}

/// Live config of main, with what follows from that for its open record.
fn edit(fixture: &mut Fixture, target: &str, all_clients: u64) -> Vec<Effect> {
    let main = world("main");
    let next = live("main", target, all_clients, 0);
    let CatalogChange::Live(_, Some(after)) = &next else { panic!("a live config") };
    let catalog = fixture.desk.catalog().clone();
    let before: &GameConfig = &catalog.live(&main).unwrap().game;
    let edit = Edit { catalog: &catalog, world: &main, before, after: &after.game };
    let follows = edit.consequences(fixture.now);
    assert_eq!(follows.begun, [], "nothing begins anew");
    fixture.change([next].into_iter().chain(follows.changed.into_iter().map(change)).collect())
}

#[test]
fn whoever_moves_when_the_override_is_set_after_the_raise_has_its_seat_there() {
    let mut fixture = Fixture::new();
    let players: Vec<_> = (0..20).map(|_| fixture.enter("main", &[])).collect();
    let rejoin = FailoverRecord { kind: Kind::Rejoin, ..record("1", "main", "main", 1, 2.0) };
    fixture.change(vec![live("main", "", 1, 0), change(rejoin)]);
    assert_eq!(fixture.desk.crowd(&world("standby")).seats_used, 0);
    let effects = edit(&mut fixture, "wld_standby", 1);
    assert_eq!(orders(&effects).len(), players.len(), "they are told anew");
    assert_eq!(fixture.desk.crowd(&world("standby")).seats_used, players.len());
    assert_eq!(fixture.desk.crowd(&world("main")).seats_used, players.len(), "and not in both");
    let newcomer = fixture.join("main", None, &[]).unwrap_err();
    assert!(newcomer.retry_after > Some(Duration::from_secs(1)), "movers come first");
    fixture.pass(Duration::from_secs(5));
    for player in &players {
        let granted = fixture.join("main", Some(&player.claims), &[]).unwrap();
        assert_eq!(granted.world, world("standby"));
        let claims = fixture.claims(&granted);
        let back = fixture.open(&claims);
        fixture.say_in_world(&back);
        fixture.pass(Duration::from_millis(200));
    }
    let counts = fixture.counts("1");
    assert_eq!((counts.present, counts.landed), (players.len(), players.len()));
}

/// A failover for which people stay until they are told, with one of them placed; then undone.
fn undone(began: impl Fn(FailoverRecord) -> FailoverRecord) -> (Fixture, Vec<Player>, Vec<Effect>) {
    let mut fixture = Fixture::new();
    let players: Vec<_> = (0..5).map(|_| fixture.enter("main", &[])).collect();
    let began = began(record("1", "main", "standby", 1, 1.0));
    fixture.change(vec![live("main", "wld_standby", 1, 0), change(began.clone())]);
    fixture.pass(Duration::from_millis(500));
    let home = record("2", "main", "main", 1, 10.0);
    let home = FailoverRecord { kind: Kind::Failback, ..home };
    let changes = vec![live("main", "", 1, 1), change(began.cancelled(fixture.now)), change(home)];
    let effects = fixture.change(changes);
    (fixture, players, effects)
}

#[test]
fn whoever_had_not_left_stays_when_a_graceful_failover_is_undone() {
    let (mut fixture, players, effects) =
        undone(|record| FailoverRecord { mode: Mode::Graceful, ..record });
    assert_eq!(orders(&effects), [], "nobody is told to leave");
    let withdrawn = effects.iter().find_map(|effect| match effect {
        Effect::Broadcast { to, text } if text.starts_with(br#"{"type":"hold""#) => Some(to.len()),
        _ => None,
    });
    assert_eq!(withdrawn, Some(players.len()), "their timers stop");
    assert_eq!(fixture.desk.catalog().door_counter(&world("main")), 0, "the servers keep them");
    let counts = fixture.counts("1");
    assert_eq!((counts.landed, counts.pending), (players.len(), 0));
    for player in &players {
        assert_eq!(fixture.open(&player.claims).rejoin, None, "a new channel is not told either");
    }
    // The next one takes everybody along.
    let again = record("3", "main", "standby", 2, 10.0);
    let effects = fixture.change(vec![live("main", "wld_standby", 2, 1), change(again)]);
    assert_eq!(orders(&effects).len(), players.len());
}

#[test]
fn nobody_notices_that_a_failover_which_waited_for_its_target_is_undone() {
    let (fixture, players, effects) = undone(|record| FailoverRecord {
        phase: MovePhase::Held,
        waits_for_target: true,
        nobody_told: true,
        ..record
    });
    assert!(effects.is_empty(), "{effects:?}");
    assert_eq!(fixture.counts("1").landed, players.len());
    assert_eq!(fixture.counts("2").present, 0);
}

#[test]
fn whoever_was_dropped_by_a_failover_that_is_undone_is_told_to_come_back() {
    let (fixture, players, effects) = undone(|record| record);
    assert_eq!(orders(&effects).len(), players.len());
    assert_eq!(fixture.desk.catalog().door_counter(&world("main")), 1);
    assert!(fixture.desk.is_watched(&FailoverId::from_unique("1")));
}

#[test]
fn a_hold_in_the_middle_of_a_chain_does_not_hold_the_way_home_of_its_first_world() {
    let mut fixture = Fixture::new();
    fixture.change(active("first", "first"));
    fixture.change(vec![live("first", "wld_main", 1, 0)]);
    let players: Vec<_> = (0..3).map(|_| fixture.enter("first", &[])).collect();
    let onward = record("1", "main", "standby", 1, 10.0);
    let held = FailoverRecord { phase: MovePhase::Held, ..onward.clone() };
    fixture.change(vec![live("main", "wld_standby", 1, 0), change(onward)]);
    fixture.change(vec![change(held.clone())]);
    let join =
        |fixture: &mut Fixture, player: &Player| fixture.join("first", Some(&player.claims), &[]);
    let code = |refused: Result<_, Refusal>| refused.map(|_: Granted| ()).map_err(|one| one.code);
    assert_eq!(code(join(&mut fixture, &players[0])), Err(ErrorCode::FailoverHeld));
    let home = FailoverRecord { kind: Kind::Failback, ..record("2", "first", "first", 1, 10.0) };
    let effects = fixture.change(vec![live("first", "", 1, 1), change(home)]);
    assert_eq!(orders(&effects).len(), players.len(), "they have turns of their own");
    let moving = FailoverRecord { phase: MovePhase::Moving, ..held.clone() };
    for again in [moving, held] {
        let effects = fixture.change(vec![change(again)]);
        assert!(effects.is_empty(), "nobody here waits for that one: {effects:?}");
    }
    fixture.pass(Duration::from_secs(1));
    for player in &players {
        let granted = join(&mut fixture, player).unwrap();
        assert_eq!(granted.world, world("first"));
        let claims = fixture.claims(&granted);
        let back = fixture.open(&claims);
        fixture.say_in_world(&back);
        fixture.pass(Duration::from_millis(100));
    }
    for failover in ["1", "2"] {
        assert_eq!(fixture.counts(failover).landed, players.len(), "{failover}");
    }
}
