//! A value of live config that changes for a full house, and a full house that comes.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use crate::figures::{Better, Report};
use crate::rig::Rig;
use crate::subject::Lifeboat;
use crate::{crowd, joins};

const SESSIONS: usize = 18_000;

/// One change to 18,000, and 18,000 new sessions.
pub(crate) fn measure(program: &Path, report: &mut Report) -> Result<()> {
    let subject = Lifeboat::start(program)?;
    let world = subject.world("Bench")?;
    let mut rig = Rig::new()?;
    let started = Instant::now();
    let tokens = joins::join(&mut rig, &subject, &world, SESSIONS, "{}")?;
    crowd::fill(&mut rig, subject.address, crowd::channels(&tokens), false)?;
    let came = started.elapsed().as_secs_f64();
    report.add("18000 new sessions: joined, channel open", "s", Better::Less, came);
    let change = json!({ "project": { "Stage": { "DoorsOpen": false } } });
    let path = format!("/api/worlds/{world}/live-config");
    let change = subject.operator.request("PATCH", &path, &change);
    let times = crowd::push(&mut rig, subject.address, &change, "DoorsOpen", SESSIONS)?;
    let name = "live config change to 18000 sessions, last client";
    report.add(name, "s", Better::Less, times.last() / 1_000.0);
    Ok(())
}
