//! Seeds: the same one gives the same history, some hundred hold every rule, each planted defect is
//! found, and every seed that once found a defect of ours is kept.

use lifeboat_sim::{Keep, Mutation, simulate};

/// Seeds that every run of the tests looks at.
const SEEDS: u64 = 400;
/// Seeds within which a planted defect has to be found.
const FOUND_WITHIN: u64 = 100;
/// The same for one that shows only after a crash in the first moment of a failover.
const RARE_FOUND_WITHIN: u64 = 500;

fn holds(seed: u64) {
    let outcome = simulate(seed, None, Keep::Hash);
    assert_eq!(outcome.violation, None, "replay it with `make sim SEED={seed}`");
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..20 {
        let [once, again] = [(); 2].map(|()| simulate(seed, None, Keep::Lines));
        assert_eq!(once.lines, again.lines);
        assert_eq!((once.hash, once.events), (again.hash, again.events));
    }
}

#[test]
fn different_seeds_give_different_histories() {
    let hashes: std::collections::BTreeSet<u64> =
        (0..20).map(|seed| simulate(seed, None, Keep::Hash).hash).collect();
    assert_eq!(hashes.len(), 20);
}

#[test]
fn some_hundred_seeds_hold_every_rule() {
    (0..SEEDS).for_each(holds);
}

/// Some seed with this defect breaks this rule.
fn found(mutation: Mutation, rule: &str) {
    found_within(FOUND_WITHIN, mutation, rule);
}

fn found_within(seeds: u64, mutation: Mutation, rule: &str) {
    let broken = |seed| simulate(seed, Some(mutation), Keep::Hash).violation;
    let mut rules = Vec::new();
    let is_found = (0..seeds).filter_map(broken).any(|one| {
        rules.push(one.rule);
        one.rule == rule
    });
    assert!(is_found, "{mutation:?} breaks {rules:?} in {seeds} seeds");
}

#[test]
fn a_restart_that_forgets_the_override_is_found() {
    found(Mutation::RestartForgetsOverride, "a redirect is never undone");
}

#[test]
fn a_restart_that_forgets_the_counters_is_found() {
    found(Mutation::RestartForgetsCounters, "counters only grow");
}

#[test]
fn a_restart_that_forgets_who_was_present_is_found() {
    found(Mutation::RestartForgetsRows, "the present are fixed");
}

#[test]
fn a_token_with_the_counter_of_the_wrong_world_is_found() {
    found(Mutation::TokenCarriesRequestedCounter, "nobody is stranded");
}

#[test]
fn tokens_that_do_not_say_who_was_moved_are_found() {
    let rule = "whoever was present is accounted for";
    found_within(RARE_FOUND_WITHIN, Mutation::TokenForgetsFailover, rule);
}

#[test]
fn a_join_that_does_not_wait_for_its_slot_is_found() {
    found(Mutation::JoinIgnoresSlot, "pacing is within the plan");
}

#[test]
fn arrivals_that_the_ledger_misses_are_found() {
    found(Mutation::ArrivalsAreLost, "nobody is stranded");
}

#[test]
fn a_client_that_stays_connected_to_its_old_world_is_found() {
    found(Mutation::ClientStaysConnected, "two worlds");
}

// Seeds that found defects of ours.

#[test]
fn a_channel_that_never_says_its_hello_is_given_up() {
    [30, 191, 318, 472, 574].into_iter().for_each(holds);
}

#[test]
fn who_comes_back_during_a_hold_goes_on_after_it() {
    [57, 435, 774].into_iter().for_each(holds);
}

#[test]
fn a_client_whose_pushed_placement_was_lost_is_taken_back() {
    [63, 76, 95, 117].into_iter().for_each(holds);
}

#[test]
fn who_is_called_twice_moves_with_the_failover_in_progress() {
    [7_042, 8_473, 9_572, 10_513].into_iter().for_each(holds);
}

#[test]
fn the_last_one_to_land_is_kept_in_the_record() {
    [8_484, 27_427].into_iter().for_each(holds);
}

#[test]
fn who_lost_a_server_of_the_target_stands_in_the_line_of_those_who_come() {
    [122_706].into_iter().for_each(holds);
}

#[test]
fn who_arrives_after_the_middle_of_its_chain_is_back_is_counted() {
    [16_216].into_iter().for_each(holds);
}
