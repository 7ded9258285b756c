//! What holds after any sequence of events.

use std::time::Duration;

use proptest::prelude::*;

use super::fixture::Bench;
use crate::deployment::ServerPhase;
use crate::ids::ServerId;
use crate::limits::{REPLACEMENT_BACKOFF, REPLACEMENT_WINDOW, REPLACEMENTS_MAX};
use crate::phase::Phase;
use crate::reconcile::{Health, RestartPolicy, stop};
use crate::time::Timestamp;

/// Something that happens to the server at an index, modulo how many there are, or to all.
#[derive(Debug, Clone)]
enum Event {
    Ready(usize),
    Dies(usize),
    Hangs(usize),
    Recovers(usize),
    AsksForShutdown(usize),
    Vanishes(usize),
    EndsAsAsked(usize),
    ControlPlaneCrashes,
    Stop,
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let index = || 0usize..8;
    prop_oneof![
        6 => index().prop_map(Event::Ready),
        2 => index().prop_map(Event::Dies),
        1 => index().prop_map(Event::Hangs),
        1 => index().prop_map(Event::Recovers),
        1 => index().prop_map(Event::AsksForShutdown),
        1 => index().prop_map(Event::Vanishes),
        3 => index().prop_map(Event::EndsAsAsked),
        1 => Just(Event::ControlPlaneCrashes),
        1 => (0u8..20).prop_map(|dice| if dice == 0 { Event::Stop } else { Event::Wait(500) }),
        6 => (1u64..20_000).prop_map(Event::Wait),
        1 => (1u64..600_000).prop_map(Event::Wait),
    ]
}

fn pick(bench: &Bench, index: usize) -> Option<ServerId> {
    let servers = &bench.observed.servers;
    servers.keys().nth(index.checked_rem(servers.len())?).cloned()
}

fn apply(bench: &mut Bench, event: &Event) {
    let server = |bench: &Bench, index: &usize| pick(bench, *index);
    match event {
        Event::Ready(index) => {
            if let Some(server) = server(bench, index) {
                bench.seen(&server).ready = true;
                bench.seen(&server).health = Health::Healthy;
            }
        }
        Event::Dies(index) => {
            if let Some(server) = server(bench, index) {
                bench.end(&server, "ended by signal 9");
            }
        }
        Event::Hangs(index) | Event::Recovers(index) => {
            let is_hung = matches!(event, Event::Hangs(_));
            if let Some(server) = server(bench, index).filter(|id| bench.seen(id).ready) {
                bench.seen(&server).health =
                    if is_hung { Health::Unhealthy } else { Health::Healthy };
            }
        }
        Event::AsksForShutdown(index) => {
            if let Some(server) = server(bench, index) {
                bench.seen(&server).shutdown_requested = true;
            }
        }
        Event::Vanishes(index) => {
            if let Some(server) = server(bench, index) {
                bench.observed.servers.remove(&server);
            }
        }
        Event::EndsAsAsked(index) => {
            if let Some(server) = server(bench, index).filter(|id| bench.seen(id).ending) {
                bench.end(&server, "exited with code 0");
            }
        }
        Event::ControlPlaneCrashes => {
            bench.observed.servers.values_mut().for_each(|seen| seen.ending = false);
        }
        Event::Stop => {
            if let Ok(Some(next)) = stop(&bench.record, "stopped by ops") {
                bench.record = next;
            }
        }
        Event::Wait(ms) => bench.now = bench.now + Duration::from_millis(*ms),
    }
}

/// Lets time pass, deciding whenever a plan asked for it.
fn settle(bench: &mut Bench, starts: &mut Vec<Timestamp>, until: Timestamp) {
    loop {
        let phase = bench.record.phase;
        let plan = bench.decide();
        starts.extend(std::iter::repeat_n(bench.now, plan.starts()));
        check_step(bench, phase);
        assert!(plan.wake_at.is_none_or(|at| at > bench.now), "a plan never wakes at once");
        let again = bench.plan();
        assert!(again.is_empty(), "{again:?} after {plan:?}");
        assert_eq!(again.wake_at, plan.wake_at);
        match plan.wake_at.filter(|at| *at <= until) {
            Some(at) => bench.now = at,
            None => break,
        }
    }
    bench.now = until;
}

fn check_step(bench: &Bench, before: Phase) {
    let record = &bench.record;
    let is_kept = |phase| matches!(phase, ServerPhase::Starting | ServerPhase::Ready);
    let kept = record.servers.iter().filter(|one| is_kept(one.phase)).count();
    assert!(kept <= record.servers_wanted as usize, "{record:?}");
    if before == Phase::Error && record.phase != Phase::Error {
        assert!(bench.now >= record.ends_at, "no decision but the end of time leaves Error");
    }
    match record.phase {
        Phase::Active => assert!(record.takes_people()),
        Phase::Starting => assert!(record.ready_servers().next().is_none()),
        Phase::Inactive => {
            assert!(record.ended_at.is_some() && record.servers.is_empty());
            assert!(bench.observed.servers.values().all(|seen| !seen.alive || seen.ending));
        }
        Phase::Stopping => {
            let is_stopping = |phase| phase == ServerPhase::Stopping;
            assert!(record.servers.iter().all(|one| is_stopping(one.phase)));
        }
        Phase::Error => {}
    }
}

/// No stretch of the window, but for the longest backoff, sees more replacements than allowed.
fn check_replacements(starts: &[Timestamp], wanted: usize) {
    let stretch = REPLACEMENT_WINDOW - REPLACEMENT_BACKOFF * 4;
    let replacements = &starts[wanted.min(starts.len())..];
    for (index, first) in replacements.iter().enumerate() {
        let within =
            replacements[index..].iter().take_while(|at| at.since(*first) < stretch).count();
        assert!(within <= REPLACEMENTS_MAX, "{replacements:?}");
    }
}

fn policies() -> impl Strategy<Value = RestartPolicy> {
    prop_oneof![4 => Just(RestartPolicy::OnFailure), 1 => Just(RestartPolicy::Never)]
}

proptest! {
    #[test]
    fn any_sequence_of_events_keeps_the_invariants_and_a_stop_ends_it(
        servers in 1u32..6,
        restart in policies(),
        events in prop::collection::vec(event(), 1..60),
    ) {
        let mut bench = Bench::launched(servers, restart);
        let mut starts = Vec::new();
        for event in &events {
            let before = bench.now;
            apply(&mut bench, event);
            let until = bench.now;
            bench.now = before;
            settle(&mut bench, &mut starts, until);
        }
        check_replacements(&starts, servers as usize);
        prop_assert!(restart == RestartPolicy::OnFailure || starts.len() <= servers as usize);

        apply(&mut bench, &Event::Stop);
        bench.decide();
        for server in bench.observed.servers.keys().cloned().collect::<Vec<_>>() {
            prop_assert!(bench.seen(&server).ending || !bench.seen(&server).alive);
            bench.end(&server, "exited with code 0");
        }
        bench.decide();
        prop_assert_eq!(bench.record.phase, Phase::Inactive);
        prop_assert!(bench.record.ended_at.is_some());
        prop_assert!(bench.observed.servers.is_empty());
        prop_assert!(bench.plan().is_empty());
    }
}
