//! Failovers in progress: their people, their line of slots and their ledger.

mod news;
mod pace;
mod telling;

use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::failover::{
    FailoverRecord, Kind, Ledger, LedgerEvent, Mode, MovePhase, PaceController, Row, Stage,
};
use lifeboat_core::ids::{FailoverId, SessionId, WorldId};
use lifeboat_core::limits::{PREVIOUS_GRACE, SEAT_HOLD, SESSION_TOKEN_TTL, STRAGGLER_AFTER};
use lifeboat_core::pacing::{Pacer, Rate, SlotLine};
use lifeboat_core::ticket::Claims;
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::frame::ClientState;

pub use news::{MoveNews, Progress};

use super::effect::{Effect, Sink};
use super::session::Session;
use super::{BURST_SHARE, Desk, Key, ORDERS_PER_EFFECT};

/// How long sessions have to come back after a restart until it is settled who was present: longer
/// than clients spread their first retry.
const RECOLLECTION: Duration = Duration::from_secs(15);

/// How long after its end a failover waits for game servers to list who has landed.
const CONFIRM_GRACE: Duration = Duration::from_secs(10);

/// One failover whose people are not all accounted for.
pub(super) struct Move {
    pub(super) record: Arc<FailoverRecord>,
    pub(super) ledger: Ledger,
    pub(super) line: SlotLine,
    pub(super) pacer: Pacer,
    /// Slows the move down while the target does not keep up.
    pace: PaceController,
    /// When the last slot of those who were present is over.
    pub(super) window_end: Timestamp,
    /// Until when sessions that still carry the older counter are counted as present: after a
    /// crash that came before the present were stored, or right before the failover.
    recollects_until: Option<Timestamp>,
    /// When those who wait were told last how far it is, and how many were over by then.
    progress_told_at: Timestamp,
    progress_told: usize,
    /// Whether something is new since [`Desk::take_news`].
    is_news: bool,
}

