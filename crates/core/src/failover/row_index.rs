//! Where the row of each session is.

use std::hash::BuildHasher as _;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::ledger::Row;
use crate::ids::{FastHash, SessionId};

/// The places of a ledger's rows, found by the session that each row names. A place takes four
/// bytes and the name stays with the row: the index of ten thousand fits into a core's cache, where
/// a map by session would have every look-up wait for memory.
#[derive(Debug, Clone, Default)]
pub(super) struct RowIndex {
    places: HashTable<u32>,
    hasher: FastHash,
}

impl RowIndex {
    /// Where the row of `session` is.
    pub(super) fn get(&self, session: &SessionId, rows: &[Row]) -> Option<usize> {
        let is_its = |place: &u32| rows[at(*place)].session == *session;
        self.places.find(self.hasher.hash_one(session), is_its).map(|place| at(*place))
    }

    /// Where the row of `session` is; none once, for who is new, whose row has to be the next.
    pub(super) fn get_or_insert(&mut self, session: &SessionId, rows: &[Row]) -> Option<usize> {
        let hash = |session: &SessionId| self.hasher.hash_one(session);
        let entry = self.places.entry(
            hash(session),
            |place| rows[at(*place)].session == *session,
            |place| hash(&rows[at(*place)].session),
        );
        match entry {
            Entry::Occupied(known) => Some(at(*known.get())),
            Entry::Vacant(free) => {
                // A node has far fewer sessions.
                free.insert(u32::try_from(rows.len()).unwrap_or(u32::MAX));
                None
            }
        }
    }

    /// Room for so many more, made at once.
    pub(super) fn reserve(&mut self, more: usize, rows: &[Row]) {
        self.places.reserve(more, |place| self.hasher.hash_one(&rows[at(*place)].session));
    }
}

fn at(place: u32) -> usize {
    place as usize
}
