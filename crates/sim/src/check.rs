//! What must hold after every step, whatever breaks.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use lifeboat_core::catalog::{Catalog, CatalogChange};
use lifeboat_core::failover::{Counts, FailoverRecord};
use lifeboat_core::ids::{FailoverId, SessionId, WorldId};
use lifeboat_core::time::Timestamp;

/// How long two worlds may list one session, as the end of one connection is on its way.
const DOUBLE_LISTED_MAX: Duration = Duration::from_secs(45);

/// A rule that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Timestamp,
    /// Which rule.
    pub rule: &'static str,
    /// What was seen.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (at {})", self.rule, self.detail, self.at)
    }
}

/// What is remembered of a failover.
#[derive(Debug, Default)]
struct Watched {
    placed: usize,
    placed_at: VecDeque<Timestamp>,
    /// The fastest rate of the last second.
    rates: VecDeque<(Timestamp, f64)>,
    /// Who was present once that was stored.
    present: Option<usize>,
}

/// What was committed and what was seen, and the first rule that did not hold.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    overrides: BTreeMap<WorldId, Option<WorldId>>,
    counters: BTreeMap<WorldId, (u64, u64)>,
    moves: BTreeMap<FailoverId, Watched>,
    doubles: BTreeMap<SessionId, Timestamp>,
    violation: Option<Violation>,
}

impl Checks {
    pub(crate) fn fail(&mut self, at: Timestamp, rule: &'static str, detail: &str) {
        self.violation.get_or_insert_with(|| Violation { at, rule, detail: detail.to_owned() });
    }

    pub(crate) const fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    pub(crate) fn take_violation(&mut self) -> Option<Violation> {
        self.violation.take()
    }

    /// What a commit says holds from now on, also over a restart.
    pub(crate) fn committed(&mut self, changes: &[CatalogChange]) {
        for change in changes {
            match change {
                CatalogChange::Live(world, Some(live)) => {
                    let target = live.game.failover.target().map(|target| target.world);
                    self.overrides.insert(world.clone(), target);
                }
                CatalogChange::Failover(id, Some(record)) if record.present_fixed => {
                    let present = record.counts.present;
                    self.moves.entry(id.clone()).or_default().present.get_or_insert(present);
                }
                _ => {}
            }
        }
    }

    /// A start of the node forgets nothing but what is on the way.
    pub(crate) fn restarted(&mut self, _now: Timestamp) {
        for watched in self.moves.values_mut() {
            watched.placed = 0;
        }
    }

    /// The catalog that the node serves from has everything that was committed.
    pub(crate) fn served(&mut self, now: Timestamp, catalog: &Catalog) {
        for (world, expected) in &self.overrides {
            let served = catalog.override_of(world).map(|target| target.world);
            if served != *expected {
                let detail = format!("{world} leads to {served:?}, saved is {expected:?}");
                return self.fail(now, "a redirect is never undone", &detail);
            }
        }
        for world in catalog.worlds() {
            let counters = (catalog.all_clients(&world.id), catalog.redirected(&world.id));
            let known = self.counters.entry(world.id.clone()).or_default();
            if counters.0 < known.0 || counters.1 < known.1 {
                let detail = format!("{} fell from {known:?} to {counters:?}", world.id);
                return self.fail(now, "counters only grow", &detail);
            }
            *known = counters;
        }
    }

    /// How a failover stands in the desk.
    pub(crate) fn progress(&mut self, now: Timestamp, record: &FailoverRecord, counts: Counts) {
        let sum = counts.landed + counts.refused + counts.left + counts.pending;
        if counts.present != sum {
            return self.fail(now, "the ledger's sum", &format!("{}: {counts:?}", record.id));
        }
        let watched = self.moves.entry(record.id.clone()).or_default();
        if let Some(present) = watched.present
            && counts.present < present
        {
            let detail = format!("{}: {present} were stored as present, {counts:?}", record.id);
            return self.fail(now, "the present are fixed", &detail);
        }
        let second_ago = now - Duration::from_millis(999);
        watched.placed_at.retain(|at| *at >= second_ago);
        watched.rates.retain(|(at, _)| *at >= second_ago);
        for _ in watched.placed..counts.placed {
            watched.placed_at.push_back(now);
        }
        watched.placed = watched.placed.max(counts.placed);
        let before = watched.rates.back().map_or(0.0, |(_, rate)| *rate);
        watched.rates.push_back((now, record.plan.rate_per_second));
        let rate = watched.rates.iter().map(|(_, rate)| *rate).fold(before, f64::max);
        // A whole person more than the rate's share is the least that a second can see.
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let placed = watched.placed_at.len() as f64;
        if placed > (rate * 1.1).floor() + 1.0 {
            let detail = format!("{}: {placed} placed within a second, planned {rate}", record.id);
            self.fail(now, "pacing is within the plan", &detail);
        }
    }

    /// Which sessions are listed in more than one world now.
    pub(crate) fn listed_twice(&mut self, now: Timestamp, sessions: &[SessionId]) {
        self.doubles.retain(|session, _| sessions.contains(session));
        for session in sessions {
            let since = *self.doubles.entry(session.clone()).or_insert(now);
            if now.since(since) > DOUBLE_LISTED_MAX {
                return self.fail(now, "two worlds", &format!("{session} is in two since {since}"));
            }
        }
    }
}
