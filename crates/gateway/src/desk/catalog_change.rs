//! A new catalog: who has to be told what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lifeboat_core::access::Ban;
use lifeboat_core::catalog::Catalog;
use lifeboat_core::failover::FailoverRecord;
use lifeboat_core::ids::WorldId;
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::frame::{ByeReason, CloseCode, ServerFrame};

use super::channel::goodbye;
use super::effect::{Effect, Sink};
use super::session::Session;
use super::{Desk, Key, spread};

/// Values that changed, on their way to the people of each world. Whoever is ordered to leave at
/// the same time is told with the order: a second write would cost as much as the order itself.
struct ChangedValues {
    frames: BTreeMap<WorldId, Bytes>,
    /// By key, whether a session was told.
    told: Vec<bool>,
}

impl ChangedValues {
    fn go_with(&mut self, effect: &mut Effect) {
        let Effect::Order { template, to, values } = effect else { return };
        if let Some(frame) = self.frames.get(&template.placed) {
            *values = Some(frame.clone());
            for line in to {
                if self.told.len() <= line.key {
                    self.told.resize(line.key + 1, false);
                }
                self.told[line.key] = true;
            }
        }
    }
}

impl Desk {
    /// Goes on with the next catalog. Orders to leave come first: they are what is urgent. Every
    /// effect is handed to `sink` as soon as it is known, while the rest is still being decided.
    pub fn set_catalog(&mut self, next: Arc<Catalog>, now: Timestamp, sink: &mut Sink<'_>) {
        let before = std::mem::replace(&mut self.catalog, next);
        let touched = touched_worlds(&before, &self.catalog);
        let mut values = self.changed_values(&before, &touched);
        {
            let sink = &mut |mut effect| {
                values.go_with(&mut effect);
                sink(effect);
            };
            self.take_up_failovers(&before, now, sink);
            self.order_touched(&touched, now, sink);
        }
        self.push_values(values).into_iter().for_each(&mut *sink);
        self.close_kicked(&before, now).into_iter().for_each(&mut *sink);
        self.close_banned(&before, now).into_iter().for_each(sink);
    }

    fn take_up_failovers(&mut self, before: &Catalog, now: Timestamp, sink: &mut Sink<'_>) {
        let catalog = Arc::clone(&self.catalog);
        for record in catalog.failovers() {
            match before.failover(&record.id) {
                Some(known) if Arc::ptr_eq(known, record) => {}
                Some(_) => self.change_move(record, now, sink),
                None if record.phase.is_open() => self.open_move(record, now, sink),
                None => {}
            }
        }
    }

    /// Orders everyone who has to rejoin since this catalog and was not told yet.
    fn order_touched(&mut self, touched: &BTreeSet<WorldId>, now: Timestamp, sink: &mut Sink<'_>) {
        if touched.is_empty() {
            return;
        }
        let keys: Vec<Key> = self
            .sessions
            .iter()
            .filter(|(_, session)| {
                touched.contains(&session.placed) || touched.contains(&session.requested)
            })
            .filter(|(_, session)| {
                let reason = self.rejoin_reason(session);
                let ordered = session.order.as_ref().map(|order| order.reason);
                reason.is_some_and(|(reason, _)| ordered != Some(reason))
            })
            .map(|(key, _)| key)
            .collect();
        self.order_all(&keys, now, sink);
    }

    /// What the people of each world are to be told of the values that they may see.
    fn changed_values(&self, before: &Catalog, touched: &BTreeSet<WorldId>) -> ChangedValues {
        let frame = |world: &WorldId| Some((world.clone(), self.values_frame(before, world)?));
        let frames = touched.iter().filter_map(frame).collect();
        ChangedValues { frames, told: Vec::new() }
    }

