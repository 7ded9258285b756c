//! The fan-out: one operator's write, and the time until the last of N clients has read the order
//! to leave. The first push of a fresh process is the one that counts: a real failover is the first
//! of its kind, and it is the one that opens a ledger.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::figures::{Better, Report};
use crate::rig::Rig;
use crate::subject::{Bare, Lifeboat};
use crate::{crowd, joins, machine, wire};

/// How long the server has to finish what a push has left to be done.
const SETTLE: Duration = Duration::from_millis(1_500);
/// How long a server is left alone before its memory is read.
const CALM: Duration = Duration::from_millis(500);

/// Both servers with `sessions` clients, one after the other. Gives Lifeboat's CPU time a push in
/// microseconds.
pub(crate) fn measure(program: &Path, sessions: usize, report: &mut Report) -> Result<f64> {
    let (bare_last, bare_cost) = bare(sessions, report)?;
    let (last, cost) = lifeboat(program, sessions, report)?;
    let name = |what: &str| format!("fan-out to {sessions}, {what}, ratio to bare");
    report.add(&name("last client"), "x", Better::Less, last / bare_last);
    report.add(&name("server CPU a push"), "x", Better::Less, cost / bare_cost);
    Ok(cost)
}

fn bare(sessions: usize, report: &mut Report) -> Result<(f64, f64)> {
    let subject = Bare::start()?;
    let mut rig = Rig::new()?;
    let requests = (0..sessions).map(|_| wire::upgrade("/", "")).collect();
    crowd::fill(&mut rig, subject.address, requests, true)?;
    let before = machine::cpu(subject.pid())?;
    let push = wire::request("POST", "/push", None, "");
    let times = crowd::push(&mut rig, subject.address, &push, "forceDisconnect", sessions)?;
    let cpu = machine::cpu(subject.pid())?.saturating_sub(before);
    let n = f64::from(u32::try_from(sessions)?);
    let name = |what: &str| format!("fan-out to {sessions}, {what}, bare");
    report.add(&name("last client"), "ms", Better::Neither, times.last());
    let cost = cpu.as_secs_f64() * 1e6 / n;
    report.add(&name("server CPU a push"), "us", Better::Neither, cost);
    Ok((times.last(), cost))
}

fn lifeboat(program: &Path, sessions: usize, report: &mut Report) -> Result<(f64, f64)> {
    let subject = Lifeboat::start(program)?;
    let world = subject.world("Bench")?;
    let mut rig = Rig::new()?;
    // What joins of connections that are gone again have left in memory is not the sessions'.
    let empty = machine::resident(subject.pid())?;
    let tokens = joins::join(&mut rig, &subject, &world, sessions, "{}")?;
    let filled = crowd::fill(&mut rig, subject.address, crowd::channels(&tokens), false)?;
    crowd::rest(&mut rig, CALM)?;
    let n = f64::from(u32::try_from(sessions)?);
    let name = |what: &str| format!("fan-out to {sessions}, {what}");
    let resident = (machine::resident(subject.pid())? - empty) / n / 1024.0;
    report.add(
        &format!("resident memory per session at {sessions}"),
        "KiB",
        Better::Less,
        resident,
    );
    report.add(&format!("{sessions} channels opened"), "s", Better::Less, filled.as_secs_f64());

    let path = format!("/api/worlds/{world}/live-config/increment");
    let raise = json!({ "path": "/game/ForceDisconnect/AllClients" });
    let raise = subject.operator.request("POST", &path, &raise);
    let before = machine::cpu(subject.pid())?;
    let times = crowd::push(&mut rig, subject.address, &raise, "forceDisconnect", sessions)?;
    let pushed = machine::cpu(subject.pid())?.saturating_sub(before);
    crowd::rest(&mut rig, SETTLE)?;
    let settled = machine::cpu(subject.pid())?.saturating_sub(before);
    let us = |cpu: Duration| cpu.as_secs_f64() * 1e6 / n;
    report.add(&name("first client"), "ms", Better::Less, times.first());
    report.add(&name("half"), "ms", Better::Less, times.half());
    report.add(&name("last client"), "ms", Better::Less, times.last());
    report.add(&name("server CPU a push"), "us", Better::Less, us(pushed));
    report.add(&name("server CPU a push, ledger kept"), "us", Better::Less, us(settled));
    Ok((times.last(), us(pushed)))
}
