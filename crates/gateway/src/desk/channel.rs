//! The session's end of a channel: what it is told when it opens, what its frames change, and what
//! is kept when it is lost.

use bytes::Bytes;
use lifeboat_core::failover::LedgerEvent;
use lifeboat_core::ids::{SessionId, User};
use lifeboat_core::limits::HEARTBEAT;
use lifeboat_core::ticket::Claims;
use lifeboat_core::time::Timestamp;
use lifeboat_core::version::BaseVersion;
use lifeboat_protocol::frame::{
    ByeReason, ClientFrame, ClientState, CloseCode, Rejoin, ServerFrame,
};
use std::time::Duration;

use super::effect::{ConnRef, Effect};
use super::session::{OpenChannel, Session};
use super::{Desk, Key};

/// What becomes of a channel that was opened.
#[derive(Debug)]
pub enum Opened {
    /// It is the session's channel now.
    Welcome {
        /// The session's place at the desk, to be given with its frames.
        key: usize,
        /// The first frame.
        hello: Box<ServerFrame>,
        /// Channels that it replaces.
        effects: Vec<Effect>,
    },
    /// It is to be closed.
    Refused {
        /// The last frame.
        bye: ServerFrame,
        /// The close code.
        code: CloseCode,
    },
}

impl Desk {
    /// A channel was opened with a session token whose signature was checked.
    pub fn open(&mut self, claims: &Claims, conn: ConnRef, now: Timestamp) -> Opened {
        let is_banned = self.catalog.is_banned(&claims.sub, &claims.wld)
            || self.catalog.is_banned(&claims.sub, &claims.req);
        if is_banned || self.catalog.kicked().has(&claims.ses) {
            return refused(ByeReason::Kicked, CloseCode::Kicked);
        }
        let key = match self.by_id.get(&claims.ses).copied() {
            Some(key) => {
                let newer_channel = self.sessions[key]
                    .channel
                    .as_ref()
                    .is_some_and(|open| *open.token > *claims.jti);
                if newer_channel {
                    return refused(ByeReason::Replaced, CloseCode::Replaced);
                }
                self.align(key, claims);
                key
            }
            None if self.is_full() => return refused(ByeReason::Slow, CloseCode::Slow),
            None => self.admit_session(Session::from_claims(claims, now), now),
        };
        self.recollect_placed(claims);
        let mut effects = self.replace_others(key, conn, now);
        self.attach(key, claims, conn, now);
        let rejoin = self.renew_order(key, now, &mut effects);
        Opened::Welcome { key, hello: Box::new(self.hello(key, rejoin)), effects }
    }

    /// Books a session in with the seat that its token says it has.
    pub(super) fn admit_session(&mut self, session: Session, now: Timestamp) -> Key {
        let (placed, server) = (session.placed.clone(), session.server.clone());
        let key = self.add(session);
        self.seats.take(&placed);
        self.load(&server);
        self.hold_seat(key, now);
        key
    }

    /// The token in the client's hand says what the client knows. Where it is an older one than
    /// the newest, the answer that went with the newest never reached the client.
    fn align(&mut self, key: Key, claims: &Claims) {
        if *self.sessions[key].token == *claims.jti {
            return;
        }
        self.release_place(key);
        let mut session = self.sessions.edit(key);
        session.requested = claims.req.clone();
        session.placed = claims.wld.clone();
        session.deployment = claims.dep.clone();
        session.server = claims.srv.clone();
        session.generation = claims.generation;
        session.returned = claims.ret;
        session.base_version = Some(BaseVersion::new(claims.bv));
        session.token = claims.jti.as_str().into();
        session.share_ids(&self.catalog);
        drop(session);
        self.seats.take(&claims.wld);
        self.load(&claims.srv);
    }

    /// One session a user, one channel a session: whatever else is open is closed. A channel that
    /// begins anew over its connection needs no goodbye.
    fn replace_others(&mut self, key: Key, conn: ConnRef, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        let old = self.sessions.edit(key).channel.take();
        if let Some(old) = old.filter(|old| !old.conn.is_same_connection(conn)) {
            effects.push(goodbye(old.conn, ByeReason::Replaced, CloseCode::Replaced));
        }
        let user = self.sessions[key].user.clone();
        if let Some(other) = self.by_user.get(&user).copied().filter(|other| *other != key) {
            if let Some(old) = self.sessions.edit(other).channel.take() {
                effects.push(goodbye(old.conn, ByeReason::Replaced, CloseCode::Replaced));
            }
            let id = self.sessions[other].id.clone();
            self.note(&id, LedgerEvent::Left, now);
            self.detach(other, now);
            self.remove(other);
        }
        effects
    }

    fn attach(&mut self, key: Key, claims: &Claims, conn: ConnRef, now: Timestamp) {
        let mut session = self.sessions.edit(key);
        let knows_its_own = claims.dep == session.deployment;
        let deployment = if knows_its_own { &session.deployment } else { &claims.dep };
        session.channel = Some(OpenChannel {
            conn,
            deployment: deployment.clone(),
            generation: claims.generation,
            token: claims.jti.as_str().into(),
        });
        session.dropped_at = None;
        session.since = now;
        let user: User = session.user.clone();
        let seat_until = session.seat_until.take();
        drop(session);
        if let Some(until) = seat_until {
            self.expiry.remove(&(until, key));
        }
        self.by_user.insert(user, key);
    }

    fn hello(&self, key: Key, rejoin: Option<Rejoin>) -> ServerFrame {
        let session = &self.sessions[key];
        ServerFrame::Hello {
            session: session.id.clone(),
            revision: self.catalog.revision,
            all_clients: self.catalog.all_clients(&session.placed),
            live_config: self.player_view.of(&self.catalog, &session.placed),
            heartbeat_seconds: HEARTBEAT.as_secs(),
            rejoin,
            reopens: true,
        }
    }