    fn values_frame(&self, before: &Catalog, world: &WorldId) -> Option<Bytes> {
        let is_same = match (before.live(world), self.catalog.live(world)) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            _ => true,
        };
        if is_same {
            return None;
        }
        self.values_between(&self.player_view.of(before, world), world)
    }

    /// Tells whoever was not told with an order.
    fn push_values(&self, values: ChangedValues) -> Vec<Effect> {
        let ChangedValues { frames, told } = values;
        let broadcast = |(world, text)| {
            let to: Vec<_> = self
                .sessions
                .iter()
                .filter(|(_, session)| session.placed == world)
                .filter(|(key, _)| !told.get(*key).copied().unwrap_or(false))
                .filter_map(|(_, session)| Some(session.channel.as_ref()?.conn))
                .collect();
            (!to.is_empty()).then_some(Effect::Broadcast { to, text })
        };
        frames.into_iter().filter_map(broadcast).collect()
    }

    fn close_kicked(&mut self, before: &Catalog, now: Timestamp) -> Vec<Effect> {
        let catalog = Arc::clone(&self.catalog);
        let kicked = catalog.kicked().since(before.kicked());
        kicked.filter_map(|session| self.kick(session, now)).flatten().collect()
    }

    fn close_banned(&mut self, before: &Catalog, now: Timestamp) -> Vec<Effect> {
        let new: Vec<_> = self.catalog.bans().filter(|ban| before.ban(&ban.id).is_none()).collect();
        if new.is_empty() {
            return Vec::new();
        }
        let banned: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, session)| {
                let ends = |ban: &&Arc<Ban>| {
                    ban.holds(&session.user, &session.placed)
                        || ban.holds(&session.user, &session.requested)
                };
                new.iter().any(ends)
            })
            .map(|(_, session)| session.id.clone())
            .collect();
        banned.iter().filter_map(|session| self.kick(session, now)).flatten().collect()
    }

    /// Goodbye to everyone, as the node shuts down: they come back between one and two times
    /// `retry` later, each at its own time.
    #[must_use]
    pub fn shutdown(&self, retry: Duration) -> Vec<Effect> {
        let goodbye = |session: &Session| {
            let retry = spread(retry, session.id.as_str()).as_millis();
            let retry_after_ms = Some(u64::try_from(retry).unwrap_or(u64::MAX));
            let bye = ServerFrame::Bye { reason: ByeReason::Shutdown, retry_after_ms };
            let (conn, text) = (session.channel.as_ref()?.conn, Bytes::from(bye.to_text()));
            Some(Effect::Close { conn, text, code: CloseCode::Shutdown })
        };
        self.sessions.iter().filter_map(|(_, session)| goodbye(session)).collect()
    }

    /// A goodbye to one channel.
    #[must_use]
    pub fn goodbye(conn: super::ConnRef, reason: ByeReason, code: CloseCode) -> Effect {
        goodbye(conn, reason, code)
    }
}

/// Worlds whose live config, deployments or failovers are others than before.
fn touched_worlds(before: &Catalog, after: &Catalog) -> BTreeSet<WorldId> {
    // In order, so that the same change leads to the same effects in the same order.
    let mut touched = BTreeSet::new();
    for world in after.worlds() {
        let live_differs = match (before.live(&world.id), after.live(&world.id)) {
            (Some(old), Some(new)) => !Arc::ptr_eq(old, new),
            (old, new) => old.is_some() != new.is_some(),
        };
        let world_differs = before.world(&world.id).is_none_or(|known| !Arc::ptr_eq(known, world));
        if live_differs || world_differs {
            touched.insert(world.id.clone());
        }
    }
    for deployment in after.deployments() {
        if before.deployment(&deployment.id).is_none_or(|known| !Arc::ptr_eq(known, deployment)) {
            touched.insert(deployment.world.clone());
        }
    }
    touched.extend(changed_failovers(before, after).map(|record| record.world_id.clone()));
    touched
}

/// Failovers that opened or closed.
fn changed_failovers<'a>(
    before: &'a Catalog,
    after: &'a Catalog,
) -> impl Iterator<Item = &'a Arc<FailoverRecord>> {
    after.failovers().filter(|record| {
        before.failover(&record.id).is_none_or(|known| known.phase != record.phase)
    })
}
