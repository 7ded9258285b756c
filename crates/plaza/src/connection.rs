//! One client's socket, from the upgrade to the close.

mod handshake;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::{SinkExt as _, StreamExt as _};
use lifeboat_core::limits::{HEARTBEAT, HEARTBEAT_TIMEOUT};
use lifeboat_core::ticket::Claims;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use crate::door::{self, Addressee, Refusal};
use crate::keys::KeyRing;
use crate::limits::{
    CLOSE_TIMEOUT, HANDSHAKE_TIMEOUT, MESSAGES_BURST, MESSAGES_PER_SECOND, MESSAGES_REFUSED_MAX,
    NAMES_BURST, NAMES_PER_SECOND, TEXT_CHARS_MAX, TEXTS_BURST, TEXTS_PER_SECOND, WRITE_TIMEOUT,
};
use crate::mailbox::{Farewell, Mailbox};
use crate::pace::Allowance;
use crate::room::{Heard, Room, Visit};
use crate::wire::{Frame, FromClient, FromServer, Unreadable};
use crate::world::clean_name;

/// The close code of a refusal.
const CLOSE_REFUSED: u16 = 4001;

type Socket = WebSocketStream<TcpStream>;

/// What every connection of a server shares.
#[derive(Debug)]
pub struct House {
    /// The room that people enter.
    pub room: Arc<Room>,
    /// The keys of the tickets.
    pub keys: KeyRing,
    /// Whom tickets have to be for.
    pub addressee: Addressee,
}

/// Serves one client until it is gone. Nothing that it sends can do more than end this call.
pub async fn serve(stream: TcpStream, house: Arc<House>) {
    hold_back(&stream, true);
    let upgrade = timeout(HANDSHAKE_TIMEOUT, Box::pin(handshake::accept(stream))).await;
    let Ok(Ok((mut socket, ticket))) = upgrade else {
        return;
    };
    let mailbox = Arc::new(Mailbox::default());
    let entered = match admit(ticket, &house).await {
        Ok(claims) => house.room.enter(&claims, mailbox),
        Err(refusal) => Err(refusal),
    };
    match entered {
        Ok(visit) => {
            tracing::debug!(session.id = %visit.session, "entered");
            let farewell = Stay::new(&mut socket, &house.room, &visit).last().await;
            house.room.leave(&visit);
            tracing::debug!(session.id = %visit.session, ?farewell, "gone");
            if let Some(farewell) = farewell {
                let (code, reason) = (farewell.code(), farewell.reason());
                close(socket, farewell.frame(), code, reason).await;
            }
        }
        Err(refusal) => {
            tracing::debug!(code = refusal.code(), "refused");
            close(socket, refusal.frame(), CLOSE_REFUSED, refusal.code()).await;
        }
    }
}

/// Has the system keep back what is written, for 200 ms at the most, or let it go. The answer to
/// the upgrade goes with the welcome then: one packet for each client rather than two, which counts
/// when thousands come in at once. Where the system refuses, they go as they are written.
fn hold_back(stream: &TcpStream, held: bool) {
    let _ = rustix::net::sockopt::set_tcp_cork(stream, held);
}

async fn admit(ticket: Option<String>, house: &House) -> Result<Claims, Refusal> {
    let ticket = ticket.ok_or(Refusal::Missing)?;
    let check = |keys: &crate::keys::KeySet| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        door::check(&ticket, keys, &house.addressee, house.room.counter(), now)
    };
    match check(&house.keys.current()) {
        Err(Refusal::KeyUnknown) => check(&*house.keys.renewed().await),
        checked => checked,
    }
}

