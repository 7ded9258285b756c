//! `make soak`: hours of an event in minutes. A crowd of the SDK's bots in a world and its standby,
//! people who come and go all the time, a change of live config every second, a failover and a
//! failback in every minute. Memory and descriptors have to stay flat, and every move complete.

mod crowd;
mod figure;
mod watch;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use self::crowd::Crowd;
use self::watch::{Sample, Watch};
use crate::figures;
use crate::machine;
use crate::subject::Lifeboat;

/// From one failover to the next; the failback is in the middle.
const PERIOD: Duration = Duration::from_mins(1);
/// How long a failover or failback may take.
const MOVE_LIMIT: Duration = Duration::from_secs(25);
/// Between two looks at everything.
const LOOK: Duration = Duration::from_secs(1);
/// Looks between two lines of the report.
const LOOKS_PER_LINE: u32 = 10;
/// By how much the last quarter may use more than the second.
const GROWTH_MAX: f64 = 1.10;

/// What to do, and for how long.
pub(crate) struct Soak {
    pub(crate) sessions: usize,
    pub(crate) minutes: u64,
}

/// How many moves there were, and how many of them went as they should.
#[derive(Debug, Clone, Copy, Default)]
struct Moves {
    begun: u32,
    complete: u32,
}

impl Soak {
    /// Runs it, prints what is seen, and leaves the memory curve as an SVG.
    ///
    /// # Errors
    /// When a move is not complete, or memory or descriptors grow.
    pub(crate) fn run(&self, program: &Path, svg: &Path) -> Result<()> {
        let subject = Lifeboat::start(program)?;
        let main = subject.world("Soak")?;
        let standby = format!("/api/worlds/{main}/standby");
        let standby = subject.operator.call("POST", &standby, &json!({ "launch": true }))?;
        subject.await_active(standby["id"].as_str().context("the standby's id")?)?;
        let crowd = Crowd::enter(program, &subject, &main, self.sessions)?;
        let (samples, moves) = self.endure(&subject, &main, crowd)?;
        let (memory, descriptors) = (
            Watch::growth(&samples, |sample| sample.memory),
            Watch::growth(&samples, |sample| sample.descriptors),
        );
        let title = format!(
            "{} sessions, {} minutes, {} of {} moves complete",
            self.sessions, self.minutes, moves.complete, moves.begun
        );
        std::fs::write(svg, figure::draw(&title, &samples))?;
        say(&format!(
            "{}\n{title}\nmemory, last quarter against the second: {memory:.3}\n\
             descriptors, last quarter against the second: {descriptors:.3}\n\
             the memory curve is in {}",
            machine::describe(),
            svg.display()
        ));
        if moves.complete < moves.begun {
            bail!("{} moves were not complete", moves.begun - moves.complete);
        }
        if memory > GROWTH_MAX || descriptors > GROWTH_MAX {
            bail!("what is used grows by more than {GROWTH_MAX}");
        }
        Ok(())
    }

    fn endure(
        &self,
        subject: &Lifeboat,
        main: &str,
        mut crowd: Crowd,
    ) -> Result<(Vec<Sample>, Moves)> {
        let started = Instant::now();
        let end = Duration::from_secs(self.minutes * 60);
        let (mut samples, mut moves) = (Vec::new(), Moves::default());
        let mut next_move = PERIOD / 4;
        let mut looks = 0_u32;
        while started.elapsed() < end {
            let passed = started.elapsed();
            if passed >= next_move {
                let is_failover = moves.begun.is_multiple_of(2);
                moves.begun += 1;
                moves.complete += u32::from(relocate(subject, main, is_failover)?);
                next_move += PERIOD / 2;
            }
            let title = json!({ "project": { "Stage": { "Title": format!("Look {looks}") } } });
            let path = format!("/api/worlds/{main}/live-config");
            subject.operator.call("PATCH", &path, &title)?;
            crowd.come_and_go(subject, main)?;
            let sample = Watch::look(subject, passed)?;
            if looks.is_multiple_of(LOOKS_PER_LINE) {
                say(&sample.line(&moves));
            }
            samples.push(sample);
            looks += 1;
            machine::pause(LOOK.saturating_sub(started.elapsed().saturating_sub(passed)));
        }
        Ok((samples, moves))
    }
}

/// One failover or failback; says whether everybody of it is accounted for, and nobody is late.
fn relocate(subject: &Lifeboat, main: &str, is_failover: bool) -> Result<bool> {
    let what = if is_failover { "failover" } else { "failback" };
    let order = json!({ "reason": "soak", "force": true });
    let begun = subject.operator.call("POST", &format!("/api/worlds/{main}/{what}"), &order)?;
    let path = format!("/api/failovers/{}", begun["id"].as_str().context("its id")?);
    let end = Instant::now() + MOVE_LIMIT;
    loop {
        let record = subject.operator.call("GET", &path, &Value::Null)?;
        let count = |name: &str| record["counts"][name].as_u64().unwrap_or(0);
        let is_open = matches!(record["phase"].as_str(), Some("moving" | "held"));
        if !is_open || Instant::now() > end {
            let settled = count("landed") + count("left");
            let is_complete = record["phase"] == "complete" && settled == count("present");
            if !is_complete {
                say(&format!(
                    "the {what} is not complete: {} {}",
                    record["phase"], record["counts"]
                ));
            }
            return Ok(is_complete);
        }
        machine::pause(Duration::from_millis(100));
    }
}

fn say(line: &str) {
    figures::line(line);
}
