//! One thread of the gateway: its poll, its connections, its heartbeats.

mod opening;
mod pass;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::code::ErrorCode;
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::channel::Beat;
use lifeboat_protocol::frame::{ClientFrame, CloseCode, ServerFrame};
use lifeboat_uring::Ring;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::connection::{Connection, Written};
use super::mailbox::{Mailbox, Note};
use super::websocket::{Message, text_frame, write_close, write_pong};
use crate::desk::{ConnRef, Effect};
use crate::gateway::{Gateway, Told};

const WAKE: Token = Token(usize::MAX);
/// Ready sockets that are taken from the poll at once.
const EVENTS_MAX: usize = 1_024;
/// Bytes read from a socket at once, into a buffer that all connections share.
const READ_BYTES: usize = 16 * 1024;
/// Reads of one connection before others get their turn: whoever never stops talking holds nobody
/// up.
const READS_PER_TURN: usize = 4;
/// Wait before the desk is tried again with who was told.
const TOLD_RETRY: Duration = Duration::from_millis(1);
/// How long a peer has to close its side after our close frame.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// One thread's part of the session channels.
pub(crate) struct Shard {
    index: u16,
    poll: Poll,
    mailbox: Arc<Mailbox>,
    gateway: Arc<Gateway>,
    connections: Slab<Connection>,
    /// When each connection wants its heartbeat looked at; entries of others in the same place
    /// are told by the serial of its first channel.
    beats: BinaryHeap<Reverse<(Timestamp, usize, u32)>>,
    next_serial: u32,
    /// Who was told to leave and is not reported to the desk yet.
    told: Vec<Told>,
    buffer: Vec<u8>,
    /// Sends many frames in one call, where there is such a call.
    ring: Option<Ring>,
    /// Tells a pass of writes from the one before.
    pass: u32,
    /// Connections that have more to say than was heard at once.
    unread: Vec<usize>,
    is_stopping: bool,
}

impl Shard {
    pub(crate) fn new(
        index: u16,
        poll: Poll,
        ring: Option<Ring>,
        mailbox: Arc<Mailbox>,
        gateway: Arc<Gateway>,
    ) -> Self {
        Self {
            index,
            poll,
            mailbox,
            gateway,
            connections: Slab::new(),
            beats: BinaryHeap::new(),
            next_serial: 0,
            told: Vec::new(),
            buffer: vec![0; READ_BYTES],
            ring,
            pass: 0,
            unread: Vec::new(),
            is_stopping: false,
        }
    }

    /// The token under which the mailbox wakes the poll.
    pub(crate) const fn wake_token() -> Token {
        WAKE
    }

