//! The people of a soak: most stay, some come and go. They are bots of the SDK, in processes of
//! their own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::machine;
use crate::subject::Lifeboat;

/// One in so many does not stay.
const COMERS_SHARE: usize = 20;
/// How long those who do not stay are there.
const VISIT: Duration = Duration::from_secs(12);
/// Bots that come per second.
const RAMP_PER_SECOND: usize = 400;

/// The people of a soak.
pub(crate) struct Crowd {
    program: PathBuf,
    _stayers: Bots,
    comers: Bots,
    comers_count: usize,
    came_at: Instant,
    visits: u32,
}

impl Crowd {
    /// Brings everybody in.
    pub(crate) fn enter(
        program: &Path,
        subject: &Lifeboat,
        world: &str,
        sessions: usize,
    ) -> Result<Self> {
        let comers_count = (sessions / COMERS_SHARE).max(1);
        let stayers = Bots::start(program, subject, world, sessions - comers_count, 1)?;
        let comers = Bots::start(program, subject, world, comers_count, 2)?;
        let path = format!("/api/worlds/{world}");
        let wanted = u64::try_from(sessions)?;
        subject.operator.until(&path, |world| world["status"]["sessions"] == wanted)?;
        Ok(Self {
            program: program.to_owned(),
            _stayers: stayers,
            comers,
            comers_count,
            came_at: Instant::now(),
            visits: 2,
        })
    }

    /// Sends those who have been there long enough away, and others in.
    pub(crate) fn come_and_go(&mut self, subject: &Lifeboat, world: &str) -> Result<()> {
        if self.came_at.elapsed() < VISIT {
            return Ok(());
        }
        self.came_at = Instant::now();
        self.visits += 1;
        let next =
            Bots::start(&self.program, subject, world, self.comers_count, u64::from(self.visits))?;
        // Those from before say goodbye as they are replaced.
        self.comers = next;
        Ok(())
    }
}

/// A process of bots; asked to end when dropped.
struct Bots(Child);

impl Bots {
    fn start(
        program: &Path,
        subject: &Lifeboat,
        world: &str,
        count: usize,
        seed: u64,
    ) -> Result<Self> {
        let ramp = count.div_ceil(RAMP_PER_SECOND).to_string();
        let url = format!("http://{}", subject.address);
        let child = Command::new(program)
            .args(["bots", "--standing", "--world", world, "--url", &url])
            .args(["--count", &count.to_string(), "--ramp", &ramp, "--seed", &seed.to_string()])
            .env("LIFEBOAT_API_KEY", subject.operator.key())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting the bots")?;
        Ok(Self(child))
    }
}

impl Drop for Bots {
    fn drop(&mut self) {
        machine::end_kindly(&mut self.0, Duration::from_secs(10));
    }
}
