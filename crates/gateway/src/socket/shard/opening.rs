//! Connections that come, channels that are opened over them, and those that are not.

use std::cmp::Reverse;

use bytes::Bytes;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::limits::SESSIONS_MAX;
use lifeboat_core::ticket::Claims;
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::frame::{ByeReason, CloseCode, ServerFrame};
use mio::{Interest, Token};

use super::super::connection::Connection;
use super::super::mailbox::{Arrival, Upgraded};
use super::super::stream::{Secrecy, Stream};
use super::Shard;
use crate::desk::{ConnRef, Opened};
use crate::tokens::TokenRefusal;

/// Connections taken up before orders and reads get their turn again.
const ARRIVALS_PER_TURN: usize = 64;
/// When clients of a token that cannot be used are told to come back.
const SLOW_RETRY_MS: u64 = 5_000;

impl Shard {
    /// Takes some connections up; says whether there are more.
    pub(super) fn take_arrivals(&mut self) -> bool {
        for _ in 0..ARRIVALS_PER_TURN {
            match self.mailbox.take_arrival() {
                Some(arrival) => self.take_up(arrival),
                None => return false,
            }
        }
        true
    }

    fn take_up(&mut self, arrival: Arrival) {
        let now = self.now();
        // With TLS, more may have been read from the socket already than was decrypted.
        let Arrival { upgraded: Upgraded { stream, secrecy, answer, mut early }, who } = arrival;
        let may_hold_more = matches!(secrecy, Secrecy::Tls(_));
        let mut stream = Stream::new(stream, secrecy);
        let entry = self.connections.vacant_entry();
        let slot = entry.key();
        if self.poll.registry().register(&mut stream, Token(slot), Interest::READABLE).is_err() {
            return;
        }
        self.next_serial = self.next_serial.wrapping_add(1);
        let connection = Connection::new(stream, self.next_serial, now, answer);
        self.beats.push(Reverse((connection.channel.deadline(), slot, self.next_serial)));
        entry.insert(connection);
        let conn = self.conn(slot);
        match who {
            Ok(_) if self.connections.len() > SESSIONS_MAX => {
                self.refuse(conn, &error(ErrorCode::LimitReached), CloseCode::Slow);
            }
            Ok(claims) => self.welcome(conn, &claims, now),
            Err(refusal) => self.refuse_token(conn, refusal),
        }
        if !early.is_empty() && self.connections.contains(slot) {
            self.feed(slot, &mut early);
        }
        if may_hold_more && self.connections.contains(slot) {
            self.read(slot);
        }
    }

    /// A channel begins anew over its connection. It gets another number, as if the client had
    /// connected again: whatever is on its way to the channel so far is not written any more.
    pub(super) fn reopen(&mut self, slot: usize, token: &str, now: Timestamp) {
        let Some(key) = self.connections[slot].key else { return };
        let claims = match self.gateway.keys().check_session(token, now) {
            Ok(claims) => claims,
            Err(refusal) => {
                let conn = self.conn(slot);
                self.leave_desk(slot);
                return self.refuse_token(conn, refusal);
            }
        };
        let before = self.conn(slot);
        self.next_serial = self.next_serial.wrapping_add(1);
        self.connections[slot].serial = self.next_serial;
        let conn = self.conn(slot);
        match self.gateway.reopen(key, before, &claims, conn, now) {
            Some(opened) => self.opened(conn, opened),
            None => self.violated(slot, "a channel is reopened with a token of its own session"),
        }
    }

    fn welcome(&mut self, conn: ConnRef, claims: &Claims, now: Timestamp) {
        let opened = self.gateway.open(claims, conn, now);
        self.opened(conn, opened);
    }

    fn opened(&mut self, conn: ConnRef, opened: Opened) {
        match opened {
            Opened::Welcome { key, hello, effects } => {
                if let Some(slot) = self.slot(conn) {
                    self.connections[slot].key = Some(key);
                }
                self.send_text(conn, hello.to_text().as_bytes());
                self.gateway.dispatch(effects);
            }
            Opened::Refused { bye, code } => self.refuse(conn, &bye, code),
        }
    }

    fn refuse_token(&mut self, conn: ConnRef, refusal: TokenRefusal) {
        let (reason, code) = match refusal {
            TokenRefusal::Invalid => (ErrorCode::Unauthorized, CloseCode::BadToken),
            TokenRefusal::Expired => (ErrorCode::SessionExpired, CloseCode::Expired),
        };
        self.refuse(conn, &error(reason), code);
    }

    pub(super) fn refuse(&mut self, conn: ConnRef, last: &ServerFrame, code: CloseCode) {
        self.goodbye(conn, &Bytes::from(last.to_text()), code);
    }
}

fn error(code: ErrorCode) -> ServerFrame {
    match code {
        ErrorCode::LimitReached => {
            ServerFrame::Bye { reason: ByeReason::Slow, retry_after_ms: Some(SLOW_RETRY_MS) }
        }
        _ => ServerFrame::Error {
            code: Some(code),
            detail: format!("{}; join again for a new one", code.title()),
            retry_after_ms: None,
        },
    }
}