impl Move {
    /// A failover at its beginning, or found again after a restart with the ledger that was kept.
    pub(super) fn new(record: Arc<FailoverRecord>, ledger: Ledger, now: Timestamp) -> Self {
        let rate = Rate::per_second(record.plan.rate_per_second);
        Self {
            ledger,
            line: SlotLine::new(rate, now),
            pacer: Pacer::new(rate, rate.get() * BURST_SHARE, now),
            pace: PaceController::new(rate, now),
            window_end: now,
            recollects_until: None,
            // Whoever was just told to leave needs no news of how far it is.
            progress_told_at: now,
            progress_told: record.counts.landed,
            is_news: true,
            record,
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.record.phase == MovePhase::Held
    }

    /// Whether it moves people into a world.
    pub(super) fn leads_into(&self, world: &WorldId) -> bool {
        self.record.phase.is_open() && &self.record.target_world_id == world
    }

    /// Whether nobody is told to leave yet.
    pub(super) fn tells_nobody(&self) -> bool {
        self.is_held() && self.record.nobody_told
    }

    /// Whether everything about it is known and kept. Game servers list their players a moment
    /// after the last one has landed; a server that lists nobody is not waited for.
    fn is_over(&self, now: Timestamp) -> bool {
        let counts = self.ledger.counts();
        let finished_at = self.record.finished_at.unwrap_or(self.record.started_at);
        let is_settled = counts.pending == 0 && self.record.counts == counts;
        let is_confirmed = counts.confirmed == counts.landed || finished_at + CONFIRM_GRACE <= now;
        // After that no straggler can come any more: no token of its session is good.
        let is_past = finished_at + SESSION_TOKEN_TTL + PREVIOUS_GRACE <= now;
        !self.record.phase.is_open() && (is_past || is_settled && is_confirmed)
    }

    fn progress(&self) -> Progress {
        Progress {
            counts: self.ledger.counts(),
            refusals: self.ledger.refusals().clone(),
            dark_ms: self.ledger.dark_ms(),
            fanout_ms: self.ledger.fanout_ms(self.record.told_from()),
            last_landed_at: self.ledger.last_landed_at(),
            window_end: self.window_end,
            present_fixed: self.recollects_until.is_none(),
        }
    }

    /// The phase that the ledger speaks for.
    fn settled_phase(&self, now: Timestamp) -> Option<MovePhase> {
        if self.recollects_until.is_some_and(|until| now < until) {
            return None;
        }
        let pending = self.ledger.counts().pending;
        match self.record.phase {
            MovePhase::Moving | MovePhase::Held if pending == 0 => Some(MovePhase::Complete),
            MovePhase::Moving if now >= self.window_end + STRAGGLER_AFTER => {
                Some(MovePhase::CompleteWithStragglers)
            }
            MovePhase::CompleteWithStragglers if pending == 0 => Some(MovePhase::Complete),
            _ => None,
        }
    }
}

/// Whether `session` is one of those that `record` moves.
fn concerns(record: &FailoverRecord, session: &Session) -> bool {
    match record.kind {
        Kind::Failover | Kind::Rejoin => {
            session.placed == record.world_id && session.generation < record.counter
        }
        Kind::Failback => {
            session.requested == record.world_id
                && session.placed != record.world_id
                && session.returned < record.counter
        }
    }
}

impl Desk {
    /// Takes a failover up: fixes who is present, gives everyone a slot and a reserved seat, and
    /// orders them to leave.
    pub(super) fn open_move(
        &mut self,
        record: &Arc<FailoverRecord>,
        now: Timestamp,
        sink: &mut Sink<'_>,
    ) {
        let mut open = Move::new(Arc::clone(record), Ledger::default(), now);
        open.recollects_until = self.returning_until.filter(|until| now < *until);
        self.moves.insert(record.id.clone(), open);
        let keys: Vec<Key> = self
            .sessions
            .iter()
            .filter(|(_, session)| concerns(record, session) && session.is_present(now))
            .map(|(key, _)| key)
            .collect();
        self.expect_present(record, keys.len());
        // The first are told to leave while the books of the others are still being made.
        for keys in keys.chunks(ORDERS_PER_EFFECT) {
            self.enter_present(record, keys, now);
            self.order_all(keys, now, sink);
        }
        self.close_window(&record.id);
    }

    fn expect_present(&mut self, record: &FailoverRecord, sessions: usize) {
        if let Some(open) = self.moves.get_mut(&record.id) {
            open.ledger.expect_present(sessions);
            self.seats.expect(&record.target_world_id, sessions);
        }
    }

    fn enter_present(&mut self, record: &FailoverRecord, keys: &[Key], now: Timestamp) {
        let Some(open) = self.moves.get_mut(&record.id) else { return };
        for session in keys.iter().filter_map(|key| self.sessions.get(*key)) {
            open.ledger.add_present(&session.id, &session.user, session.game_lost_at);
            self.seats.reserve(&record.target_world_id, &session.id, now);
        }
    }

    /// The window ends with the last slot that was handed out so far.
    fn close_window(&mut self, failover: &FailoverId) {
        if let Some(open) = self.moves.get_mut(failover) {
            open.window_end = open.line.end();
        }
    }

    /// Says that there was a desk before this one, whose sessions come back now. Who is present at
    /// a failover that begins meanwhile is settled when they are back.
    pub fn expect_returns(&mut self, now: Timestamp) {
        self.returning_until = Some(now + RECOLLECTION);
    }

    /// Takes a failover up again after a restart, with the ledger that was kept. Its people get
    /// new slots as they come back.
    pub fn restore_move(&mut self, record: Arc<FailoverRecord>, ledger: Ledger, now: Timestamp) {
        let mut restored = Move::new(Arc::clone(&record), ledger, now);
        let pending = u32::try_from(restored.ledger.counts().pending).unwrap_or(u32::MAX);
        let interval = Duration::from_secs_f64(1.0 / record.plan.rate_per_second.max(0.001));
        restored.window_end = now + interval.saturating_mul(pending);
        if !record.present_fixed {
            restored.recollects_until = Some(now + RECOLLECTION);
        }
        // Whoever did not come while the seats were held has none any more.
        let still_comes = record.phase.is_open() || now < record.started_at + SEAT_HOLD;
        let pending = restored.ledger.rows().iter().filter(|row| row.stage == Stage::Pending);
        for row in pending.filter(|_| still_comes) {
            self.seats.reserve(&record.target_world_id, &row.session, now);
        }
        self.moves.insert(record.id.clone(), restored);
    }

