//! What was ended before its time: sessions that were kicked, logins that were logged out of. It is
//! remembered for as long as somebody could still show a token of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::time::Timestamp;

/// Forgotten at once at the most: it has to fit a transaction.
const FORGOTTEN_MAX: usize = 64;

/// Ids of one kind that were ended, each until its last token has expired. Copies share the
/// entries.
#[derive(Debug, Clone)]
pub struct Ended<Id> {
    until: Arc<BTreeMap<Id, Timestamp>>,
}

impl<Id> Default for Ended<Id> {
    fn default() -> Self {
        Self { until: Arc::default() }
    }
}

impl<Id: Ord + Clone> Ended<Id> {
    /// Whether it was ended.
    #[must_use]
    pub fn has(&self, id: &Id) -> bool {
        self.until.contains_key(id)
    }

    /// What was ended since `before`.
    pub fn since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a Id> {
        // Asked at every change of the catalog, of which few are about this.
        let is_same = Arc::ptr_eq(&self.until, &before.until);
        let all = (!is_same).then(|| self.until.keys());
        all.into_iter().flatten().filter(|id| !before.has(id))
    }

    /// What is to be forgotten with the next entry: what is past its time, and the oldest of more
    /// than `max`.
    #[must_use]
    pub fn to_forget(&self, now: Timestamp, max: usize) -> Vec<Id> {
        let surplus = (self.until.len() + 1).saturating_sub(max);
        let mut oldest_first: Vec<_> = self.until.iter().collect();
        oldest_first.sort_unstable_by_key(|(_, until)| **until);
        let goes = oldest_first
            .into_iter()
            .enumerate()
            .take_while(|(place, (_, until))| *place < surplus || **until <= now);
        goes.map(|(_, (id, _))| id.clone()).take(FORGOTTEN_MAX).collect()
    }

    /// Notes until when it is remembered; none forgets it.
    pub(crate) fn set(&mut self, id: Id, until: Option<Timestamp>) {
        let entries = Arc::make_mut(&mut self.until);
        match until {
            Some(until) => entries.insert(id, until),
            None => entries.remove(&id),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_past_its_time_goes_and_the_oldest_of_too_many() {
        let at = Timestamp::from_ms;
        let mut ended = Ended::default();
        for number in 0..5 {
            ended.set(number, Some(at(i64::from(number))));
        }
        assert_eq!(ended.to_forget(at(-1), 6), [0; 0]);
        assert_eq!(ended.to_forget(at(-1), 4), [0, 1]);
        assert_eq!(ended.to_forget(at(2), 100), [0, 1, 2]);
        let before = ended.clone();
        ended.set(7, Some(at(7)));
        ended.set(0, None);
        assert_eq!(ended.since(&before).collect::<Vec<_>>(), [&7]);
        assert!(before.has(&0) && !ended.has(&0));
    }
}