/// Says the last word, and waits a moment for the client to read it.
async fn close(mut socket: Socket, frame: Frame, code: u16, reason: &str) {
    let farewell = async {
        socket.send(frame.into()).await?;
        let reason = reason.to_owned().into();
        socket.close(Some(CloseFrame { code: code.into(), reason })).await
    };
    if !matches!(timeout(CLOSE_TIMEOUT, farewell).await, Ok(Ok(()))) {
        return;
    }
    // A socket that is dropped with unread input is reset, and a reset can overtake the close:
    // so what still comes is read, for a moment.
    let stream = socket.get_mut();
    let drained = async {
        stream.shutdown().await?;
        let mut unread = [0_u8; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    if timeout(CLOSE_TIMEOUT, drained).await.is_err() {
        tracing::debug!("the client does not hang up");
    }
}

/// Somebody's time inside.
struct Stay<'a> {
    socket: &'a mut Socket,
    room: &'a Room,
    visit: &'a Visit,
    messages: Allowance,
    refused: u32,
    texts: Allowance,
    names: Allowance,
    heard_at: Instant,
}

/// How a stay ends: with a farewell, or (`None`) with the socket gone.
type End = Option<Farewell>;

impl<'a> Stay<'a> {
    fn new(socket: &'a mut Socket, room: &'a Room, visit: &'a Visit) -> Self {
        let now = room.now();
        Self {
            socket,
            room,
            visit,
            messages: Allowance::new(MESSAGES_PER_SECOND, MESSAGES_BURST, now),
            refused: 0,
            texts: Allowance::new(TEXTS_PER_SECOND, TEXTS_BURST, now),
            names: Allowance::new(NAMES_PER_SECOND, NAMES_BURST, now),
            heard_at: Instant::now(),
        }
    }

    async fn last(mut self) -> End {
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.reset();
        // The welcome waits already.
        let welcomed = self.deliver().await;
        hold_back(self.socket.get_ref(), false);
        if let Err(end) = welcomed {
            return end;
        }
        loop {
            let step = tokio::select! {
                message = self.socket.next() => self.take(message),
                () = self.visit.mailbox.arrival() => self.deliver().await,
                _ = heartbeat.tick() => self.beat().await,
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn deliver(&mut self) -> Result<(), End> {
        let waiting = self.visit.mailbox.collect();
        if let Some(farewell) = waiting.farewell {
            return Err(Some(farewell));
        }
        self.write(waiting.frames.into_iter().map(Message::from)).await
    }

    async fn beat(&mut self) -> Result<(), End> {
        if self.heard_at.elapsed() > HEARTBEAT_TIMEOUT {
            return Err(Some(Farewell::Slow));
        }
        self.write([Message::Ping(Vec::new().into())]).await
    }

    /// Writes what waits in as few writes as it fits.
    async fn write(&mut self, messages: impl IntoIterator<Item = Message>) -> Result<(), End> {
        let written = async {
            for message in messages {
                self.socket.feed(message).await?;
            }
            self.socket.flush().await
        };
        match timeout(WRITE_TIMEOUT, written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(_) => Err(Some(Farewell::Slow)),
        }
    }

    fn take(&mut self, message: Option<Result<Message, SocketError>>) -> Result<(), End> {
        self.heard_at = Instant::now();
        let now = self.room.now();
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(SocketError::Capacity(_))) => {
                return Err(Some(Farewell::Protocol { detail: "a frame over 2048 bytes" }));
            }
            Some(Err(SocketError::Utf8(_))) => {
                return Err(Some(Farewell::Protocol { detail: "text that is not UTF-8" }));
            }
            Some(Err(_)) | None => return Err(None),
        };
        if !self.messages.take(1.0, now) {
            self.refused += 1;
            if self.refused > MESSAGES_REFUSED_MAX {
                return Err(Some(Farewell::Protocol { detail: "a flood of messages" }));
            }
            if self.refused % 30 == 1 {
                self.object("rate_limited", "more than 30 messages per second; some are ignored");
            }
            return Ok(());
        }
        match message {
            Message::Text(text) => self.obey(&text, now),
            Message::Binary(_) => {
                self.object("not_text", "frames are JSON text");
                Ok(())
            }
            // The answer to a close goes out with the next read, which then finds the end.
            Message::Close(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
        }
    }

    fn obey(&mut self, text: &str, now: Duration) -> Result<(), End> {
        match FromClient::read(text) {
            Ok(FromClient::Move { x, y, heading }) => {
                if let Some(corrected) = self.room.walk(self.visit, (x, y), heading) {
                    self.answer(corrected);
                }
            }
            Ok(FromClient::Say { text }) => self.say(&text, now),
            Ok(FromClient::Name { name }) => self.rename(&name, now),
            Ok(FromClient::Leave {}) => return Err(Some(Farewell::Left)),
            Err(Unreadable::Invalid) => {
                self.object("invalid_message", "not a JSON object of a known form");
            }
            Err(Unreadable::UnknownType) => {}
        }
        Ok(())
    }

    fn say(&mut self, text: &str, now: Duration) {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > TEXT_CHARS_MAX {
            self.object("text_length", "a text has 1 to 280 characters");
        } else if !self.texts.take(1.0, now) {
            self.object("rate_limited", "at most 2 texts per second");
        } else {
            match self.room.say(self.visit, text) {
                Heard::Yes => {}
                Heard::Drowned => self.object("busy", "too much is said here at once"),
                Heard::ChatClosed => self.object("chat_closed", "the chat is closed"),
            }
        }
    }

    fn rename(&mut self, name: &str, now: Duration) {
        match clean_name(name) {
            Some(clean) if clean.chars().count() == name.trim().chars().count() => {
                if self.names.take(1.0, now) {
                    self.room.rename(self.visit, clean);
                } else {
                    self.object("rate_limited", "at most one change of name in 5 seconds");
                }
            }
            _ => self.object("name_invalid", "a name has 1 to 32 visible characters"),
        }
    }

    fn object(&self, code: &str, detail: &str) {
        self.answer(FromServer::Error { code, detail }.frame());
    }

    /// Answers go the way of all frames, so that their number is bounded too.
    fn answer(&self, frame: Frame) {
        // On an overflow the client finds itself dismissed.
        let _ = self.visit.mailbox.post(frame);
    }
}
