//! `lifeboat-sim`: many seeds, one seed with its trace, or a million clients.

use std::process::ExitCode;
use std::time::Instant;

use lifeboat_sim::{Keep, Mutation, million, simulate};

const USAGE: &str = "\
lifeboat-sim run [COUNT] [FIRST]   simulate COUNT seeds from FIRST on (10000 from 0)
lifeboat-sim seed N                simulate one seed and print what happened
lifeboat-sim find                  plant each known defect and print the seed that finds it
lifeboat-sim million [FIGURE]      move a million clients on 100 gateways; write the figure as SVG";

/// Seeds between two lines of progress.
const PROGRESS: u64 = 1_000;
/// Failing seeds that are printed before it is given up.
const FAILURES_MAX: usize = 20;
/// Seeds in which a planted defect has to be found.
const FIND_MAX: u64 = 2_000;

#[expect(clippy::print_stdout, reason = "a command line's output")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |at: usize, default: u64| words.get(at).map_or(Ok(default), |word| word.parse());
    let done = match (words.first(), number(1, 10_000), number(2, 0)) {
        (Some(&"run"), Ok(count), Ok(first)) => run(first, count),
        (Some(&"seed"), Ok(seed), _) => one(seed),
        (Some(&"find"), ..) => find(),
        (Some(&"million"), ..) => move_a_million(words.get(1).copied()),
        _ => {
            println!("{USAGE}");
            false
        }
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "a command line's output")]
#[expect(clippy::cast_precision_loss, reason = "for display")]
fn run(first: u64, count: u64) -> bool {
    let began = Instant::now();
    let (mut failures, mut events) = (0, 0);
    for done in 0..count {
        let outcome = simulate(first + done, None, Keep::Hash);
        events += outcome.events;
        if let Some(violation) = outcome.violation {
            println!("seed {} fails: {violation}", outcome.seed);
            failures += 1;
        }
        let minutes = began.elapsed().as_secs_f64() / 60.0;
        if (done + 1) % PROGRESS == 0 || done + 1 == count {
            let pace = (done + 1) as f64 / minutes;
            println!("{} seeds, {failures} failed, {events} events, {pace:.0} seeds/min", done + 1);
        }
        if failures >= FAILURES_MAX {
            println!("given up after {failures} failures");
            break;
        }
    }
    failures == 0
}

#[expect(clippy::print_stdout, reason = "a command line's output")]
fn one(seed: u64) -> bool {
    let outcome = simulate(seed, None, Keep::Lines);
    for line in &outcome.lines {
        println!("{line}");
    }
    println!("seed {seed}: {} events, trace {:016x}", outcome.events, outcome.hash);
    match &outcome.violation {
        Some(violation) => println!("it fails: {violation}"),
        None => println!("all well {:?} after faults stopped", outcome.settled_after),
    }
    outcome.violation.is_none()
}

#[expect(clippy::print_stdout, reason = "a command line's output")]
fn find() -> bool {
    let mut all_found = true;
    for mutation in Mutation::ALL {
        let found = (0..FIND_MAX).find_map(|seed| {
            let violation = simulate(seed, Some(mutation), Keep::Hash).violation?;
            Some((seed, violation))
        });
        match &found {
            Some((seed, violation)) => println!("{mutation:?}: seed {seed}: {violation}"),
            None => println!("{mutation:?}: not found in {FIND_MAX} seeds"),
        }
        all_found &= found.is_some();
    }
    all_found
}

#[expect(clippy::print_stdout, reason = "a command line's output")]
fn move_a_million(figure: Option<&str>) -> bool {
    let report = million::simulate(&million::Plan::default(), |line| println!("{line}"));
    println!("{report}");
    let Some(path) = figure else { return true };
    match std::fs::write(path, report.figure()) {
        Ok(()) => true,
        Err(error) => {
            println!("{path} cannot be written: {error}");
            false
        }
    }
}
