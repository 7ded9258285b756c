//! The landing ledger: what became of each client in a failover.
//!
//! ```text
//! present ──▶ told ──▶ asked ──▶ placed ──▶ landed        told, asked and placed only grow;
//!    │          └─────────┴─────────┤                     a session that never asks is pending
//!    └──────────────────────────────┴──▶ refused | left   and may still land much later
//! ```
//!
//! The sum always holds: `present = landed + refused + left + pending`. A session that was refused
//! or left and lands after all counts as landed; one that landed stays landed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::on_the_way::OnTheWay;
use super::row_index::RowIndex;
use super::{Figures, figures};
use crate::code::ErrorCode;
use crate::ids::{SessionId, User};
use crate::time::Timestamp;

/// What has become of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// Nothing final is known.
    Pending,
    /// In the world that its requested world leads to.
    Landed,
    /// Turned away for good, with a code.
    Refused,
    /// Said that it leaves, or was kicked or banned.
    Left,
}

/// One session's line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The session.
    pub session: SessionId,
    /// Its user.
    pub user: User,
    /// What has become of it.
    pub stage: Stage,
    /// When it lost its game server, if that was before it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub game_lost_at: Option<Timestamp>,
    /// When the order to leave was written to its socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Timestamp>,
    /// When it was to leave, by that order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave_at: Option<Timestamp>,
    /// When it first asked to join, or the answer was sent unasked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// When it was placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed_at: Option<Timestamp>,
    /// When it became what `stage` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// Why it was refused or left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// Whether the game server lists it.
    #[serde(default)]
    pub confirmed: bool,
}

impl Row {
    fn new(session: SessionId, user: User, game_lost_at: Option<Timestamp>) -> Self {
        Self {
            session,
            user,
            stage: Stage::Pending,
            game_lost_at,
            told_at: None,
            leave_at: None,
            asked_at: None,
            placed_at: None,
            settled_at: None,
            code: None,
            confirmed: false,
        }
    }

    /// How long the client was without a world: from the earlier of the lost game connection and
    /// the order to leave, to its landing.
    #[must_use]
    pub fn dark_ms(&self) -> Option<u64> {
        let landed_at = self.settled_at.filter(|_| self.stage == Stage::Landed)?;
        let dark_since = match (self.game_lost_at, self.leave_at) {
            (Some(lost), Some(leave)) => lost.min(leave),
            (lost, leave) => lost.or(leave)?,
        };
        u64::try_from(landed_at.since(dark_since).as_millis()).ok()
    }
}

/// What happened to one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerEvent {
    /// The order to leave was written; it is to leave at the given time.
    Told(Timestamp),
    /// It stays until it is told again; the time at which it was to leave does not hold any more.
    Stays,
    /// It lost its game server at the given time.
    GameLost(Timestamp),
    /// It asked to join, or its answer was sent unasked.
    Asked,
    /// It was placed.
    Placed,
    /// It is in the world that it was to reach.
    Landed,
    /// The game server lists it.
    Confirmed,
    /// It was turned away for good.
    Refused(ErrorCode),
    /// It said that it leaves, or was kicked or banned.
    Left,
}

/// How many sessions are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Sessions that were there when it began.
    pub present: usize,
    /// Were told to leave.
    pub told: usize,
    /// Asked to join, or were answered unasked.
    pub asked: usize,
    /// Were placed.
    pub placed: usize,
    /// Arrived.
    pub landed: usize,
    /// Arrived, and the game server says so too.
    pub confirmed: usize,
    /// Were turned away for good.
    pub refused: usize,
    /// Said that they leave, or were kicked or banned.
    pub left: usize,
    /// Are not accounted for yet.
    pub pending: usize,
}

/// The rows of one failover, with their counts.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    rows: Vec<Row>,
    index: RowIndex,
    counts: Counts,
    /// Asked for at every tick, so it is counted along.
    on_the_way: OnTheWay,
    refusals: BTreeMap<ErrorCode, usize>,
    /// The rows that changed since they were last taken, in the order of their first change, and
    /// for each row whether it is one of them.
    changed: Vec<usize>,
    is_changed: Vec<bool>,
}

