//! `make bench`: Lifeboat against the limit of the machine, a bare epoll server that does nothing
//! but hold sockets and write to them. Both are measured in one run, turn and turn about, with the
//! same load generator (one thread), servers on one core and the generator on another.

mod aims;
mod bare;
mod crowd;
mod evacuation;
mod fanout;
mod figures;
mod idle;
mod joins;
mod live_values;
mod machine;
mod operator;
mod rig;
mod secured;
mod soak;
mod socket;
mod subject;
mod wire;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use figures::{Better, Report};

/// Measures Lifeboat on this machine.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// How many sessions, one series each. A process here may hold 20,000 sockets.
    #[arg(long, value_delimiter = ',', default_value = "1000,5000,10000,19000")]
    sessions: Vec<usize>,
    /// How often everything is measured; the table has the medians.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The program that is measured.
    #[arg(long, default_value = "target/release/lifeboat")]
    program: PathBuf,
    /// Where the figures are left for programs, every round of them.
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
    /// Only the parts whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
}

#[derive(Subcommand)]
enum Part {
    /// Hours of an event in minutes: memory and descriptors have to stay flat, every move complete.
    Soak {
        /// How many people.
        #[arg(long, default_value_t = 2000)]
        sessions: usize,
        /// For how long.
        #[arg(long, default_value_t = 20)]
        minutes: u64,
        /// Where the memory curve is left.
        #[arg(long, default_value = "docs/figures/soak.svg")]
        figure: PathBuf,
    },
    /// The bare server; started by the benchmark itself.
    #[command(hide = true)]
    Bare,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if matches!(args.part, Some(Part::Bare)) {
        return bare::serve();
    }
    let program = args.program.canonicalize().with_context(|| {
        format!("{} is not there; `make bench` builds it", args.program.display())
    })?;
    if let Some(Part::Soak { sessions, minutes, figure }) = args.part {
        return soak::Soak { sessions, minutes }.run(&program, &figure);
    }
    let mut report = Report::new(&program, args.rounds)?;
    let wanted = |part: &str| part.contains(args.only.as_str());
    for round in 1..=args.rounds {
        let mut costs = Vec::new();
        for &sessions in &args.sessions {
            if wanted("fanout") {
                figures::progress(round, args.rounds, &format!("fan-out to {sessions}"));
                costs.push(fanout::measure(&program, sessions, &mut report)?);
            }
        }
        if let [smallest, .., largest] = costs[..] {
            report.add(aims::GROWTH, "x", Better::Less, largest / smallest);
        }
        for (part, measure) in PARTS {
            if wanted(part) {
                figures::progress(round, args.rounds, part);
                measure(&program, &mut report)?;
            }
        }
    }
    report.print()?;
    report.write(&args.json)
}

type Measure = fn(&std::path::Path, &mut Report) -> Result<()>;

/// What is measured at one size only.
const PARTS: [(&str, Measure); 5] = [
    ("joins", joins::measure),
    ("idle", idle::measure),
    ("live-values", live_values::measure),
    ("evacuation", evacuation::measure),
    ("tls", secured::measure),
];
