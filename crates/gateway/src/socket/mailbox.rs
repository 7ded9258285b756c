//! What others hand to a shard: connections that were upgraded, and effects to carry out.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lifeboat_core::ticket::Claims;

use super::stream::Secrecy;
use crate::desk::{ConnRef, Effect};
use crate::tokens::TokenRefusal;

/// Effects that may wait for one shard; far more than a failover of every session makes.
const NOTES_MAX: usize = 262_144;
/// Connections that may wait to be taken up by one shard.
const ARRIVALS_MAX: usize = 16_384;

/// A connection that was upgraded to a session channel.
pub struct Upgraded {
    /// Its socket.
    pub stream: TcpStream,
    /// Its TLS session, if it has one.
    pub secrecy: Secrecy,
    /// The answer to the upgrade, which is not written yet: it goes with the first frame.
    pub answer: Vec<u8>,
    /// Bytes that came with the upgrade.
    pub early: Vec<u8>,
}

/// A connection on its way to its shard.
pub(crate) struct Arrival {
    pub(crate) upgraded: Upgraded,
    /// Who it is by its token, or why the token is refused.
    pub(crate) who: Result<Box<Claims>, TokenRefusal>,
}

/// Something that a shard has to do.
pub(crate) enum Note {
    /// Carry this out for the connections that are this shard's.
    Effect(Effect),
    /// Send each connection its text.
    Texts(Vec<(ConnRef, String)>),
    /// Stop, once everything before was written.
    Stop,
}

/// A shard's mailbox.
pub(crate) struct Mailbox {
    waker: mio::Waker,
    notes: Mutex<VecDeque<Note>>,
    arrivals: Mutex<VecDeque<Arrival>>,
}

impl Mailbox {
    pub(crate) fn new(waker: mio::Waker) -> Self {
        Self { waker, notes: Mutex::default(), arrivals: Mutex::default() }
    }

    /// Hands a note over, and wakes the shard unless it was woken for earlier ones that it has not
    /// taken yet. Says whether it was taken: a full box means that the shard has not run for very
    /// long; its clients learn by levels what they missed when they come back.
    pub(crate) fn note(&self, note: Note) -> bool {
        let was_empty = {
            let mut notes = lock(&self.notes);
            if notes.len() >= NOTES_MAX {
                tracing::error!(limit = NOTES_MAX, "a shard of the gateway does not keep up");
                return false;
            }
            let was_empty = notes.is_empty();
            notes.push_back(note);
            was_empty
        };
        if was_empty {
            self.wake();
        }
        true
    }

    /// Hands a connection over, or drops it when too many wait.
    pub(crate) fn arrive(&self, arrival: Arrival) {
        let was_empty = {
            let mut arrivals = lock(&self.arrivals);
            if arrivals.len() >= ARRIVALS_MAX {
                return;
            }
            let was_empty = arrivals.is_empty();
            arrivals.push_back(arrival);
            was_empty
        };
        if was_empty {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "a shard of the gateway cannot be woken");
        }
    }

    pub(super) fn take_notes(&self) -> VecDeque<Note> {
        std::mem::take(&mut *lock(&self.notes))
    }

    pub(super) fn take_arrival(&self) -> Option<Arrival> {
        lock(&self.arrivals).pop_front()
    }
}

/// A panic elsewhere while the lock was held leaves a queue that is whole all the same.
fn lock<T>(queue: &Mutex<T>) -> MutexGuard<'_, T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
