//! Joins over kept connections: for their own figure, and as the beginning of all others.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::figures::{Better, Report};
use crate::machine;
use crate::rig::{Rig, Script};
use crate::subject::Lifeboat;
use crate::wire::{self, Piece};

/// Connections that ask in turn.
const CONNECTIONS: usize = 64;
/// Joins of the measurement.
const JOINS: usize = 20_000;
/// The longest that a measurement may take.
const LIMIT: Duration = Duration::from_secs(120);

/// The session tokens of a crowd that joins `world`.
pub(crate) fn join(
    rig: &mut Rig,
    subject: &Lifeboat,
    world: &str,
    count: usize,
    client: &str,
) -> Result<Vec<String>> {
    let request = wire::request(
        "POST",
        &format!("/api/worlds/{world}/join"),
        None,
        &format!("{{\"client\":{client}}}"),
    );
    let mut script = Joins { request, asked: 0, wanted: count, tokens: Vec::new() };
    let connections = CONNECTIONS.min(count);
    for _ in 0..connections {
        rig.open(subject.address, 0, &script.request)?;
        script.asked += 1;
    }
    rig.run(&mut script, LIMIT)?;
    Ok(script.tokens)
}

struct Joins {
    request: Vec<u8>,
    asked: usize,
    wanted: usize,
    tokens: Vec<String>,
}

impl Script for Joins {
    fn read(&mut self, rig: &mut Rig, key: usize, _tag: u64, piece: &Piece<'_>) -> Result<()> {
        let Piece::Response(status, body) = piece else { bail!("a frame where none was expected") };
        match (status, wire::value(body, "sessionToken")) {
            (200, Some(token)) => self.tokens.push(token.to_owned()),
            _ => bail!("a join was answered {status}: {}", String::from_utf8_lossy(body)),
        }
        if self.asked < self.wanted {
            self.asked += 1;
            rig.send(key, &self.request)?;
        } else {
            rig.close(key);
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.tokens.len() >= self.wanted
    }

    fn progress(&self) -> String {
        format!("{} of {} have joined", self.tokens.len(), self.wanted)
    }
}

/// Joins per second and core.
pub(crate) fn measure(program: &std::path::Path, report: &mut Report) -> Result<()> {
    let subject = Lifeboat::start(program)?;
    let world = subject.world("Bench")?;
    let mut rig = Rig::new()?;
    let (cpu, started) = (machine::cpu(subject.pid())?, Instant::now());
    let tokens = join(&mut rig, &subject, &world, JOINS, "{}")?;
    let (wall, cpu) = (started.elapsed(), machine::cpu(subject.pid())?.saturating_sub(cpu));
    let count = f64::from(u32::try_from(tokens.len())?);
    report.add(
        "joins per second and core of the server",
        "1/s",
        Better::More,
        count / cpu.as_secs_f64(),
    );
    report.add("joins per second, wall clock", "1/s", Better::More, count / wall.as_secs_f64());
    Ok(())
}