    /// Runs until it is told to stop.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut has_more_arrivals = false;
        while !self.is_stopping {
            let has_more = has_more_arrivals || !self.unread.is_empty();
            let timeout = if has_more { Some(Duration::ZERO) } else { self.patience() };
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    tracing::error!(%error, "a shard of the gateway cannot poll and ends");
                    return;
                }
                _ => {}
            }
            // Orders first: whoever waits to be told comes before whoever has something to say,
            // and both before those who only arrive.
            self.carry_out_notes();
            self.read_on();
            for event in &events {
                if event.token() != WAKE {
                    self.ready(event.token().0, event.is_readable(), event.is_writable());
                }
            }
            has_more_arrivals = self.take_arrivals();
            self.beat();
        }
    }

    fn now(&self) -> Timestamp {
        self.gateway.now()
    }

    /// How long the poll may wait.
    fn patience(&self) -> Option<Duration> {
        if !self.told.is_empty() {
            return Some(TOLD_RETRY);
        }
        self.beats.peek().map(|Reverse((at, _, _))| at.since(self.now()) + Duration::from_millis(1))
    }

    // --- what others want done ---

    fn carry_out_notes(&mut self) {
        for note in self.mailbox.take_notes() {
            match note {
                Note::Effect(effect) => self.carry_out(&effect),
                Note::Texts(texts) => self.send_texts(&texts),
                Note::Stop => self.is_stopping = true,
            }
        }
        if !self.told.is_empty() {
            self.gateway.try_told(&mut self.told);
        }
    }

    fn carry_out(&mut self, effect: &Effect) {
        match effect {
            Effect::Broadcast { to, text } => self.broadcast(to, text),
            Effect::Order { template, to, values } => self.order(template, to, values.as_ref()),
            Effect::Close { conn, text, code } => self.goodbye(*conn, text, *code),
        }
    }

    fn send_text(&mut self, conn: ConnRef, text: &[u8]) {
        self.send(conn, &text_frame(text));
    }

    /// Sends a frame; says whether the connection took it.
    fn send(&mut self, conn: ConnRef, frame: &[u8]) -> bool {
        let Some(slot) = self.slot(conn) else { return false };
        let written = self.connections[slot].write(frame);
        self.after_write(slot, written)
    }

    fn slot(&self, conn: ConnRef) -> Option<usize> {
        let slot = usize::try_from(conn.slot).ok()?;
        let known = self.connections.get(slot)?;
        (conn.shard == self.index && known.serial == conn.serial && known.closing_until.is_none())
            .then_some(slot)
    }

    fn after_write(&mut self, slot: usize, written: Written) -> bool {
        match written {
            Written::All => true,
            Written::Waits => {
                self.watch(slot, Interest::READABLE | Interest::WRITABLE);
                true
            }
            Written::TooSlow => {
                // Its socket takes nothing, so the goodbye cannot be sent either.
                tracing::debug!(limit = "backlog", "a client does not read and is dropped");
                self.drop_connection(slot);
                false
            }
            Written::Gone => {
                self.drop_connection(slot);
                false
            }
        }
    }

    fn watch(&mut self, slot: usize, interest: Interest) {
        let registry = self.poll.registry();
        let stream = &mut self.connections[slot].stream;
        if let Err(error) = registry.reregister(stream, Token(slot), interest) {
            tracing::warn!(%error, "a connection cannot be watched and is dropped");
            self.drop_connection(slot);
        }
    }

    // --- connections speak ---

    fn ready(&mut self, slot: usize, readable: bool, writable: bool) {
        if writable && self.connections.get(slot).is_some_and(Connection::has_backlog) {
            let written = self.connections[slot].flush();
            let is_whole = written == Written::All;
            if self.after_write(slot, written) && is_whole {
                self.watch(slot, Interest::READABLE);
                self.end_if_closing(slot);
            }
        }
        if readable {
            self.read(slot);
        }
    }

    fn read(&mut self, slot: usize) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut has_more = true;
        for _ in 0..READS_PER_TURN {
            let heard = self.connections.get_mut(slot).map(|one| one.read(&mut buffer));
            match heard {
                Some(Ok(Some(bytes))) => self.feed(slot, bytes),
                Some(Err(_)) => self.drop_connection(slot),
                Some(Ok(None)) | None => {
                    has_more = false;
                    break;
                }
            }
        }
        if has_more {
            self.unread.push(slot);
        }
        self.buffer = buffer;
    }

    /// Goes on with those who had more to say than is heard at once.
    fn read_on(&mut self) {
        for slot in std::mem::take(&mut self.unread) {
            self.read(slot);
        }
    }

    fn feed(&mut self, slot: usize, bytes: &mut [u8]) {
        let connection = &mut self.connections[slot];
        if connection.closing_until.is_some() {
            return;
        }
        let mut messages = Vec::new();
        let outcome = connection.decoder.feed(bytes, |message| messages.push(message));
        for message in messages {
            if !self.take_message(slot, message) {
                return;
            }
        }
        if let Err(broken) = outcome {
            self.violated(slot, broken.0);
        }
    }

    /// Says whether the connection goes on.
    fn take_message(&mut self, slot: usize, message: Message) -> bool {
        let now = self.now();
        let Some(connection) = self.connections.get_mut(slot) else { return false };
        match message {
            Message::Text(text) => match connection.channel.read(&text, now) {
                Ok(frame) => self.take_frame(slot, frame, now),
                Err(violation) => {
                    self.violated(slot, &violation.detail);
                    return false;
                }
            },
            Message::Ping(payload) => {
                connection.channel.heard(now);
                let mut frame = Vec::with_capacity(payload.len() + 2);
                write_pong(&payload, &mut frame);
                let written = connection.write(&frame);
                return self.after_write(slot, written);
            }
            Message::Pong => connection.channel.heard(now),
            Message::Close => {
                self.leave_desk(slot);
                self.close(slot, Vec::new(), 1000);
                return false;
            }
        }
        self.connections.contains(slot)
    }

    fn take_frame(&mut self, slot: usize, frame: ClientFrame, now: Timestamp) {
        let connection = &self.connections[slot];
        let Some(key) = connection.key else { return };
        match &frame {
            ClientFrame::Pong {} | ClientFrame::Unknown => return,
            ClientFrame::Reopen { session_token } => return self.reopen(slot, session_token, now),
            ClientFrame::State { .. } | ClientFrame::Leave {} => {}
        }
        let is_leave = frame == ClientFrame::Leave {};
        self.gateway.frame(key, self.conn(slot), frame, now);
        if is_leave {
            self.connections[slot].key = None;
            self.close(slot, Vec::new(), 1000);
        }
    }

    fn violated(&mut self, slot: usize, detail: &str) {
        let last = ServerFrame::Error {
            code: Some(ErrorCode::ProtocolError),
            detail: detail.to_owned(),
            retry_after_ms: None,
        };
        let conn = self.conn(slot);
        self.leave_desk(slot);
        self.refuse(conn, &last, CloseCode::Protocol);
    }

    // --- connections go ---

    fn conn(&self, slot: usize) -> ConnRef {
        ConnRef {
            shard: self.index,
            slot: u32::try_from(slot).unwrap_or(u32::MAX),
            serial: self.connections[slot].serial,
        }
    }

    fn goodbye(&mut self, conn: ConnRef, text: &[u8], code: CloseCode) {
        let Some(slot) = self.slot(conn) else { return };
        // The desk said goodbye already; what the client says from here on is not its session's.
        self.connections[slot].key = None;
        self.close(slot, text_frame(text), code.number());
    }

    /// Says the last words, if any, and closes.
    fn close(&mut self, slot: usize, mut frame: Vec<u8>, code: u16) {
        let until = self.now() + CLOSE_GRACE;
        write_close(code, &mut frame);
        let connection = &mut self.connections[slot];
        connection.closing_until = Some(until);
        self.beats.push(Reverse((until, slot, connection.first_serial)));
        let written = connection.write(&frame);
        if self.after_write(slot, written) {
            self.end_if_closing(slot);
        }
    }

    fn end_if_closing(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot)
            && connection.closing_until.is_some()
            && !connection.has_backlog()
        {
            connection.end_writing();
        }
    }

    fn leave_desk(&mut self, slot: usize) {
        let conn = self.conn(slot);
        if let Some(key) = self.connections[slot].key.take() {
            self.gateway.closed(key, conn, self.now());
        }
    }

    fn drop_connection(&mut self, slot: usize) {
        if !self.connections.contains(slot) {
            return;
        }
        self.leave_desk(slot);
        // Closing the descriptor ends its registration with the poll.
        self.connections.remove(slot);
    }

    // --- heartbeats ---

    fn beat(&mut self) {
        let now = self.now();
        while let Some(&Reverse((at, slot, serial))) = self.beats.peek()
            && at <= now
        {
            self.beats.pop();
            let known = self.connections.get_mut(slot).filter(|known| known.first_serial == serial);
            let Some(connection) = known else { continue };
            if let Some(until) = connection.closing_until {
                if until <= now {
                    self.drop_connection(slot);
                }
                continue;
            }
            let beat = connection.channel.beat(now);
            self.beats.push(Reverse((connection.channel.deadline(), slot, serial)));
            match beat {
                Some(Beat::Ping) => {
                    let conn = self.conn(slot);
                    self.send_text(conn, PING.as_bytes());
                }
                Some(Beat::Dead) => self.drop_connection(slot),
                None => {}
            }
        }
    }
}

/// [`ServerFrame::Ping`], encoded.
const PING: &str = r#"{"type":"ping"}"#;
