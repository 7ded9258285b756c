//! The catalog: everything that routing, sessions and the API's reads need, in memory, as of one
//! revision of the store. Immutable; a change makes the next catalog, which shares what is the
//! same.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::Ban;
use crate::deployment::Deployment;
use crate::drill::{DrillPhase, DrillRecord};
use crate::ended::Ended;
use crate::failover::{FailoverRecord, Kind, MovePhase, first_rate};
use crate::ids::{BanId, DeploymentId, DrillId, FailoverId, LoginId, SessionId, User, WorldId};
use crate::live_config::{Admission, GameConfig, LiveConfig, OverrideTarget};
use crate::mods::JOINS_PER_SECOND_PER_SERVER_DEFAULT;
use crate::phase::Phase;
use crate::time::Timestamp;
use crate::world::World;

/// Everything known as of one revision.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// The revision of the newest change that is in it.
    pub revision: u64,
    worlds: BTreeMap<WorldId, Arc<World>>,
    live: BTreeMap<WorldId, Arc<LiveEntry>>,
    deployments: BTreeMap<DeploymentId, Arc<Deployment>>,
    bans: BTreeMap<BanId, Arc<Ban>>,
    kicked: Ended<SessionId>,
    logged_out: Ended<LoginId>,
    failovers: BTreeMap<FailoverId, Arc<FailoverRecord>>,
    drills: BTreeMap<DrillId, Arc<DrillRecord>>,
    /// See [`Catalog::called_below`]: asked for every session at every change, so it is looked up.
    undone: BTreeMap<WorldId, u64>,
}

/// A world's live config as of a revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveEntry {
    /// The revision that wrote it.
    #[serde(default)]
    pub revision: u64,
    /// When it was written.
    pub updated_at: Timestamp,
    /// Who wrote it.
    pub updated_by: String,
    /// The values.
    pub config: LiveConfig,
    /// The values that Lifeboat itself acts on, read from `config`.
    #[serde(skip)]
    pub game: GameConfig,
}

impl LiveEntry {
    /// An entry with its typed part read from the values.
    #[must_use]
    pub fn new(
        revision: u64,
        updated_at: Timestamp,
        updated_by: String,
        config: LiveConfig,
    ) -> Self {
        let game = GameConfig::read(&config);
        Self { revision, updated_at, updated_by, config, game }
    }
}

/// One thing that changed; `None` where it was deleted.
#[derive(Debug, Clone)]
pub enum CatalogChange {
    /// A world.
    World(WorldId, Option<World>),
    /// A world's live config.
    Live(WorldId, Option<LiveEntry>),
    /// A deployment.
    Deployment(DeploymentId, Option<Deployment>),
    /// A ban.
    Ban(BanId, Option<Ban>),
    /// A session that was kicked, and until when somebody may show a token of it.
    Kicked(SessionId, Option<Timestamp>),
    /// A login that was logged out of, and until when somebody may show its cookie.
    LoggedOut(LoginId, Option<Timestamp>),
    /// A failover.
    Failover(FailoverId, Option<FailoverRecord>),
    /// A drill.
    Drill(DrillId, Option<Box<DrillRecord>>),
}

fn set<K: Ord, V>(map: &mut BTreeMap<K, Arc<V>>, key: K, value: Option<V>) {
    match value {
        Some(value) => {
            map.insert(key, Arc::new(value));
        }
        None => {
            map.remove(&key);
        }
    }
}

impl Catalog {
    /// The next catalog, with the changes of one revision.
    #[must_use]
    pub fn with(&self, revision: u64, changes: impl IntoIterator<Item = CatalogChange>) -> Self {
        let mut next = self.clone();
        next.revision = revision;
        for change in changes {
            match change {
                CatalogChange::World(id, world) => set(&mut next.worlds, id, world),
                CatalogChange::Live(id, live) => set(&mut next.live, id, live),
                CatalogChange::Deployment(id, one) => set(&mut next.deployments, id, one),
                CatalogChange::Ban(id, ban) => set(&mut next.bans, id, ban),
                CatalogChange::Kicked(id, until) => next.kicked.set(id, until),
                CatalogChange::LoggedOut(id, until) => next.logged_out.set(id, until),
                CatalogChange::Failover(id, record) => set(&mut next.failovers, id, record),
                CatalogChange::Drill(id, record) => {
                    set(&mut next.drills, id, record.map(|record| *record));
                }
            }
        }
        next.find_undone();
        next
    }