impl Ledger {
    /// A ledger from rows that were kept, each as often as it changed: the last one counts.
    #[must_use]
    pub fn restore(kept: impl IntoIterator<Item = Row>) -> Self {
        let mut ledger = Self::default();
        for row in kept {
            match ledger.index.get_or_insert(&row.session, &ledger.rows) {
                Some(place) => ledger.rows[place] = row,
                None => ledger.push(row),
            }
        }
        for (place, row) in std::mem::take(&mut ledger.rows).into_iter().enumerate() {
            ledger.count(&row);
            if let Some(at) = row.placed_at.filter(|_| row.stage == Stage::Pending) {
                ledger.on_the_way.set_out(place, at);
            }
            ledger.rows.push(row);
        }
        ledger.take_changed();
        ledger
    }

    /// Counts a session as present; one that is present already stays as it is.
    pub fn add_present(
        &mut self,
        session: &SessionId,
        user: &User,
        game_lost_at: Option<Timestamp>,
    ) {
        if self.index.get_or_insert(session, &self.rows).is_none() {
            let row = Row::new(session.clone(), user.clone(), game_lost_at);
            self.count(&row);
            self.push(row);
        }
    }

    fn push(&mut self, row: Row) {
        let index = self.rows.len();
        self.rows.push(row);
        self.is_changed.push(false);
        self.mark(index);
    }

    fn mark(&mut self, index: usize) {
        if !std::mem::replace(&mut self.is_changed[index], true) {
            self.changed.push(index);
        }
    }

    fn count(&mut self, row: &Row) {
        self.counts.present += 1;
        self.counts.told += usize::from(row.told_at.is_some());
        self.counts.asked += usize::from(row.asked_at.is_some());
        self.counts.placed += usize::from(row.placed_at.is_some());
        self.counts.confirmed += usize::from(row.confirmed);
        *self.stage_count(row.stage) += 1;
        if let (Stage::Refused, Some(code)) = (row.stage, row.code) {
            *self.refusals.entry(code).or_default() += 1;
        }
    }

    fn stage_count(&mut self, stage: Stage) -> &mut usize {
        match stage {
            Stage::Pending => &mut self.counts.pending,
            Stage::Landed => &mut self.counts.landed,
            Stage::Refused => &mut self.counts.refused,
            Stage::Left => &mut self.counts.left,
        }
    }

    /// Room for so many more who are present, made at once.
    pub fn expect_present(&mut self, sessions: usize) {
        self.rows.reserve(sessions);
        self.index.reserve(sessions, &self.rows);
        self.changed.reserve(sessions);
        self.is_changed.reserve(sessions);
    }

    /// Notes what happened to `session`; sessions that were not present are none of this ledger's
    /// business. Says whether this one is.
    pub fn note(&mut self, session: &SessionId, event: LedgerEvent, now: Timestamp) -> bool {
        let Some(index) = self.index.get(session, &self.rows) else { return false };
        self.note_at(index, event, now);
        true
    }

    fn note_at(&mut self, index: usize, event: LedgerEvent, now: Timestamp) {
        let row = &mut self.rows[index];
        let counts = &mut self.counts;
        let changed = match event {
            LedgerEvent::Told(leave_at) => {
                // A time that has not come yet is no more than planned.
                let is_news = row.leave_at.is_none_or(|known| now < known && known != leave_at);
                if is_news {
                    row.leave_at = Some(leave_at);
                }
                first(&mut row.told_at, now, &mut counts.told) || is_news
            }
            LedgerEvent::Stays => row.leave_at.take_if(|at| now < *at).is_some(),
            LedgerEvent::GameLost(lost_at) => {
                let earlier = row.game_lost_at.is_none_or(|known| lost_at < known);
                if earlier && row.stage == Stage::Pending {
                    row.game_lost_at = Some(lost_at);
                }
                earlier
            }
            LedgerEvent::Asked => first(&mut row.asked_at, now, &mut counts.asked),
            LedgerEvent::Placed => {
                let asked = first(&mut row.asked_at, now, &mut counts.asked);
                let placed = first(&mut row.placed_at, now, &mut counts.placed);
                if placed && row.stage == Stage::Pending {
                    self.on_the_way.set_out(index, now);
                }
                placed || asked
            }
            LedgerEvent::Confirmed => {
                let news = row.stage == Stage::Landed && !row.confirmed;
                row.confirmed |= news;
                counts.confirmed += usize::from(news);
                news
            }
            LedgerEvent::Landed => return self.settle(index, Stage::Landed, None, now),
            LedgerEvent::Refused(code) => {
                return self.settle(index, Stage::Refused, Some(code), now);
            }
            LedgerEvent::Left => return self.settle(index, Stage::Left, None, now),
        };
        if changed {
            self.mark(index);
        }
    }

