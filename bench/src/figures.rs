//! The figures: every round's value is kept, the table shows medians beside the aims.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use comfy_table::Table;
use serde_json::{Value, json};

use crate::aims::{self, Aim};
use crate::machine;

/// Which way a figure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
    /// It is there to compare with.
    Neither,
}

struct Figure {
    name: String,
    unit: &'static str,
    better: Better,
    rounds: Vec<f64>,
}

impl Figure {
    fn median(&self) -> f64 {
        median(&self.rounds)
    }

    fn verdict(&self, aim: &Aim) -> &'static str {
        let reaches = |bound: f64| match self.better {
            Better::More => self.median() >= bound,
            Better::Less => self.median() <= bound,
            Better::Neither => false,
        };
        match (reaches(aim.strive), reaches(aim.must)) {
            (true, _) => "strive",
            (false, true) => "must",
            (false, false) => "misses",
        }
    }
}

/// All figures of a run.
pub(crate) struct Report {
    program: String,
    rounds: usize,
    load_before: String,
    figures: Vec<Figure>,
}

impl Report {
    pub(crate) fn new(program: &Path, rounds: usize) -> Result<Self> {
        machine::stay_on(machine::GENERATOR)?;
        let program = program.display().to_string();
        Ok(Self { program, rounds, load_before: machine::load(), figures: Vec::new() })
    }

    /// One round's value of a figure.
    pub(crate) fn add(&mut self, name: &str, unit: &'static str, better: Better, value: f64) {
        match self.figures.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.rounds.push(value),
            None => {
                let (name, rounds) = (name.to_owned(), vec![value]);
                self.figures.push(Figure { name, unit, better, rounds });
            }
        }
    }

    /// Prints the table.
    pub(crate) fn print(&self) -> Result<()> {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::ASCII_MARKDOWN);
        table.set_header(["figure", "median", "best", "worst", "unit", "must", "strive for", ""]);
        for figure in &self.figures {
            let sorted = sorted(&figure.rounds);
            let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
            let (best, worst) =
                if figure.better == Better::More { (most, least) } else { (least, most) };
            let aim = aims::of(&figure.name);
            let bound = |value: fn(&Aim) -> f64| aim.map(value).map_or_else(String::new, short);
            table.add_row([
                figure.name.clone(),
                short(figure.median()),
                short(best),
                short(worst),
                figure.unit.to_owned(),
                bound(|aim| aim.must),
                bound(|aim| aim.strive),
                aim.map_or("", |aim| figure.verdict(aim)).to_owned(),
            ]);
        }
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{}, {} rounds", machine::describe(), self.rounds)?;
        writeln!(
            stdout,
            "servers on core {}, generator on core {}; load average before {}, after {}\n",
            machine::SERVERS,
            machine::GENERATOR,
            self.load_before,
            machine::load()
        )?;
        writeln!(stdout, "{table}")?;
        Ok(())
    }

    /// Leaves every round's values for programs.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let figures: Vec<Value> = self
            .figures
            .iter()
            .map(|figure| {
                json!({
                    "name": figure.name,
                    "unit": figure.unit,
                    "median": figure.median(),
                    "must": aims::of(&figure.name).map(|aim| aim.must),
                    "striveFor": aims::of(&figure.name).map(|aim| aim.strive),
                    "rounds": figure.rounds,
                })
            })
            .collect();
        let report = json!({
            "machine": machine::describe(),
            "loadBefore": self.load_before,
            "loadAfter": machine::load(),
            "program": self.program,
            "rounds": self.rounds,
            "figures": figures,
        });
        std::fs::write(path, format!("{report:#}\n"))?;
        Ok(())
    }
}

/// Says on standard error what is being measured.
pub(crate) fn progress(round: usize, rounds: usize, what: &str) {
    // There is nobody left to tell that standard error takes no more.
    let _ = writeln!(std::io::stderr(), "round {round} of {rounds}: {what}");
}

/// A line of the output.
pub(crate) fn line(text: &str) {
    // There is nobody left to tell that standard output takes no more.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Milliseconds.
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The middle value; of an even number the lower of the two.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// The value below or at which this share of all values lies.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let sorted = sorted(values);
    if sorted.is_empty() {
        return 0.0;
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length is an index"
    )]
    let index = ((sorted.len() - 1) as f64 * share).floor() as usize;
    sorted[index]
}

/// Three or four digits.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
