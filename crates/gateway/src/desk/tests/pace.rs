//! Newcomers beside the people of a move: both together come no faster than planned.

use std::collections::BTreeSet;
use std::time::Duration;

use lifeboat_core::catalog::CatalogChange;
use lifeboat_core::failover::{FailoverRecord, Ledger, MovePhase, Row};
use lifeboat_core::ids::FailoverId;
use lifeboat_core::phase::Phase;
use lifeboat_core::time::Timestamp;

use super::fixture::*;

const STEP: Duration = Duration::from_millis(10);

impl Fixture {
    /// Lets time pass while somebody new asks for main at every step, and those whose slot has come
    /// are placed; says when anybody was placed.
    fn hammered_for(&mut self, span: Duration) -> Vec<Timestamp> {
        let mut placed = Vec::new();
        let end = self.now + span;
        while self.now < end {
            self.pass(STEP);
            let granted = self.desk.tick(self.now).granted.len();
            let newcomers = usize::from(self.join("main", None, &[]).is_ok());
            placed.extend(std::iter::repeat_n(self.now, granted + newcomers));
        }
        placed
    }
}

/// The most that were placed within one second, wherever it begins.
fn busiest(placed: &[Timestamp]) -> usize {
    let within = |first: &Timestamp| {
        placed
            .iter()
            .filter(|at| *first <= **at && at.since(*first) < Duration::from_secs(1))
            .count()
    };
    placed.iter().map(within).max().unwrap_or(0)
}

#[test]
fn newcomers_come_neither_beside_a_move_nor_in_a_burst_after_it() {
    let mut fixture = Fixture::new();
    for _ in 0..30 {
        fixture.enter("main", &["placement"]);
    }
    fixture.pass(Duration::from_secs(5));
    fixture.fail_over(1, 10.0);
    let during = fixture.hammered_for(Duration::from_secs(3));
    let record = fixture.desk.catalog().failover(&FailoverId::from_unique("1")).unwrap();
    let over = FailoverRecord { phase: MovePhase::Cancelled, ..(**record).clone() };
    fixture.change(vec![CatalogChange::Failover(over.id.clone(), Some(over))]);
    let after = fixture.hammered_for(Duration::from_secs(3));
    let all: Vec<_> = during.iter().chain(&after).copied().collect();
    assert!(during.len() >= 29 && after.len() >= 20, "{} and {}", during.len(), after.len());
    assert!(busiest(&all) <= 11, "{} in a second at ten a second", busiest(&all));
}

#[test]
fn the_people_of_two_moves_into_one_world_come_together_no_faster_than_it_takes() {
    let mut fixture = Fixture::new();
    fixture.change(active("other", "other"));
    for _ in 0..20 {
        fixture.enter("main", &["placement"]);
        fixture.enter("other", &["placement"]);
    }
    fixture.pass(Duration::from_secs(5));
    fixture.fail_over(1, 10.0);
    let second = record("2", "other", "standby", 1, 10.0);
    fixture.change(vec![
        live("other", "wld_standby", 1, 0),
        CatalogChange::Failover(second.id.clone(), Some(second)),
    ]);
    let placed = fixture.hammered_for(Duration::from_secs(6));
    assert!(fixture.counts("1").placed == 20 && fixture.counts("2").placed == 20);
    assert!(busiest(&placed) <= 11, "{} in a second at ten a second", busiest(&placed));
}

#[test]
fn after_a_restart_newcomers_wait_until_the_present_could_be_back() {
    let mut fixture = Fixture::new();
    let record = record("1", "main", "standby", 1, 10.0);
    let id = record.id.clone();
    let rows: Vec<Row> = (0..20)
        .map(|number| {
            let row = serde_json::json!({
                "session": format!("ses_{number}"), "user": format!("usr_{number}"), "stage": "pending"
            });
            serde_json::from_value(row).unwrap()
        })
        .collect();
    fixture.change(vec![
        live("main", "wld_standby", 1, 0),
        CatalogChange::Failover(id, Some(record.clone())),
    ]);
    fixture.desk.restore_move(std::sync::Arc::new(record), Ledger::restore(rows), fixture.now);
    assert_eq!(fixture.hammered_for(Duration::from_millis(1_900)), Vec::new());
    let then = fixture.hammered_for(Duration::from_secs(2));
    assert!(then.len() >= 15 && busiest(&then) <= 11, "{} in a second", busiest(&then));
}

