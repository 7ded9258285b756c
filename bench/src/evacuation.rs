//! A whole evacuation: everyone is ordered out of one world and is let into another, tickets signed
//! by Lifeboat and checked by plaza, until the last one is in. Beside it the bare server's: pushed,
//! closed, asked where to go (or not), opened at another bare server.

mod guides;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use self::guides::{Bound, Guests};
use crate::figures::{Better, Report, ms};
use crate::rig::{Rig, Script};
use crate::subject::{Bare, Lifeboat};
use crate::wire::{self, Piece};
use crate::{crowd, joins, machine};

/// Each client has two sockets, its channel and its game connection, and a process 20,000.
const CLIENTS: usize = 9_800;
/// Clients that connect at the same time; the others wait, and their waiting counts.
const IN_FLIGHT: usize = 256;
const LIMIT: Duration = Duration::from_secs(120);

/// What a connection is, in the low bits of its tag; the client is above.
const CHANNEL: u64 = 0;
const ASKING: u64 = 1;
const GAME: u64 = 2;
const OPERATOR: u64 = 3;

/// The evacuation of clients that ask and connect their channel anew.
const RECONNECTING: &str = "by join and a new channel";

/// How clients find out where to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// They ask on a fresh connection. Lifeboat's begin their channel anew with the answer.
    Ask,
    /// They ask, and connect the channel anew with the answer.
    AskAndReconnect,
    /// The push says it.
    Told,
}

/// All evacuations.
pub(crate) fn measure(program: &Path, report: &mut Report) -> Result<()> {
    let asked = bare(Way::Ask, report)?;
    bare(Way::Told, report)?;
    let placements = lifeboat(program, Way::Told, report)?;
    let by_join = lifeboat(program, Way::Ask, report)?;
    let reconnecting = lifeboat(program, Way::AskAndReconnect, report)?;
    let mut ratio = |what: &str, value: f64| {
        let name = format!("evacuation of {CLIENTS} {what}, last in world, ratio to bare");
        report.add(&name, "x", Better::Less, value / asked);
    };
    ratio("by placements", placements);
    ratio("by join", by_join);
    ratio(RECONNECTING, reconnecting);
    Ok(())
}

fn bare(way: Way, report: &mut Report) -> Result<f64> {
    let (from, to) = (Bare::start()?, Bare::start()?);
    let mut rig = Rig::new()?;
    let upgrade = wire::upgrade("/", "");
    let requests = vec![upgrade.clone(); CLIENTS];
    crowd::fill(&mut rig, from.address, requests, true)?;
    let before = machine::cpu(from.pid())? + machine::cpu(to.pid())?;
    let script = Bound {
        way,
        asks: wire::request("GET", "/where", None, ""),
        from: from.address,
        to: to.address,
        upgrade,
        arrived: 0,
    };
    let push = wire::request("POST", "/push", None, "");
    let last = run(&mut rig, from.address, &push, &mut Evacuation::new(Box::new(script)))?;
    let cpu = (machine::cpu(from.pid())? + machine::cpu(to.pid())?).saturating_sub(before);
    let name = match way {
        Way::Ask | Way::AskAndReconnect => "asks where",
        Way::Told => "is told where",
    };
    say(report, &format!("bare, client {name}"), last, cpu, Better::Neither)?;
    Ok(last)
}

fn lifeboat(program: &Path, way: Way, report: &mut Report) -> Result<f64> {
    let subject = Lifeboat::start(program)?;
    let main = subject.world("Bench")?;
    let standby = subject.operator.call(
        "POST",
        &format!("/api/worlds/{main}/standby"),
        &json!({"launch": true}),
    )?;
    let standby = standby["id"].as_str().context("the standby's id")?.to_owned();
    subject.await_active(&standby)?;
    let mut rig = Rig::new()?;
    let client = match way {
        Way::Told => r#"{"accepts":["placement"]}"#,
        Way::Ask | Way::AskAndReconnect => "{}",
    };
    let tokens = joins::join(&mut rig, &subject, &main, CLIENTS, client)?;
    crowd::fill(&mut rig, subject.address, crowd::channels(&tokens), false)?;
    crowd::rest(&mut rig, Duration::from_millis(500))?;
    let game_servers = game_servers(&subject, &standby)?;
    let own_before = machine::cpu(subject.pid())?;
    let game_before = total_cpu(&game_servers)?;
    let script = Guests::new(way, subject.address, &main, tokens);
    let order = json!({
        "reason": "benchmark", "force": true, "maxRejoinsPerSecond": 1_000_000,
    });
    let order = subject.operator.request("POST", &format!("/api/worlds/{main}/failover"), &order);
    let mut evacuation = Evacuation::new(Box::new(script));
    let last = run(&mut rig, subject.address, &order, &mut evacuation)?;
    let own = machine::cpu(subject.pid())?.saturating_sub(own_before);
    let game = total_cpu(&game_servers)?.saturating_sub(game_before);
    let name = match way {
        Way::Told => "by placements",
        Way::Ask => "by join",
        Way::AskAndReconnect => RECONNECTING,
    };
    say(report, name, last, own + game, Better::Less)?;
    let us = own.as_secs_f64() * 1e6 / f64::from(u32::try_from(CLIENTS)?);
    let name = format!("evacuation of {CLIENTS} {name}, of it the control plane's");
    report.add(&name, "us", Better::Less, us);
    // The last words of the clients are on their way still.
    crowd::rest(&mut rig, Duration::from_secs(1))?;
    let failovers = subject.operator.call("GET", "/api/failovers", &Value::Null)?;
    let counts = &failovers["items"][0]["counts"];
    if counts["landed"] != CLIENTS {
        bail!("not everyone has landed: {counts}");
    }
    Ok(last)
}