    /// A failover's record changed: held, resumed, another pace, nudged, or over.
    pub(super) fn change_move(
        &mut self,
        record: &Arc<FailoverRecord>,
        now: Timestamp,
        sink: &mut Sink<'_>,
    ) {
        let Some(changed) = self.moves.get_mut(&record.id) else { return };
        let before = std::mem::replace(&mut changed.record, Arc::clone(record));
        let rate_changed = before.plan.rate_per_second != record.plan.rate_per_second;
        if rate_changed {
            let rate = Rate::per_second(record.plan.rate_per_second);
            changed.line = SlotLine::new(rate, now);
            changed.pacer.set_rate(rate, rate.get() * BURST_SHARE, now);
            changed.pace.set_plan(rate);
        }
        if before.target_world_id != record.target_world_id {
            self.move_seats(&before.target_world_id, record, now);
        }
        if before.phase.is_open() && record.phase == MovePhase::Cancelled {
            self.let_stay(&record.id, now).into_iter().for_each(&mut *sink);
        }
        let resumed = before.phase == MovePhase::Held && record.phase == MovePhase::Moving;
        let nudged = before.nudges != record.nudges;
        if record.phase == MovePhase::Held && before.phase != MovePhase::Held {
            let keys = self.pending_keys(&record.id);
            self.note_stays(&record.id, &keys, now);
            self.hold(&keys).into_iter().for_each(&mut *sink);
        } else if record.phase == MovePhase::Moving && (resumed || rate_changed || nudged) {
            if resumed {
                self.restart_line(&record.id, now);
            }
            let keys = self.pending_keys(&record.id);
            self.order_all(&keys, now, sink);
            self.close_window(&record.id);
        }
        if record.message != before.message
            && let Some(text) = &record.message
        {
            let keys = self.pending_keys(&record.id);
            self.message(&keys, text).into_iter().for_each(&mut *sink);
        }
        self.tell_progress(&record.id, now).into_iter().for_each(sink);
        self.forget_if_kept(record, now);
    }

    /// Whoever was to leave later does not, for now.
    fn note_stays(&mut self, failover: &FailoverId, keys: &[Key], now: Timestamp) {
        let Some(open) = self.moves.get_mut(failover) else { return };
        for session in keys.iter().filter_map(|key| self.sessions.get(*key)) {
            open.ledger.note(&session.id, LedgerEvent::Stays, now);
        }
    }

    /// The seats of those who are still to come are reserved where they go now.
    fn move_seats(&mut self, before: &WorldId, record: &FailoverRecord, now: Timestamp) {
        let Some(open) = self.moves.get(&record.id) else { return };
        for row in open.ledger.rows().iter().filter(|row| row.stage == Stage::Pending) {
            self.seats.use_reservation(before, &row.session);
            self.seats.reserve(&record.target_world_id, &row.session, now);
        }
    }

    /// A failover was undone: whoever had not left yet, and need not any more, stays. Who has left
    /// comes back as it was told.
    fn let_stay(&mut self, failover: &FailoverId, now: Timestamp) -> Option<Effect> {
        let mut stays = self.pending_keys(failover);
        stays.retain(|key| {
            let session = &self.sessions[*key];
            session.state == ClientState::InWorld && self.rejoin_reason(session).is_none()
        });
        let told: Vec<_> =
            stays.iter().copied().filter(|key| self.sessions[*key].order.is_some()).collect();
        let withdrawn = self.hold(&told);
        for key in stays {
            self.clear_order(key);
            let id = self.sessions[key].id.clone();
            self.note(&id, LedgerEvent::Landed, now);
        }
        withdrawn
    }