    fn settle(&mut self, index: usize, stage: Stage, code: Option<ErrorCode>, now: Timestamp) {
        let was = (self.rows[index].stage, self.rows[index].code);
        if was.0 == Stage::Landed || was == (stage, code) {
            return;
        }
        if let (Stage::Refused, Some(code)) = was
            && let Some(count) = self.refusals.get_mut(&code)
        {
            *count = count.saturating_sub(1);
        }
        *self.stage_count(was.0) -= 1;
        *self.stage_count(stage) += 1;
        if let Some(code) = code {
            *self.refusals.entry(code).or_default() += 1;
        }
        self.refusals.retain(|_, count| *count > 0);
        let row = &mut self.rows[index];
        (row.stage, row.code, row.settled_at) = (stage, code, Some(now));
        self.on_the_way.settle(index);
        self.mark(index);
    }

    /// How many sessions are where.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many were placed a while ago at the most and are neither landed nor otherwise settled.
    pub fn on_the_way(&mut self, now: Timestamp) -> usize {
        self.on_the_way.count(now)
    }

    /// Refusals by code.
    #[must_use]
    pub fn refusals(&self) -> &BTreeMap<ErrorCode, usize> {
        &self.refusals
    }

    /// Every row, in the order in which the sessions were counted present.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row of `session`, if it was present.
    #[must_use]
    pub fn row(&self, session: &SessionId) -> Option<&Row> {
        self.index.get(session, &self.rows).map(|index| &self.rows[index])
    }

    /// How long clients were without a world.
    #[must_use]
    pub fn dark_ms(&self) -> Figures {
        figures(self.rows.iter().filter_map(Row::dark_ms).collect())
    }

    /// How long after `committed_at` the order to leave was written to each socket.
    #[must_use]
    pub fn fanout_ms(&self, committed_at: Timestamp) -> Figures {
        let to_ms = |told: Timestamp| u64::try_from(told.since(committed_at).as_millis()).ok();
        figures(self.rows.iter().filter_map(|row| row.told_at.and_then(to_ms)).collect())
    }

    /// When the last session landed.
    #[must_use]
    pub fn last_landed_at(&self) -> Option<Timestamp> {
        self.rows
            .iter()
            .filter(|row| row.stage == Stage::Landed)
            .filter_map(|row| row.settled_at)
            .max()
    }

    /// The rows that changed since this was last called, so that what is kept grows with what
    /// happens and not with how many are present.
    pub fn take_changed(&mut self) -> Vec<Row> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .map(|index| {
                self.is_changed[index] = false;
                self.rows[index].clone()
            })
            .collect()
    }

    /// These rows count as changed again, after a write of them that failed.
    pub fn mark_changed(&mut self, rows: &[Row]) {
        for row in rows {
            if let Some(index) = self.index.get(&row.session, &self.rows) {
                self.mark(index);
            }
        }
    }
}