    /// A frame came from a client. Frames of channels that were replaced since do not count.
    pub fn frame(&mut self, key: usize, conn: ConnRef, frame: ClientFrame, now: Timestamp) {
        if !self.is_current(key, conn) {
            return;
        }
        match frame {
            ClientFrame::State { state, server, cause, since_ms, .. } => {
                let mut session = self.sessions.edit(key);
                let names_its_server = server.is_none_or(|named| named == session.server);
                if session.state != state {
                    (session.state, session.since) = (state, now);
                }
                drop(session);
                match state {
                    ClientState::InWorld if names_its_server => self.in_world(key, now),
                    ClientState::Loading if cause.is_some() => {
                        let ago = Duration::from_millis(since_ms.unwrap_or(0));
                        self.game_lost(key, now - ago.min(SINCE_MAX), now);
                    }
                    ClientState::InWorld | ClientState::Loading | ClientState::Connecting => {}
                }
            }
            ClientFrame::Leave {} => self.leave(key, now),
            // It leads to a channel of its own: [`Desk::reopen`].
            ClientFrame::Reopen { .. } => {}
            ClientFrame::Pong {} | ClientFrame::Unknown => {}
        }
    }

    /// The channel `before` of the session at `key` begins anew, as `conn`. Nothing is opened with
    /// the token of another session; whatever is not opened leaves no channel behind.
    pub fn reopen(
        &mut self,
        key: usize,
        before: ConnRef,
        claims: &Claims,
        conn: ConnRef,
        now: Timestamp,
    ) -> Option<Opened> {
        let is_its_own = self.sessions.get(key).is_some_and(|session| session.id == claims.ses);
        let opened = is_its_own.then(|| self.open(claims, conn, now));
        if !matches!(opened, Some(Opened::Welcome { .. })) {
            self.closed(key, before, now);
        }
        opened
    }

    fn in_world(&mut self, key: Key, now: Timestamp) {
        self.sessions.edit(key).game_lost_at = None;
        let session = &self.sessions[key];
        let knows_its_place = session.channel.as_ref().is_some_and(|open| {
            open.deployment == session.deployment && open.generation == session.generation
        });
        let (id, placed_at) = (session.id.clone(), issued_at(&session.token));
        // It was placed where its requested world led. That may lead elsewhere by now, as when a
        // world in the middle of a chain is back: who is not called away stays, and is counted.
        if knows_its_place && self.rejoin_reason(session).is_none() {
            // Of what was placed in the last moment before a crash nothing is kept; but who has
            // landed was placed, and its token says when.
            if let Some(placed_at) = placed_at {
                self.note(&id, LedgerEvent::Placed, placed_at);
            }
            self.note(&id, LedgerEvent::Landed, now);
        }
    }

    fn game_lost(&mut self, key: Key, lost_at: Timestamp, now: Timestamp) {
        self.sessions.edit(key).game_lost_at.get_or_insert(lost_at);
        let id = self.sessions[key].id.clone();
        self.note(&id, LedgerEvent::GameLost(lost_at), now);
    }

    fn leave(&mut self, key: Key, now: Timestamp) {
        let id = self.sessions[key].id.clone();
        self.note(&id, LedgerEvent::Left, now);
        self.detach(key, now);
        self.remove(key);
    }

    /// A channel is lost. The seat is held, the session stays in its line.
    pub fn closed(&mut self, key: usize, conn: ConnRef, now: Timestamp) {
        if self.is_current(key, conn) {
            self.detach(key, now);
        }
    }

    fn detach(&mut self, key: Key, now: Timestamp) {
        let mut session = self.sessions.edit(key);
        session.channel = None;
        session.dropped_at = Some(now);
        session.since = now;
        let user = session.user.clone();
        drop(session);
        if self.by_user.get(&user) == Some(&key) {
            self.by_user.remove(&user);
        }
        self.forget_due(key);
        self.hold_seat(key, now);
    }

    /// Ends a session: its channel is closed as kicked. Says whether there was one. Its tokens are
    /// void while the catalog says that it was kicked, or its user is banned.
    pub fn kick(&mut self, session: &SessionId, now: Timestamp) -> Option<Vec<Effect>> {
        let key = self.by_id.get(session).copied()?;
        let channel = self.sessions.edit(key).channel.take();
        self.note(session, LedgerEvent::Left, now);
        self.detach(key, now);
        self.remove(key);
        Some(
            channel
                .map(|open| goodbye(open.conn, ByeReason::Kicked, CloseCode::Kicked))
                .into_iter()
                .collect(),
        )
    }

    fn is_current(&self, key: Key, conn: ConnRef) -> bool {
        self.sessions
            .get(key)
            .and_then(|session| session.channel.as_ref())
            .is_some_and(|open| open.conn == conn)
    }
}

/// When a token was issued, by its id.
pub(super) fn issued_at(token: &str) -> Option<Timestamp> {
    let ms = i64::from_str_radix(token.get(..12)?, 16).ok()?;
    Some(Timestamp::from_ms(ms))
}

/// A client's clock is not trusted for more than this.
const SINCE_MAX: Duration = Duration::from_mins(10);

fn refused(reason: ByeReason, code: CloseCode) -> Opened {
    Opened::Refused { bye: ServerFrame::Bye { reason, retry_after_ms: None }, code }
}

pub(super) fn goodbye(conn: ConnRef, reason: ByeReason, code: CloseCode) -> Effect {
    let text = ServerFrame::Bye { reason, retry_after_ms: None }.to_text();
    Effect::Close { conn, text: Bytes::from(text), code }
}