    /// Forgets a failover that is over, once its record says of its people what the ledger says:
    /// somebody may have landed while an earlier count was on its way into the record.
    fn forget_if_kept(&mut self, record: &FailoverRecord, now: Timestamp) {
        let Some(open) = self.moves.get_mut(&record.id) else { return };
        open.is_news |= record.counts != open.ledger.counts();
        if open.is_over(now) {
            self.moves.remove(&record.id);
        }
    }

    /// Forgets the failovers that nothing more is heard of.
    pub(super) fn forget_confirmed(&mut self, now: Timestamp) {
        self.moves.retain(|_, open| !open.is_over(now));
    }

    fn restart_line(&mut self, failover: &FailoverId, now: Timestamp) {
        if let Some(resumed) = self.moves.get_mut(failover) {
            let rate = Rate::per_second(resumed.record.plan.rate_per_second);
            resumed.line = SlotLine::new(rate, now);
        }
    }

    /// The sessions at this desk that a failover still waits for and that were not placed yet:
    /// those who were present, and then those who came too late for that and wait with them.
    fn pending_keys(&self, failover: &FailoverId) -> Vec<Key> {
        let Some(open) = self.moves.get(failover) else { return Vec::new() };
        let rows = open.ledger.rows().iter().filter(|row| row.stage == Stage::Pending);
        let present = rows
            .filter_map(|row| self.by_id.get(&row.session).copied())
            .filter(|key| concerns(&open.record, &self.sessions[*key]))
            .filter(|key| !self.goes_with_another(*key, failover));
        let waits = |session: &Session| {
            let order = session.order.as_ref();
            order.is_some_and(|order| order.failover.as_ref() == Some(failover))
                && open.ledger.row(&session.id).is_none()
        };
        let late = self.sessions.iter().filter(|(_, one)| waits(one)).map(|(key, _)| key);
        present.chain(late).collect()
    }

    /// Whether a session was called by several failovers and moves with another one of them.
    fn goes_with_another(&self, key: Key, failover: &FailoverId) -> bool {
        let order = self.sessions[key].order.as_ref();
        let moves_with = order.and_then(|order| order.failover.as_ref());
        let other = moves_with.filter(|id| *id != failover).and_then(|id| self.moves.get(id));
        other.is_some_and(|other| other.record.phase.is_open())
    }

    /// Whether the moves of a failover are on hold.
    pub(super) fn is_on_hold(&self, failover: Option<&FailoverId>) -> bool {
        failover.and_then(|id| self.moves.get(id)).is_some_and(Move::is_held)
    }

    /// Whether the people of a failover stay where they are, since nobody is told to leave yet.
    pub(super) fn tells_nobody(&self, failover: Option<&FailoverId>) -> bool {
        failover.and_then(|id| self.moves.get(id)).is_some_and(Move::tells_nobody)
    }

    /// Enters what happened to a session into every ledger that counts it.
    pub(super) fn note(&mut self, session: &SessionId, event: LedgerEvent, now: Timestamp) {
        for open in self.moves.values_mut() {
            open.is_news |= open.ledger.note(session, event, now);
        }
    }

    /// The order was written to these sessions' sockets.
    pub fn told(&mut self, failover: &FailoverId, keys: &[usize], at: Timestamp) {
        let Some(open) = self.moves.get_mut(failover) else { return };
        open.is_news = true;
        for session in keys.iter().filter_map(|key| self.sessions.get(*key)) {
            let leave_at = session.order.as_ref().map_or(at, |order| order.leave_at);
            open.ledger.note(&session.id, LedgerEvent::Told(leave_at), at);
        }
    }

    /// A game server lists these sessions.
    pub fn confirm<'a>(
        &mut self,
        sessions: impl IntoIterator<Item = &'a SessionId>,
        now: Timestamp,
    ) {
        if self.moves.is_empty() {
            return;
        }
        for session in sessions {
            self.note(session, LedgerEvent::Confirmed, now);
        }
    }

