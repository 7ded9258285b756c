//! Things of which there may be so many and no more: what is counted is what there is and what is
//! on its way, so that several requests at once do not all take the last place.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is on its way, by kind.
#[derive(Debug, Default)]
pub(crate) struct Places {
    pub(crate) worlds: Coming,
    pub(crate) bans: Coming,
    pub(crate) keys: Coming,
    pub(crate) webhooks: Coming,
}

/// Things of one kind that are being made.
#[derive(Debug, Default)]
pub(crate) struct Coming {
    ids: Mutex<HashSet<String>>,
}

/// A place that is taken until this is dropped, which has to be after what it was taken for is
/// among what there is, or is given up.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    coming: &'a Coming,
    id: String,
}

impl Coming {
    /// Takes a place for `id`; none when all `max` are taken. `there` looks at what there is: how
    /// many, and whether a certain one is among them.
    pub(crate) fn take<T>(
        &self,
        id: &str,
        max: usize,
        there: impl FnOnce() -> T,
        count: impl FnOnce(&T) -> usize,
        has: impl Fn(&T, &str) -> bool,
    ) -> Option<Place<'_>> {
        let mut ids = self.ids();
        // Looked at under the lock: who gave a place back before is seen to be there.
        let there = there();
        let coming = ids.iter().filter(|one| !has(&there, one)).count();
        if count(&there) + coming >= max {
            return None;
        }
        ids.insert(id.to_owned());
        Some(Place { coming: self, id: id.to_owned() })
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<String>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.coming.ids().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_has_a_place_and_is_counted_once() {
        let coming = Coming::default();
        let take = |id: &str, there: &'static [&'static str]| {
            coming.take(id, 2, || there, |there| there.len(), |there, id| there.contains(&id))
        };
        let first = take("a", &["x"]).unwrap();
        assert!(take("b", &["x"]).is_none());
        assert!(take("b", &["x", "a"]).is_none());
        let second = take("b", &["a"]).unwrap();
        drop(first);
        assert!(take("c", &["a"]).is_none());
        drop(second);
        assert!(take("c", &["a"]).is_some());
    }
}