#[test]
fn clients_that_die_on_the_way_do_not_slow_the_others_down_for_ever() {
    let mut fixture = Fixture::new();
    for _ in 0..100 {
        fixture.enter("main", &["placement"]);
    }
    fixture.fail_over(1, 10.0);
    let (began, mut placed) = (fixture.now, 0);
    while placed < 100 && fixture.now.since(began) < Duration::from_mins(2) {
        fixture.pass(Duration::from_millis(50));
        for (_, granted) in fixture.desk.tick(fixture.now).granted {
            placed += 1;
            if placed > 40 {
                let claims = fixture.claims(&granted);
                let player = fixture.open(&claims);
                fixture.say_in_world(&player);
            }
        }
    }
    let took = fixture.now.since(began);
    assert!(took < Duration::from_secs(60), "{placed} placed within {took:?}");
}

#[test]
fn the_burst_of_a_world_is_back_a_second_after_a_move_into_it() {
    let mut fixture = Fixture::new();
    fixture.enter("main", &["placement"]);
    fixture.fail_over(1, 10.0);
    assert!(fixture.join("main", None, &[]).is_err(), "the move comes first");
    let record = fixture.desk.catalog().failover(&FailoverId::from_unique("1")).unwrap();
    let over = FailoverRecord { phase: MovePhase::Cancelled, ..(**record).clone() };
    fixture.change(vec![CatalogChange::Failover(over.id.clone(), Some(over))]);
    fixture.desk.tick(fixture.now);
    fixture.pass(Duration::from_secs(20));
    let at_once = (0..20).filter(|_| fixture.join("main", None, &[]).is_ok()).count();
    assert_eq!(at_once, 10);
}

#[test]
fn who_rejoins_without_a_failover_comes_at_the_pace_of_the_world() {
    let mut fixture = Fixture::new();
    let players: Vec<_> = (0..60).map(|_| fixture.enter("main", &[])).collect();
    let id = players[0].claims.dep.clone();
    let mut ended = (**fixture.desk.catalog().deployment(&id).unwrap()).clone();
    ended.phase = Phase::Inactive;
    fixture.change(vec![CatalogChange::Deployment(id, Some(ended))]);
    fixture.pass(Duration::from_secs(60));
    fixture.change(active("main", "next"));
    // Everybody's slot has passed long ago, so everybody asks again and again.
    let (mut waiting, mut placed) = (players, Vec::new());
    for _ in 0..1_000 {
        fixture.pass(STEP);
        waiting.retain(|player| {
            let is_placed = fixture.join("main", Some(&player.claims), &[]).is_ok();
            placed.extend(is_placed.then_some(fixture.now));
            !is_placed
        });
    }
    assert!(waiting.is_empty(), "{} still wait", waiting.len());
    assert!(busiest(&placed) <= 20, "{} in a second at ten a second", busiest(&placed));
    let took = placed[59].since(placed[0]);
    assert!(took >= Duration::from_millis(4_500), "all came within {took:?}");
}

#[test]
fn people_of_a_move_do_not_come_in_a_burst_after_newcomers() {
    let mut fixture = Fixture::new();
    let late = fixture.enter("main", &["placement"]);
    fixture.desk.closed(late.key, late.conn, fixture.now);
    fixture.pass(Duration::from_secs(5));
    fixture.fail_over(1, 10.0);
    // Nobody moves for a while, so newcomers have the pace to themselves.
    let mut placed = fixture.hammered_for(Duration::from_millis(2_950));
    let mut claims = late.claims;
    for number in 0..5 {
        claims.ses = lifeboat_core::ids::SessionId::from_unique(&format!("late-{number}"));
        claims.sub = lifeboat_core::ids::User::guest(&format!("late-{number}"));
        fixture.open(&claims);
    }
    placed.extend(fixture.hammered_for(Duration::from_secs(2)));
    assert!(placed.len() >= 40, "{}", placed.len());
    assert!(busiest(&placed) <= 11, "{} in a second at ten a second", busiest(&placed));
}

#[test]
fn newcomers_who_wait_as_told_ask_twice_and_come_at_the_pace_of_the_world() {
    let mut fixture = Fixture::new();
    let mut asks: BTreeSet<_> = (0..80).map(|who| (fixture.now, who)).collect();
    let (mut asked, mut placed) = (0, Vec::new());
    while let Some((at, who)) = asks.pop_first() {
        fixture.now = at;
        asked += 1;
        match fixture.join("main", None, &[]) {
            Ok(_) => placed.push(at),
            Err(refusal) => {
                asks.insert((at + refusal.retry_after.unwrap(), who));
            }
        }
    }
    assert_eq!((placed.len(), asked), (80, 10 + 70 * 2));
    assert!(busiest(&placed) <= 20, "{} in a second at ten a second", busiest(&placed));
    let took = placed[79].since(START);
    assert!(took <= Duration::from_millis(7_600), "the last came after {took:?}");
}
