//! What must hold after every step, whatever breaks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use lifeboat_core::catalog::{Catalog, CatalogChange};
use lifeboat_core::failover::{Counts, FailoverRecord};
use lifeboat_core::ids::{FailoverId, SessionId, WorldId};
use lifeboat_core::time::Timestamp;
use lifeboat_gateway::desk::Desk;

/// How long two worlds may list one session, as the end of one connection is on its way.
const DOUBLE_LISTED_MAX: Duration = Duration::from_secs(45);

const SECOND: Duration = Duration::from_secs(1);
/// How long slots that a failover gave may be taken after it is over.
const SLOTS_STAND: Duration = Duration::from_secs(60);

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
    rate: Recent,
    others_rate: Recent,
    others: Recent,
    /// Who was present once that was stored.
    present: Option<usize>,
    /// Who was present when the failover began, stored or not.
    members: BTreeSet<SessionId>,
}

/// A rate, and what it was a while ago.
#[derive(Debug, Default)]
struct Recent(VecDeque<(Timestamp, f64)>);

impl Recent {
    /// The highest rate within `span` until now, which is `rate` from now on.
    fn highest(&mut self, now: Timestamp, span: Duration, rate: f64) -> f64 {
        if self.0.back().is_none_or(|(_, last)| (last - rate).abs() > f64::EPSILON) {
            self.0.push_back((now, rate));
        }
        while self.0.get(1).is_some_and(|(since, _)| *since <= now - span) {
            self.0.pop_front();
        }
        self.0.iter().map(|(_, rate)| *rate).fold(rate, f64::max)
    }
}

/// When a world's counters were raised last, and what they are.
#[derive(Debug, Default)]
struct Raised {
    all_clients: (u64, u64),
    redirected: (u64, u64),
}

/// What was committed and what was seen, and the first rule that did not hold.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    overrides: BTreeMap<WorldId, Option<WorldId>>,
    counters: BTreeMap<WorldId, (u64, u64)>,
    /// The revisions at which each world's counters were raised last.
    raised: BTreeMap<WorldId, Raised>,
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
                    let counters = live.game.force_disconnect;
                    let raised = self.raised.entry(world.clone()).or_default();
                    if counters.all_clients > raised.all_clients.1 {
                        raised.all_clients = (live.revision, counters.all_clients);
                    }
                    if counters.redirected > raised.redirected.1 {
                        raised.redirected = (live.revision, counters.redirected);
                    }
                }
                CatalogChange::Failover(id, Some(record)) if record.present_fixed => {
                    let present = record.counts.present;
                    self.moves.entry(id.clone()).or_default().present.get_or_insert(present);
                }
                _ => {}
            }
        }
    }

    /// Whether somebody who was placed by the catalog of `revision` was told to rejoin since. What
    /// tokens say is not asked: this is about what operators did.
    pub(crate) fn was_called(&self, requested: &WorldId, placed: &WorldId, revision: u64) -> bool {
        let raised = |world| self.raised.get(world);
        raised(placed).is_some_and(|raised| raised.all_clients.0 > revision)
            || (requested != placed
                && raised(requested).is_some_and(|raised| raised.redirected.0 > revision))
    }

    /// A desk has taken a failover up that began.
    pub(crate) fn began(&mut self, id: &FailoverId, desk: &Desk) {
        let present = desk.rows(id).unwrap_or_default().into_iter().map(|row| row.session);
        self.moves.entry(id.clone()).or_default().members.extend(present);
    }

    /// A session has come back while a desk still collects who was present.
    pub(crate) fn came_back(&mut self, now: Timestamp, session: &SessionId, desk: &Desk) {
        let collects = |id| desk.progress(id).is_some_and(|progress| !progress.present_fixed);
        let counts = |id| {
            let rows = desk.rows(id).unwrap_or_default();
            rows.iter().any(|row| row.session == *session)
        };
        let mut began = self.moves.iter().filter(|(_, one)| one.members.contains(session));
        let missed = began.find(|(id, _)| collects(id) && !counts(id));
        if let Some((id, _)) = missed {
            let detail = format!("{session} was present at {id}, which has no row for it");
            self.fail(now, "whoever was present is accounted for", &detail);
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
    ///
    /// `others` are the rate of all other failovers in progress, and how many they are: who moves
    /// in two at once is in both ledgers and is paced by one of them, also by a slot that was
    /// given just before.
    pub(crate) fn progress(
        &mut self,
        now: Timestamp,
        record: &FailoverRecord,
        counts: Counts,
        placed_since: impl Fn(Timestamp) -> usize,
        others: (f64, f64),
    ) {
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
        if !record.phase.is_open() {
            // Who is still on its ledger is placed by another one, at that one's pace.
            *watched = Watched { present: watched.present, ..Watched::default() };
            return;
        }
        let second_ago = now - Duration::from_millis(999);
        // By when they were, not by when it is known: who was placed right before a crash is known
        // once it has landed.
        let placed = placed_since(second_ago);
        let own = record.plan.rate_per_second;
        let rate = watched.rate.highest(now, SECOND, own)
            + watched.others_rate.highest(now, SLOTS_STAND, others.0);
        let lines = 1.0 + watched.others.highest(now, SLOTS_STAND, others.1);
        // A line can have one person more in a second than its rate: at both ends of it.
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let placed = placed as f64;
        if placed > (rate * 1.1).floor() + lines {
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
