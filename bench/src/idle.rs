//! What a crowd costs that does nothing: heartbeats.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::figures::{Better, Report};
use crate::rig::Rig;
use crate::subject::Lifeboat;
use crate::{crowd, joins, machine};

const SESSIONS: usize = 10_000;
/// Two heartbeats of each session.
const TIME: Duration = Duration::from_secs(30);

/// The share of a core that idle sessions take.
pub(crate) fn measure(program: &Path, report: &mut Report) -> Result<()> {
    let subject = Lifeboat::start(program)?;
    let world = subject.world("Bench")?;
    let mut rig = Rig::new()?;
    let tokens = joins::join(&mut rig, &subject, &world, SESSIONS, "{}")?;
    crowd::fill(&mut rig, subject.address, crowd::channels(&tokens), false)?;
    crowd::rest(&mut rig, Duration::from_secs(1))?;
    let before = machine::cpu(subject.pid())?;
    crowd::rest(&mut rig, TIME)?;
    let cpu = machine::cpu(subject.pid())?.saturating_sub(before);
    let share = cpu.as_secs_f64() / TIME.as_secs_f64() * 100.0;
    report.add("10000 idle sessions, heartbeats every 15 s", "% core", Better::Less, share);
    Ok(())
}
