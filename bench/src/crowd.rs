//! A crowd of open WebSockets, and the wait until all of them have read something.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::figures::{median, ms, percentile};
use crate::rig::{Rig, Script};
use crate::wire::{self, Piece};

/// Connections that are being opened at the same time.
const IN_FLIGHT: usize = 128;
/// The longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(120);
/// Low bits of a tag that say what a client's connection is; zero is its channel.
pub(crate) const TAG_BITS: u32 = 2;
/// The tag of the connection that the operator writes on.
const OPERATOR: u64 = u64::MAX;

/// Opens a WebSocket for every request and awaits its first frame, or with `silent` servers the
/// end of the handshake. Says how long that took.
pub(crate) fn fill(
    rig: &mut Rig,
    to: SocketAddr,
    requests: Vec<Vec<u8>>,
    is_silent: bool,
) -> Result<Duration> {
    let started = Instant::now();
    let mut script = Filling { to, requests, next: 0, open: 0, is_silent };
    for _ in 0..IN_FLIGHT.min(script.requests.len()) {
        script.open_next(rig)?;
    }
    rig.run(&mut script, LIMIT)?;
    Ok(started.elapsed())
}

/// The requests that open session channels with these tokens.
pub(crate) fn channels(tokens: &[String]) -> Vec<Vec<u8>> {
    let protocols = |token: &String| format!("lifeboat.v1, token.{token}");
    tokens.iter().map(|token| wire::upgrade("/session", &protocols(token))).collect()
}

struct Filling {
    to: SocketAddr,
    requests: Vec<Vec<u8>>,
    next: usize,
    open: usize,
    is_silent: bool,
}

impl Filling {
    fn open_next(&mut self, rig: &mut Rig) -> Result<()> {
        if let Some(request) = self.requests.get(self.next) {
            rig.open(self.to, u64::try_from(self.next)? << TAG_BITS, request)?;
            self.next += 1;
        }
        Ok(())
    }
}

impl Script for Filling {
    fn read(&mut self, rig: &mut Rig, _key: usize, _tag: u64, piece: &Piece<'_>) -> Result<()> {
        match piece {
            Piece::Response(101, _) if self.is_silent => {}
            Piece::Response(101, _) => return Ok(()),
            Piece::Text(text) if wire::find(text, b"\"hello\"").is_some() => {}
            Piece::Text(_) => return Ok(()),
            Piece::Response(status, _) => bail!("a handshake was answered {status}"),
            Piece::Close => bail!("a channel was closed"),
        }
        self.open += 1;
        self.open_next(rig)
    }

    fn is_done(&self) -> bool {
        self.open >= self.requests.len()
    }

    fn progress(&self) -> String {
        format!("{} of {} are open", self.open, self.requests.len())
    }
}

/// When each client had read what was pushed, from just before the operator's write.
pub(crate) struct Times(Vec<f64>);

impl Times {
    pub(crate) fn first(&self) -> f64 {
        percentile(&self.0, 0.0)
    }

    pub(crate) fn half(&self) -> f64 {
        median(&self.0)
    }

    pub(crate) fn last(&self) -> f64 {
        percentile(&self.0, 1.0)
    }
}

/// Has the operator write `request`, and awaits that `count` clients have read a frame with `mark`.
pub(crate) fn push(
    rig: &mut Rig,
    to: SocketAddr,
    request: &[u8],
    mark: &'static str,
    count: usize,
) -> Result<Times> {
    let mut script = Pushed { started: Instant::now(), mark, count, times: Vec::new() };
    rig.open(to, OPERATOR, request)?;
    rig.run(&mut script, LIMIT)?;
    Ok(Times(script.times))
}

struct Pushed {
    started: Instant,
    mark: &'static str,
    count: usize,
    times: Vec<f64>,
}

impl Script for Pushed {
    fn read(&mut self, rig: &mut Rig, key: usize, tag: u64, piece: &Piece<'_>) -> Result<()> {
        match piece {
            Piece::Response(status, _) if tag == OPERATOR && (200..300).contains(status) => {
                rig.close(key);
            }
            Piece::Response(status, body) => {
                bail!("answered {status}: {}", String::from_utf8_lossy(body))
            }
            Piece::Text(text) if wire::find(text, self.mark.as_bytes()).is_some() => {
                self.times.push(ms(self.started.elapsed()));
            }
            Piece::Text(text) => answer(rig, key, text)?,
            Piece::Close => bail!("a channel was closed"),
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.times.len() >= self.count
    }

    fn progress(&self) -> String {
        format!("{} of {} have read `{}`", self.times.len(), self.count, self.mark)
    }

    fn closed(&mut self, _rig: &mut Rig, tag: u64) -> Result<()> {
        if tag == OPERATOR { Ok(()) } else { bail!("channel {tag} was closed") }
    }
}

/// Keeps a crowd alive for a time: heartbeats are answered, everything else is ignored.
pub(crate) fn rest(rig: &mut Rig, time: Duration) -> Result<()> {
    rig.run_for(&mut Resting, time)
}

struct Resting;

impl Script for Resting {
    fn read(&mut self, rig: &mut Rig, key: usize, tag: u64, piece: &Piece<'_>) -> Result<()> {
        match piece {
            Piece::Text(text) => answer(rig, key, text),
            _ if tag == OPERATOR => Ok(()),
            _ => bail!("a channel was closed"),
        }
    }

    fn is_done(&self) -> bool {
        false
    }

    fn progress(&self) -> String {
        "resting".to_owned()
    }

    fn closed(&mut self, _rig: &mut Rig, tag: u64) -> Result<()> {
        if tag == OPERATOR { Ok(()) } else { bail!("channel {tag} was closed") }
    }
}

fn answer(rig: &mut Rig, key: usize, text: &[u8]) -> Result<()> {
    if wire::find(text, b"\"ping\"").is_some() {
        rig.send(key, &wire::masked(r#"{"type":"pong"}"#))?;
    }
    Ok(())
}
