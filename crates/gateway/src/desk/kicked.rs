//! Sessions that were ended by hand: what tokens they still hold open nothing any more.

use std::collections::{HashMap, VecDeque};

use lifeboat_core::ids::{FastHash, SessionId};
use lifeboat_core::limits::{KICKED_MAX, PREVIOUS_GRACE, SESSION_TOKEN_TTL};
use lifeboat_core::time::Timestamp;

/// The kicked, for as long as they may show a token, and the newest of them if there are too many.
#[derive(Debug, Default)]
pub(super) struct Kicked {
    by_time: VecDeque<(Timestamp, SessionId)>,
    times: HashMap<SessionId, usize, FastHash>,
}

impl Kicked {
    pub(super) fn add(&mut self, session: &SessionId, now: Timestamp) {
        self.by_time.push_back((now, session.clone()));
        *self.times.entry(session.clone()).or_default() += 1;
        while self.by_time.len() > KICKED_MAX || self.is_oldest_forgotten(now) {
            self.forget_oldest();
        }
    }

    pub(super) fn has(&self, session: &SessionId) -> bool {
        self.times.contains_key(session)
    }

    fn is_oldest_forgotten(&self, now: Timestamp) -> bool {
        let oldest = self.by_time.front();
        oldest.is_some_and(|(at, _)| *at + SESSION_TOKEN_TTL + PREVIOUS_GRACE <= now)
    }

    fn forget_oldest(&mut self) {
        let Some((_, session)) = self.by_time.pop_front() else { return };
        if let Some(times) = self.times.get_mut(&session) {
            *times -= 1;
            if *times == 0 {
                self.times.remove(&session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_for_as_long_as_their_tokens_are_good() {
        let start = Timestamp::from_ms(0);
        let session = |number: usize| SessionId::from_unique(&number.to_string());
        let mut kicked = Kicked::default();
        for number in 0..=KICKED_MAX {
            kicked.add(&session(number), start);
        }
        assert!(!kicked.has(&session(0)) && kicked.has(&session(1)));
        let late = start + SESSION_TOKEN_TTL + PREVIOUS_GRACE;
        kicked.add(&session(7), late);
        assert!(kicked.has(&session(7)) && !kicked.has(&session(8)));
        assert_eq!(kicked.by_time.len(), 1);
    }
}