/// Sets a time that only counts once.
fn first(at: &mut Option<Timestamp>, now: Timestamp, count: &mut usize) -> bool {
    let news = at.is_none();
    at.get_or_insert(now);
    *count += usize::from(news);
    news
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(10_000);

    fn session(number: usize) -> SessionId {
        SessionId::from_unique(&number.to_string())
    }

    fn ledger(present: usize) -> Ledger {
        let mut ledger = Ledger::default();
        for number in 0..present {
            ledger.add_present(&session(number), &User::guest(&number.to_string()), None);
        }
        ledger
    }

    #[test]
    fn dark_time_begins_with_the_earlier_of_the_lost_game_and_the_order_to_leave() {
        let mut ledger = ledger(1);
        let one = session(0);
        ledger.note(&one, LedgerEvent::GameLost(Timestamp::from_ms(4_000)), NOW);
        ledger.note(&one, LedgerEvent::Told(Timestamp::from_ms(6_000)), Timestamp::from_ms(6_000));
        ledger.note(&one, LedgerEvent::Landed, Timestamp::from_ms(9_000));
        assert_eq!(ledger.rows()[0].dark_ms(), Some(5_000));
    }

    #[test]
    fn a_time_to_leave_that_had_not_come_when_it_changed_does_not_count() {
        let mut ledger = ledger(1);
        let (one, at) = (session(0), |seconds: i64| Timestamp::from_ms(seconds * 1_000));
        ledger.note(&one, LedgerEvent::Told(at(5)), at(1));
        ledger.note(&one, LedgerEvent::Stays, at(2));
        assert_eq!((ledger.rows()[0].leave_at, ledger.counts().told), (None, 1));
        ledger.note(&one, LedgerEvent::Told(at(30)), at(20));
        ledger.note(&one, LedgerEvent::Told(at(25)), at(21));
        assert_eq!(ledger.rows()[0].leave_at, Some(at(25)));
        ledger.note(&one, LedgerEvent::Stays, at(26));
        ledger.note(&one, LedgerEvent::Told(at(40)), at(27));
        ledger.note(&one, LedgerEvent::Landed, at(31));
        assert_eq!(ledger.rows()[0].dark_ms(), Some(6_000), "it had left");
    }

    #[test]
    fn who_was_refused_and_lands_after_all_counts_as_landed_only() {
        let mut ledger = ledger(1);
        ledger.note(&session(0), LedgerEvent::Refused(ErrorCode::Banned), NOW);
        assert_eq!(ledger.refusals().get(&ErrorCode::Banned), Some(&1));
        ledger.note(&session(0), LedgerEvent::Landed, NOW);
        assert_eq!((ledger.counts().landed, ledger.counts().refused), (1, 0));
        assert!(ledger.refusals().is_empty());
    }

    #[test]
    fn a_stranger_does_not_count() {
        let mut ledger = ledger(1);
        ledger.note(&session(9), LedgerEvent::Landed, NOW);
        assert_eq!(ledger.counts(), Counts { present: 1, pending: 1, ..Counts::default() });
    }

    #[test]
    fn only_changed_rows_are_taken_and_those_that_could_not_be_written_once_more() {
        let mut ledger = ledger(5);
        assert_eq!(ledger.take_changed().len(), 5);
        assert!(ledger.take_changed().is_empty());
        ledger.note(&session(3), LedgerEvent::Asked, NOW);
        ledger.note(&session(3), LedgerEvent::Placed, NOW);
        let taken = ledger.take_changed();
        assert_eq!(taken.len(), 1);
        assert_eq!((&taken[0].session, taken[0].placed_at), (&session(3), Some(NOW)));
        ledger.mark_changed(&taken);
        assert_eq!(ledger.take_changed(), taken);
    }

    fn event() -> impl Strategy<Value = LedgerEvent> {
        prop_oneof![
            Just(LedgerEvent::Told(NOW)),
            Just(LedgerEvent::Told(NOW + std::time::Duration::from_secs(1))),
            Just(LedgerEvent::Stays),
            Just(LedgerEvent::GameLost(NOW)),
            Just(LedgerEvent::Asked),
            Just(LedgerEvent::Placed),
            Just(LedgerEvent::Landed),
            Just(LedgerEvent::Confirmed),
            Just(LedgerEvent::Refused(ErrorCode::AccessDenied)),
            Just(LedgerEvent::Refused(ErrorCode::Banned)),
            Just(LedgerEvent::Left),
        ]
    }

    proptest! {
        #[test]
        fn the_sum_always_holds_and_a_restored_ledger_is_the_same(
            events in prop::collection::vec((0usize..6, event()), 0..200)
        ) {
            let mut ledger = ledger(5);
            let mut kept = ledger.take_changed();
            for (number, event) in events {
                let before = ledger.counts();
                ledger.note(&session(number), event, NOW);
                kept.extend(ledger.take_changed());
                let counts = ledger.counts();
                let sum = counts.landed + counts.refused + counts.left + counts.pending;
                prop_assert_eq!(counts.present, sum);
                prop_assert!(counts.told >= before.told && counts.asked >= before.asked);
                prop_assert!(counts.placed >= before.placed && counts.landed >= before.landed);
                prop_assert_eq!(ledger.refusals().values().sum::<usize>(), counts.refused);
                let is_on_the_way =
                    |row: &&Row| row.stage == Stage::Pending && row.placed_at.is_some();
                let on_the_way = ledger.rows().iter().filter(is_on_the_way).count();
                prop_assert_eq!(ledger.on_the_way(NOW), on_the_way);
            }
            let mut restored = Ledger::restore(kept);
            prop_assert_eq!(restored.rows(), ledger.rows());
            prop_assert_eq!(restored.counts(), ledger.counts());
            prop_assert_eq!(restored.refusals(), ledger.refusals());
            prop_assert_eq!(restored.on_the_way(NOW), ledger.on_the_way(NOW));
        }
    }
}