fn run(rig: &mut Rig, to: SocketAddr, order: &[u8], script: &mut Evacuation) -> Result<f64> {
    let started = Instant::now();
    rig.open(to, OPERATOR, order)?;
    rig.run(script, LIMIT)?;
    Ok(ms(started.elapsed()))
}

fn say(report: &mut Report, name: &str, last: f64, cpu: Duration, better: Better) -> Result<()> {
    let n = f64::from(u32::try_from(CLIENTS)?);
    let name = format!("evacuation of {CLIENTS} {name}");
    report.add(&format!("{name}, last in world"), "ms", better, last);
    let cpu = cpu.as_secs_f64() * 1e6 / n;
    report.add(&format!("{name}, server CPU a client"), "us", better, cpu);
    Ok(())
}

/// The processes of the world that everyone moves to.
fn game_servers(subject: &Lifeboat, world: &str) -> Result<Vec<u32>> {
    let path = format!("/api/worlds/{world}/deployments");
    let deployments = subject.operator.call("GET", &path, &Value::Null)?;
    let servers = deployments["items"][0]["servers"].as_array().context("servers")?;
    Ok(servers.iter().filter_map(|one| u32::try_from(one["pid"].as_u64()?).ok()).collect())
}

fn total_cpu(pids: &[u32]) -> Result<Duration> {
    pids.iter().map(|pid| machine::cpu(*pid)).sum()
}

/// The clients of one evacuation, whatever they are evacuated from.
struct Evacuation {
    guide: Box<dyn Guide>,
    /// Connections to be opened as soon as fewer are in flight.
    waiting: VecDeque<Step>,
    in_flight: usize,
}

/// A connection to be opened, for a client.
struct Step {
    to: SocketAddr,
    tag: u64,
    request: Vec<u8>,
    /// A connection of the client that it gives up for this.
    closes: Option<usize>,
}

/// What the clients of one kind of server do next.
trait Guide {
    /// A frame came over the channel of `client`.
    fn told(&mut self, rig: &mut Rig, key: usize, client: u64, text: &[u8])
    -> Result<Option<Step>>;
    /// Its question was answered.
    fn answered(
        &mut self,
        rig: &mut Rig,
        client: u64,
        status: u16,
        body: &[u8],
    ) -> Result<Vec<Step>>;
    /// A piece came over its new game connection; says whether that let the client in.
    fn is_in(&mut self, rig: &mut Rig, client: u64, piece: &Piece<'_>) -> Result<bool>;
    /// How many clients are where they were to go.
    fn arrived(&self) -> usize;
}

impl Evacuation {
    fn new(guide: Box<dyn Guide>) -> Self {
        Self { guide, waiting: VecDeque::new(), in_flight: 0 }
    }

    fn go_on(&mut self, rig: &mut Rig) -> Result<()> {
        while self.in_flight < IN_FLIGHT
            && let Some(step) = self.waiting.pop_front()
        {
            if let Some(key) = step.closes {
                rig.close(key);
            }
            rig.open(step.to, step.tag, &step.request)?;
            self.in_flight += usize::from(step.tag & 3 != CHANNEL);
        }
        Ok(())
    }
}

impl Script for Evacuation {
    fn read(&mut self, rig: &mut Rig, key: usize, tag: u64, piece: &Piece<'_>) -> Result<()> {
        let client = tag >> 2;
        match (tag & 3, piece) {
            (OPERATOR, Piece::Response(status, body)) => {
                if !(200..300).contains(status) {
                    bail!("answered {status}: {}", String::from_utf8_lossy(body));
                }
                rig.close(key);
            }
            (ASKING, Piece::Response(status, body)) => {
                rig.close(key);
                self.in_flight -= 1;
                self.waiting.extend(self.guide.answered(rig, client, *status, body)?);
            }
            (GAME, piece) => {
                if self.guide.is_in(rig, client, piece)? {
                    self.in_flight -= 1;
                }
            }
            (_, Piece::Text(text)) => {
                self.waiting.extend(self.guide.told(rig, key, client, text)?);
            }
            (_, Piece::Response(..)) => {}
            (_, Piece::Close) => bail!("a channel was closed"),
        }
        self.go_on(rig)
    }

    fn is_done(&self) -> bool {
        self.guide.arrived() >= CLIENTS
    }

    fn progress(&self) -> String {
        let arrived = self.guide.arrived();
        format!("{arrived} of {CLIENTS} have arrived, {} wait", self.waiting.len())
    }

    fn closed(&mut self, _rig: &mut Rig, tag: u64) -> Result<()> {
        if tag & 3 == OPERATOR { Ok(()) } else { bail!("connection {tag} was closed") }
    }
}