    /// What changed in the failovers since the last call, to be kept.
    pub fn take_news(&mut self, now: Timestamp) -> Vec<MoveNews> {
        let mut news = Vec::new();
        for (id, open) in &mut self.moves {
            if open.recollects_until.is_some_and(|until| until <= now) {
                open.recollects_until = None;
                open.is_news = true;
            }
            let phase = open.settled_phase(now).filter(|phase| *phase != open.record.phase);
            if !std::mem::take(&mut open.is_news) && phase.is_none() {
                continue;
            }
            let rows = open.ledger.take_changed();
            news.push(MoveNews { failover: id.clone(), phase, progress: open.progress(), rows });
        }
        news
    }

    /// This news could not be kept: it is news again.
    pub fn return_news(&mut self, news: &MoveNews) {
        if let Some(open) = self.moves.get_mut(&news.failover) {
            open.ledger.mark_changed(&news.rows);
            open.is_news = true;
        }
    }

    /// How many sessions a failover that began now would move.
    #[must_use]
    pub fn present_for(&self, kind: Kind, world: &WorldId, now: Timestamp) -> usize {
        let moves = |session: &Session| match kind {
            Kind::Failover | Kind::Rejoin => &session.placed == world,
            Kind::Failback => &session.requested == world && &session.placed != world,
        };
        self.sessions.iter().filter(|(_, one)| moves(one) && one.is_present(now)).count()
    }

    /// Whether any failover is being watched here.
    #[must_use]
    pub fn has_moves(&self) -> bool {
        !self.moves.is_empty()
    }

    /// Whether this failover is being watched here.
    #[must_use]
    pub fn is_watched(&self, failover: &FailoverId) -> bool {
        self.moves.contains_key(failover)
    }

    /// How a failover stands, while it is watched here.
    #[must_use]
    pub fn progress(&self, failover: &FailoverId) -> Option<Progress> {
        self.moves.get(failover).map(Move::progress)
    }

    /// How many of a failover's people were placed at `since` or later, for the first time.
    #[must_use]
    pub fn placed_since(&self, failover: &FailoverId, since: Timestamp) -> usize {
        let rows = self.moves.get(failover).map_or(&[][..], |open| open.ledger.rows());
        rows.iter().filter(|row| row.placed_at.is_some_and(|at| at >= since)).count()
    }

    /// The rows of a failover's ledger, while it is watched here.
    #[must_use]
    pub fn rows(&self, failover: &FailoverId) -> Option<Vec<Row>> {
        self.moves.get(failover).map(|open| open.ledger.rows().to_vec())
    }

    /// Whether people leave only at their slot.
    pub(super) fn is_graceful(&self, failover: &FailoverId) -> bool {
        self.moves.get(failover).is_some_and(|open| open.record.mode == Mode::Graceful)
    }

    /// A session that has to rejoin for a failover whose present were not stored before a crash, or
    /// could not be known after one, is one of them: it could not hold the older counter otherwise.
    pub(super) fn recollect(&mut self, failover: &FailoverId, key: Key) {
        let Some(open) = self.moves.get_mut(failover) else { return };
        if open.recollects_until.is_some() {
            let session = &self.sessions[key];
            open.ledger.add_present(&session.id, &session.user, session.game_lost_at);
            open.is_news = true;
        }
    }

    /// The same for a session that had been placed already: its token names the failover.
    pub(super) fn recollect_placed(&mut self, claims: &Claims) {
        let Some(open) = claims.mov.as_ref().and_then(|id| self.moves.get_mut(id)) else { return };
        if open.recollects_until.is_some() && open.ledger.row(&claims.ses).is_none() {
            open.ledger.add_present(&claims.ses, &claims.sub, None);
            open.is_news = true;
        }
    }

    /// The newest failover at which a session was present and that is not forgotten yet.
    pub(super) fn mover_of(&self, session: &SessionId) -> Option<FailoverId> {
        let present = self.moves.values().filter(|open| open.ledger.row(session).is_some());
        present.max_by_key(|open| open.record.started_at).map(|open| open.record.id.clone())
    }
}
