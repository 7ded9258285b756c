//! What waits to be written to one client: bounded, and with a farewell that always gets through.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::limits::{BACKLOG_BYTES_MAX, BACKLOG_FRAMES_MAX};
use crate::wire::{Frame, FromServer};

/// Why the server ends a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Farewell {
    /// The client asked for it.
    Left,
    /// The world's counter rose over the one in the ticket.
    Outdated {
        /// The counter now.
        all_clients: u64,
    },
    /// The session came again, over another socket.
    Replaced,
    /// The client does not take what it is sent, or is silent for too long.
    Slow,
    /// The client broke the protocol.
    Protocol {
        /// How.
        detail: &'static str,
    },
    /// The server stops.
    Shutdown,
}

impl Farewell {
    /// The WebSocket close code.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::Left => 1000,
            Self::Shutdown => 1001,
            Self::Outdated { .. } => 4002,
            Self::Replaced => 4003,
            Self::Slow => 4008,
            Self::Protocol { .. } => 4009,
        }
    }

    /// The reason, a word of the protocol.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Shutdown => "shutdown",
            Self::Outdated { .. } => "rejoin",
            Self::Replaced => "replaced",
            Self::Slow => "slow",
            Self::Protocol { .. } => "protocol",
        }
    }

    /// The frame that says it.
    #[must_use]
    pub fn frame(&self) -> Frame {
        let (detail, all_clients) = match self {
            Self::Left => ("you left", None),
            Self::Shutdown => ("this server stops; join again", None),
            Self::Outdated { all_clients } => {
                ("everyone in this world has to join again", Some(*all_clients))
            }
            Self::Replaced => ("your session is connected from elsewhere", None),
            Self::Slow => ("you do not take what is sent to you", None),
            Self::Protocol { detail } => (*detail, None),
        };
        FromServer::Bye { reason: self.reason(), detail, all_clients }.frame()
    }
}

/// The frames on their way to one client.
#[derive(Debug, Default)]
pub struct Mailbox {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

/// What [`Mailbox::collect`] gives.
#[derive(Debug, Default)]
pub struct Waiting {
    /// To be written, in this order.
    pub frames: VecDeque<Frame>,
    /// Written last, if there is one.
    pub farewell: Option<Farewell>,
    bytes: usize,
}

/// More waits for the client than it may; it has been dismissed as slow.
#[derive(Debug, PartialEq, Eq)]
pub struct Overflow;

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a frame. After a farewell nothing is added any more.
    ///
    /// # Errors
    /// When too much waits already: then all of it is thrown away and the client dismissed.
    pub fn post(&self, frame: Frame) -> Result<(), Overflow> {
        let mut waiting = self.lock();
        if waiting.farewell.is_some() {
            return Ok(());
        }
        waiting.bytes += frame.as_str().len();
        waiting.frames.push_back(frame);
        // A single frame may be larger than the bound: a full house is shown to whoever comes in.
        let over = waiting.frames.len() > 1 && waiting.bytes > BACKLOG_BYTES_MAX
            || waiting.frames.len() > BACKLOG_FRAMES_MAX;
        drop(waiting);
        if over {
            self.dismiss(Farewell::Slow);
            return Err(Overflow);
        }
        self.arrived.notify_one();
        Ok(())
    }

    /// Ends the connection: what waits is thrown away, the farewell is sent. The first one counts.
    pub fn dismiss(&self, farewell: Farewell) {
        let mut waiting = self.lock();
        if waiting.farewell.is_none() {
            *waiting = Waiting { farewell: Some(farewell), ..Waiting::default() };
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Waits until something was added since the last call. Safe to cancel.
    pub async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// Takes what waits. The farewell stays, so that it cannot be overtaken by a second.
    #[must_use]
    pub fn collect(&self) -> Waiting {
        let mut waiting = self.lock();
        let kept = Waiting { farewell: waiting.farewell.clone(), ..Waiting::default() };
        std::mem::replace(&mut *waiting, kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: usize) -> Frame {
        Frame::from_json("x".repeat(bytes))
    }

    #[test]
    fn what_is_posted_is_collected_in_order() {
        let mailbox = Mailbox::default();
        mailbox.post(frame(1)).unwrap();
        mailbox.post(frame(2)).unwrap();
        assert_eq!(mailbox.collect().frames, [frame(1), frame(2)]);
        assert!(mailbox.collect().frames.is_empty());
    }

    #[test]
    fn who_does_not_read_is_dismissed_and_its_backlog_freed() {
        let many = Mailbox::default();
        let posted = (0..).take_while(|_| many.post(frame(1)).is_ok()).count();
        assert_eq!(posted, BACKLOG_FRAMES_MAX);
        let waiting = many.collect();
        assert_eq!((waiting.frames.len(), waiting.farewell), (0, Some(Farewell::Slow)));

        let large = Mailbox::default();
        large.post(frame(BACKLOG_BYTES_MAX + 1)).unwrap();
        assert_eq!(large.post(frame(1)), Err(Overflow));
    }

    #[test]
    fn the_first_farewell_counts_and_nothing_follows_it() {
        let mailbox = Mailbox::default();
        mailbox.dismiss(Farewell::Replaced);
        mailbox.dismiss(Farewell::Shutdown);
        mailbox.post(frame(1)).unwrap();
        let waiting = mailbox.collect();
        assert_eq!((waiting.frames.len(), waiting.farewell), (0, Some(Farewell::Replaced)));
    }
}
