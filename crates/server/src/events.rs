//! The event stream's hub: what happened, in order, kept for a while for readers that come back.

mod catalog;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lifeboat_core::limits::EVENTS_KEPT_MAX;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::broadcast;

use crate::ids;

/// Events that may wait for one reader; one that falls further behind is dropped.
const READER_BACKLOG_MAX: usize = 1_024;

/// What an event is about; its name on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum EventKind {
    /// A world, or its phase.
    World,
    /// A deployment, or its servers.
    Deployment,
    /// A world's live config.
    LiveConfig,
    /// A failover, failback or rejoin.
    Failover,
    /// A ban.
    Ban,
    /// Whether a standby would do.
    Readiness,
    /// Something that an operator should look at.
    Alert,
    /// An entry of the audit log.
    Audit,
}

impl EventKind {
    /// The kind as it is written.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::World => "world",
            Self::Deployment => "deployment",
            Self::LiveConfig => "liveConfig",
            Self::Failover => "failover",
            Self::Ban => "ban",
            Self::Readiness => "readiness",
            Self::Alert => "alert",
            Self::Audit => "audit",
        }
    }
}

/// One event.
#[derive(Debug)]
pub(crate) struct Event {
    /// Its number in this process.
    pub(crate) number: u64,
    /// What it is about.
    pub(crate) kind: EventKind,
    /// What happened, as JSON text without line breaks.
    pub(crate) data: String,
}

/// Everything that readers may still want.
struct Ring {
    kept: VecDeque<Arc<Event>>,
    next: u64,
}

/// The hub. Publishing never waits for readers.
pub(crate) struct Events {
    /// Tells ids of this process from those of an earlier one.
    boot: String,
    ring: Mutex<Ring>,
    sender: broadcast::Sender<Arc<Event>>,
}

/// Where a reader begins.
pub(crate) struct Reader {
    /// Whether events were missed: the reader has to read everything anew.
    pub(crate) reset: bool,
    /// The id that stands for everything before the first event to come.
    pub(crate) position: String,
    /// Events that were missed.
    pub(crate) missed: Vec<Arc<Event>>,
    /// Events to come.
    pub(crate) coming: broadcast::Receiver<Arc<Event>>,
}

impl Events {
    /// A hub without events.
    pub(crate) fn new() -> Arc<Self> {
        let ring = Ring { kept: VecDeque::new(), next: 1 };
        let (sender, _) = broadcast::channel(READER_BACKLOG_MAX);
        Arc::new(Self { boot: ids::unique(), ring: Mutex::new(ring), sender })
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells every reader.
    pub(crate) fn publish(&self, kind: EventKind, payload: &Value) {
        let data = payload.to_string();
        let mut ring = self.ring();
        let event = Arc::new(Event { number: ring.next, kind, data });
        ring.next += 1;
        if ring.kept.len() == EVENTS_KEPT_MAX {
            ring.kept.pop_front();
        }
        ring.kept.push_back(Arc::clone(&event));
        // Sent under the lock, so that readers see the order of the numbers. Nobody listening is
        // no failure.
        let _ = self.sender.send(event);
    }

    /// The id of an event on the wire.
    pub(crate) fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.boot)
    }

    /// Begins reading after the event `last`, or now.
    pub(crate) fn read(&self, last: Option<&str>) -> Reader {
        let ring = self.ring();
        let position = self.id(ring.next - 1);
        let coming = self.sender.subscribe();
        let oldest = ring.kept.front().map_or(ring.next, |event| event.number);
        match last.and_then(|last| self.number(last)) {
            Some(seen) if seen + 1 >= oldest && seen < ring.next => {
                let missed = ring.kept.iter().filter(|event| event.number > seen);
                Reader { reset: false, position, missed: missed.cloned().collect(), coming }
            }
            _ => Reader { reset: true, position, missed: Vec::new(), coming },
        }
    }

    /// The number of an event of this process.
    fn number(&self, id: &str) -> Option<u64> {
        let (boot, number) = id.rsplit_once('-')?;
        (boot == self.boot).then(|| number.parse().ok())?
    }

    /// Open event streams.
    pub(crate) fn readers(&self) -> usize {
        self.sender.receiver_count()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn numbers(reader: &Reader) -> Vec<u64> {
        reader.missed.iter().map(|event| event.number).collect()
    }

    #[test]
    fn a_reader_that_comes_back_gets_what_it_missed_and_a_stranger_starts_anew() {
        let events = Events::new();
        for _ in 0..3 {
            events.publish(EventKind::World, &json!({}));
        }
        let back = events.read(Some(&events.id(1)));
        assert_eq!((back.reset, numbers(&back)), (false, vec![2, 3]));
        let current = events.read(Some(&events.id(3)));
        assert_eq!((current.reset, numbers(&current)), (false, vec![]));
        for unknown in [None, Some("other-2"), Some("x"), Some(&*events.id(99))] {
            assert!(events.read(unknown).reset, "{unknown:?}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_a_gap_is_told() {
        let events = Events::new();
        for _ in 0..EVENTS_KEPT_MAX + 2 {
            events.publish(EventKind::World, &json!({}));
        }
        assert!(events.read(Some(&events.id(1))).reset);
        let back = events.read(Some(&events.id(2)));
        assert_eq!((back.reset, back.missed.len()), (false, EVENTS_KEPT_MAX));
    }
}