    /// The world with this id.
    #[must_use]
    pub fn world(&self, id: &WorldId) -> Option<&Arc<World>> {
        self.worlds.get(id)
    }

    /// Every world, by id.
    pub fn worlds(&self) -> impl Iterator<Item = &Arc<World>> {
        self.worlds.values()
    }

    /// The world with this name.
    #[must_use]
    pub fn world_named(&self, name: &str) -> Option<&Arc<World>> {
        self.worlds.values().find(|world| world.spec.name == name)
    }

    /// The live config of a world.
    #[must_use]
    pub fn live(&self, id: &WorldId) -> Option<&Arc<LiveEntry>> {
        self.live.get(id)
    }

    /// The deployment with this id.
    #[must_use]
    pub fn deployment(&self, id: &DeploymentId) -> Option<&Arc<Deployment>> {
        self.deployments.get(id)
    }

    /// Every deployment, by id.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.deployments.values()
    }

    /// The newest deployment of a world; it may have ended.
    #[must_use]
    pub fn current_deployment(&self, world: &WorldId) -> Option<&Arc<Deployment>> {
        self.deployment(self.world(world)?.deployment.as_ref()?)
    }

    /// The phase of a world: that of its newest deployment.
    #[must_use]
    pub fn phase(&self, world: &WorldId) -> Phase {
        self.current_deployment(world).map_or(Phase::Inactive, |deployment| deployment.phase)
    }

    /// Where a world sends its joiners instead.
    #[must_use]
    pub fn override_of(&self, world: &WorldId) -> Option<OverrideTarget> {
        self.live(world)?.game.failover.target()
    }

    /// The counter for everyone placed in a world.
    #[must_use]
    pub fn all_clients(&self, world: &WorldId) -> u64 {
        self.live(world).map_or(0, |live| live.game.force_disconnect.all_clients)
    }

    /// The counter below which a world's servers let nobody be: `AllClients`, but while people may
    /// stay until it is their turn, or until they are told, the one from before that began.
    #[must_use]
    pub fn door_counter(&self, world: &WorldId) -> u64 {
        let counter = self.called_below(world);
        let staying = self.open_failover(world);
        let staying = staying.filter(|record| record.lets_stay() && record.counter == counter);
        staying.map_or(counter, |record| record.counter_before.min(counter))
    }

    /// The counter below which everyone placed in a world is called out of it: `AllClients`, unless
    /// what raised it was undone before all were told. Then whoever had not left stays.
    #[must_use]
    pub fn called_below(&self, world: &WorldId) -> u64 {
        self.undone.get(world).copied().unwrap_or_else(|| self.all_clients(world))
    }

    fn find_undone(&mut self) {
        let cancelled = |record: &&Arc<FailoverRecord>| record.phase == MovePhase::Cancelled;
        let undone = self.failovers.values().filter(cancelled).filter(|record| record.lets_stay());
        let stands = undone.filter(|one| one.counter == self.all_clients(&one.world_id));
        self.undone = stands.map(|one| (one.world_id.clone(), one.counter_before)).collect();
    }

    /// The counter for everyone who asked for a world and was sent elsewhere.
    #[must_use]
    pub fn redirected(&self, world: &WorldId) -> u64 {
        self.live(world).map_or(0, |live| live.game.force_disconnect.redirected)
    }

    /// A ban.
    #[must_use]
    pub fn ban(&self, id: &BanId) -> Option<&Arc<Ban>> {
        self.bans.get(id)
    }

    /// Every ban.
    pub fn bans(&self) -> impl Iterator<Item = &Arc<Ban>> {
        self.bans.values()
    }

    /// Sessions that were kicked, whose tokens are void.
    #[must_use]
    pub fn kicked(&self) -> &Ended<SessionId> {
        &self.kicked
    }

    /// Logins that were logged out of, whose cookies are void.
    #[must_use]
    pub fn logged_out(&self) -> &Ended<LoginId> {
        &self.logged_out
    }

    /// Whether `user` is kept out of `world`.
    #[must_use]
    pub fn is_banned(&self, user: &User, world: &WorldId) -> bool {
        self.bans.values().any(|ban| ban.holds(user, world))
    }

    /// The failover with this id.
    #[must_use]
    pub fn failover(&self, id: &FailoverId) -> Option<&Arc<FailoverRecord>> {
        self.failovers.get(id)
    }

    /// Every failover, by id.
    pub fn failovers(&self) -> impl Iterator<Item = &Arc<FailoverRecord>> {
        self.failovers.values()
    }

    /// The failover of a world that is still being moved; the newest, where a way home goes on
    /// beside it.
    #[must_use]
    pub fn open_failover(&self, world: &WorldId) -> Option<&Arc<FailoverRecord>> {
        newest(self.open_failovers_of(world))
    }

    /// Every failover of a world that is still being moved, by id.
    pub fn open_failovers_of(&self, world: &WorldId) -> impl Iterator<Item = &Arc<FailoverRecord>> {
        self.failovers_of(world).filter(|one| one.phase.is_open())
    }

    /// Every failover of a world, by id.
    fn failovers_of(&self, world: &WorldId) -> impl Iterator<Item = &Arc<FailoverRecord>> {
        self.failovers.values().filter(move |one| &one.world_id == world)
    }

    /// The newest failover of a world, whether its override still stands or not.
    #[must_use]
    pub fn latest_failover(&self, world: &WorldId) -> Option<&Arc<FailoverRecord>> {
        newest(self.failovers_of(world).filter(|one| one.kind == Kind::Failover))
    }

    /// The drill with this id.
    #[must_use]
    pub fn drill(&self, id: &DrillId) -> Option<&Arc<DrillRecord>> {
        self.drills.get(id)
    }

    /// Every drill, by id.
    pub fn drills(&self) -> impl Iterator<Item = &Arc<DrillRecord>> {
        self.drills.values()
    }

    /// The last drill of a pair that was brought to its end.
    #[must_use]
    pub fn last_drill(&self, main: &WorldId, standby: &WorldId) -> Option<&Arc<DrillRecord>> {
        let is_of_pair =
            |one: &&Arc<DrillRecord>| &one.world_id == main && &one.target_world_id == standby;
        self.complete_drills().filter(is_of_pair).max_by_key(|one| one.finished_at)
    }

    fn complete_drills(&self) -> impl Iterator<Item = &Arc<DrillRecord>> {
        self.drills.values().filter(|one| one.phase == DrillPhase::Complete)
    }

    /// How many people a world takes in a second: as its live config says, else as the last drill
    /// into it measured, else as its mod says.
    #[must_use]
    pub fn joins_per_second(&self, world: &WorldId) -> f64 {
        self.joins_per_second_with(world, self.live(world).map(|live| live.game.admission))
    }

    /// The same, if the section `Admission` of its live config were `admission`.
    #[must_use]
    pub fn joins_per_second_with(&self, world: &WorldId, admission: Option<Admission>) -> f64 {
        let set = admission.map(|admission| admission.joins_per_second);
        let into = self.complete_drills().filter(|one| &one.target_world_id == world);
        let measured = into.max_by_key(|one| one.finished_at).and_then(|one| one.joins_per_second);
        let deployment = self.current_deployment(world);
        let of_mod =
            deployment.map_or(JOINS_PER_SECOND_PER_SERVER_DEFAULT, |one| one.joins_per_second());
        first_rate(set, measured, of_mod).rate.get()
    }

    /// Whether a world is failed over, or its people are being moved away. While they come home
    /// they are its own again.
    #[must_use]
    pub fn is_away(&self, world: &WorldId) -> bool {
        let moves_away = |record: &Arc<FailoverRecord>| record.kind == Kind::Failover;
        self.override_of(world).is_some() || self.open_failover(world).is_some_and(moves_away)
    }

    /// Whether a world is the source or the target of an override.
    #[must_use]
    pub fn takes_part_in_override(&self, world: &WorldId) -> bool {
        let is_target = |live: &LiveEntry| {
            live.game.failover.target().is_some_and(|target| &target.world == world)
        };
        self.override_of(world).is_some() || self.live.values().any(|live| is_target(live))
    }
}
/// The one of these failovers that began last.
pub(crate) fn newest<'a>(
    failovers: impl Iterator<Item = &'a Arc<FailoverRecord>>,
) -> Option<&'a Arc<FailoverRecord>> {
    failovers.max_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)))
}
