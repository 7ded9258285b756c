//! What the clients do next: those of a bare server, and Lifeboat's.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};

use super::{ASKING, CHANNEL, GAME, Guide, Step, Way};
use crate::crowd::TAG_BITS;
use crate::rig::Rig;
use crate::wire::{self, Piece};

fn tag(client: u64, role: u64) -> u64 {
    client << TAG_BITS | role
}

/// Clients of the bare server.
pub(super) struct Bound {
    pub(super) way: Way,
    pub(super) asks: Vec<u8>,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) upgrade: Vec<u8>,
    pub(super) arrived: usize,
}

impl Bound {
    fn goes(&self, client: u64, closes: Option<usize>) -> Step {
        Step { to: self.to, tag: tag(client, GAME), request: self.upgrade.clone(), closes }
    }
}

impl Guide for Bound {
    fn told(&mut self, _: &mut Rig, key: usize, client: u64, _: &[u8]) -> Result<Option<Step>> {
        Ok(Some(match self.way {
            Way::Told => self.goes(client, Some(key)),
            Way::Ask | Way::AskAndReconnect => Step {
                to: self.from,
                tag: tag(client, ASKING),
                request: self.asks.clone(),
                closes: Some(key),
            },
        }))
    }

    fn answered(&mut self, _: &mut Rig, client: u64, _: u16, _: &[u8]) -> Result<Vec<Step>> {
        Ok(vec![self.goes(client, None)])
    }

    fn is_in(&mut self, _: &mut Rig, _: u64, piece: &Piece<'_>) -> Result<bool> {
        let is_in = matches!(piece, Piece::Response(101, _));
        self.arrived += usize::from(is_in);
        Ok(is_in)
    }

    fn arrived(&self) -> usize {
        self.arrived
    }
}

/// One of Lifeboat's clients.
#[derive(Default)]
struct Guest {
    /// Its session token.
    token: String,
    /// Its channel, once it has said hello or something else.
    channel: Option<usize>,
    /// Its channel knows where it is placed now.
    is_placed: bool,
    /// The game server has welcomed it.
    is_welcome: bool,
    /// It has said that it is in the world.
    has_arrived: bool,
}

/// Lifeboat's clients.
pub(super) struct Guests {
    way: Way,
    address: SocketAddr,
    join: String,
    guests: Vec<Guest>,
    arrived: usize,
}

impl Guests {
    pub(super) fn new(way: Way, address: SocketAddr, main: &str, tokens: Vec<String>) -> Self {
        let guests = tokens.into_iter().map(|token| Guest { token, ..Guest::default() });
        let join = format!("/api/worlds/{main}/join");
        Self { way, address, join, guests: guests.collect(), arrived: 0 }
    }

    fn guest(&mut self, client: u64) -> Result<&mut Guest> {
        self.guests.get_mut(usize::try_from(client)?).context("a client of this evacuation")
    }

    /// Says that it is in the world once its channel and the game server agree.
    fn arrives(&mut self, rig: &mut Rig, client: u64) -> Result<()> {
        let guest = self.guest(client)?;
        if guest.has_arrived || !guest.is_placed || !guest.is_welcome {
            return Ok(());
        }
        guest.has_arrived = true;
        let key = guest.channel.context("an open channel")?;
        rig.send(key, &wire::masked(r#"{"type":"state","state":"inWorld"}"#))?;
        self.arrived += 1;
        Ok(())
    }

    fn enter(client: u64, placement: &[u8]) -> Result<Step> {
        let endpoint = wire::value(placement, "endpoint").context("an endpoint")?;
        let ticket = wire::value(placement, "ticket").context("a ticket")?;
        let to = endpoint.trim_start_matches("ws://").trim_end_matches('/').parse()?;
        let request = wire::upgrade(&format!("/?ticket={ticket}"), "");
        Ok(Step { to, tag: tag(client, GAME), request, closes: None })
    }

    fn asks(&mut self, client: u64) -> Result<Step> {
        let token = &self.guest(client)?.token;
        let body = format!("{{\"client\":{{}},\"previous\":\"{token}\"}}");
        let request = wire::request("POST", &self.join, None, &body);
        Ok(Step { to: self.address, tag: tag(client, ASKING), request, closes: None })
    }
}

impl Guide for Guests {
    fn told(
        &mut self,
        rig: &mut Rig,
        key: usize,
        client: u64,
        text: &[u8],
    ) -> Result<Option<Step>> {
        let is = |kind: &[u8]| wire::find(&text[..text.len().min(40)], kind).is_some();
        self.guest(client)?.channel = Some(key);
        if is(b"\"forceDisconnect\"") && self.way != Way::Told {
            return self.asks(client).map(Some);
        }
        if is(b"\"placement\"") {
            self.guest(client)?.is_placed = true;
            return Self::enter(client, text).map(Some);
        }
        if is(b"\"hello\"") {
            self.guest(client)?.is_placed = true;
            self.arrives(rig, client)?;
        }
        Ok(None)
    }

    fn answered(
        &mut self,
        rig: &mut Rig,
        client: u64,
        status: u16,
        body: &[u8],
    ) -> Result<Vec<Step>> {
        if status != 200 {
            bail!("a join was answered {status}: {}", String::from_utf8_lossy(body));
        }
        let token = wire::value(body, "sessionToken").context("a session token")?.to_owned();
        let game = Self::enter(client, body)?;
        let (way, to) = (self.way, self.address);
        let guest = self.guest(client)?;
        guest.token.clone_from(&token);
        if way == Way::Ask {
            let key = guest.channel.context("an open channel")?;
            let frame = format!(r#"{{"type":"reopen","sessionToken":"{token}"}}"#);
            rig.send(key, &wire::masked(&frame))?;
            return Ok(vec![game]);
        }
        let request = wire::upgrade("/session", &format!("lifeboat.v1, token.{token}"));
        let closes = guest.channel.take();
        let channel = Step { to, tag: tag(client, CHANNEL), request, closes };
        Ok(vec![channel, game])
    }

    fn is_in(&mut self, rig: &mut Rig, client: u64, piece: &Piece<'_>) -> Result<bool> {
        let Piece::Text(text) = piece else { return Ok(false) };
        if wire::find(&text[..text.len().min(40)], b"\"welcome\"").is_none() {
            return Ok(false);
        }
        self.guest(client)?.is_welcome = true;
        self.arrives(rig, client)?;
        Ok(true)
    }

    fn arrived(&self) -> usize {
        self.arrived
    }
}
