//! `lifeboat-sim`: many seeds, or one with its trace.

use std::process::ExitCode;
use std::time::Instant;

use lifeboat_sim::{Keep, simulate};

#[expect(clippy::print_stdout, reason = "a command line's output")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["seed", seed] => {
            let outcome = simulate(seed.parse().unwrap_or(0), None, Keep::Lines);
            for line in &outcome.lines {
                println!("{line}");
            }
            println!("{:?}", outcome.violation);
            ExitCode::SUCCESS
        }
        ["run", count] => {
            let began = Instant::now();
            let count: u64 = count.parse().unwrap_or(1);
            for seed in 0..count {
                let outcome = simulate(seed, None, Keep::Hash);
                if let Some(violation) = outcome.violation {
                    println!("seed {seed}: {violation}");
                }
            }
            println!("{count} seeds in {:?}", began.elapsed());
            ExitCode::SUCCESS
        }
        _ => ExitCode::FAILURE,
    }
}
