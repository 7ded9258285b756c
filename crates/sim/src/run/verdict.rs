//! The checks of one step, and whether everybody is where they belong in the end.

use std::collections::BTreeMap;

use lifeboat_core::failover::{FailoverRecord, MovePhase, Stage};
use lifeboat_core::ids::{SessionId, WorldId};
use lifeboat_core::route::destination;
use lifeboat_gateway::desk::Granted;
use lifeboat_protocol::client::Status;

use super::clients::Host;
use super::{ARRIVAL_BOUND, Simulation, VERDICT_PERIOD};
use crate::event::Event;

impl Simulation {
    /// After every step: what of the clients and the game servers can be seen.
    pub(super) fn check_step(&mut self) {
        for (client, host) in self.hosts.iter().enumerate() {
            let Some(Status::InWorld { server, .. }) = host.machine.status() else { continue };
            let is_there = host.game.is_none_or(|play| &self.plays[play].server == server);
            if host.is_there && !is_there {
                let what = format!("client {client} shows {server} and is connected elsewhere");
                return self.checks.fail(self.now, "two worlds", &what);
            }
        }
        let twice = self.listed_twice();
        self.checks.listed_twice(self.now, &twice);
    }

    fn listed_twice(&self) -> Vec<SessionId> {
        let mut worlds: BTreeMap<&SessionId, &WorldId> = BTreeMap::new();
        let mut twice = Vec::new();
        for server in self.servers.values().filter(|server| server.is_up()) {
            for session in server.players.keys() {
                let other = worlds.insert(session, &server.world);
                if other.is_some_and(|other| other != &server.world) {
                    twice.push(session.clone());
                }
            }
        }
        twice
    }

    /// After whatever the desk was asked.
    pub(super) fn check_desk(&mut self) {
        let Some(desk) = &self.node.desk else { return };
        let catalog = desk.catalog();
        if self.node.watch.is_empty() {
            self.checks.served(self.now, catalog);
        }
        let open = || catalog.failovers().filter(|record| record.phase.is_open());
        for record in catalog.failovers() {
            if let Some(progress) = desk.progress(&record.id) {
                let others = open().filter(|other| other.id != record.id);
                let others = others.fold((0.0, 0.0), |(rate, count), other| {
                    (rate + other.plan.rate_per_second, count + 1.0)
                });
                let placed_since = |since| desk.placed_since(&record.id, since);
                self.checks.progress(self.now, record, progress.counts, placed_since, others);
            }
        }
    }

    /// Whoever is placed is placed where the world that they asked for leads.
    pub(super) fn check_grant(&mut self, granted: &Granted) {
        let Some(desk) = &self.node.desk else { return };
        let leads_to = destination(desk.catalog(), &granted.requested);
        if leads_to.as_ref().map(|world| &world.id) != Ok(&granted.world) {
            let what = format!("{} is placed in {}", granted.session, granted.world);
            self.checks.fail(self.now, "placed where the world leads", &what);
        }
    }

    /// Whether everybody is where they belong; if not, it is looked again until the bound.
    pub(super) fn verdict(&mut self) {
        let Some(mended_at) = self.mended_at else { return };
        let Some(missing) = self.missing() else {
            self.settled_at = Some(self.now);
            return self.note(format_args!("everybody is where they belong"));
        };
        if self.now.since(mended_at) >= ARRIVAL_BOUND {
            self.checks.fail(self.now, "nobody is stranded", &missing);
        }
        self.plan(VERDICT_PERIOD, Event::Verdict);
    }

    /// Who is not where they belong, or which failover is not done, and why.
    fn missing(&self) -> Option<String> {
        for (client, host) in self.hosts.iter().enumerate().filter(|(_, host)| host.is_living()) {
            let status = host.machine.status();
            let Some(Status::InWorld { world, server }) = status else {
                return Some(format!("client {client} is {status:?}"));
            };
            let placed = host.machine.placement()?;
            if self.checks.was_called(&placed.requested_world, world, placed.revision) {
                return Some(format!("client {client} is in {world} and was told to rejoin"));
            }
            let game = self.servers.get(server).filter(|game| game.is_up());
            let is_listed = game.is_some_and(|game| game.players.contains_key(&placed.session));
            if !is_listed {
                return Some(format!("client {client} is on {server}, which does not list it"));
            }
        }
        let listed_elsewhere = self.listed_twice();
        if let Some(session) = listed_elsewhere.first() {
            return Some(format!("{session} is listed in two worlds"));
        }
        self.unfinished()
    }

    fn everybody_is_at_a_destination(&self) -> bool {
        let catalog = self.store.catalog();
        !self.is_edited_by_hand
            && self.hosts.iter().filter_map(|host| host.machine.placement()).all(|placed| {
                destination(&catalog, &placed.requested_world)
                    .is_ok_and(|world| world.id == placed.world)
            })
    }

    /// A failover that waits for somebody although everybody is there.
    fn unfinished(&self) -> Option<String> {
        if self.hosts.iter().any(|host| !host.is_living()) {
            return None;
        }
        // Where an override was changed without calling them, people stay where no world leads.
        let is_settled = |record: &&FailoverRecord| match record.phase {
            MovePhase::Moving | MovePhase::Held => false,
            MovePhase::CompleteWithStragglers => !self.everybody_is_at_a_destination(),
            MovePhase::Complete | MovePhase::Cancelled | MovePhase::FailedBack => true,
        };
        let open = self.store.failovers().find(|record| !is_settled(record))?;
        let ledger = self.store.ledger(&open.id);
        let pending = ledger.rows().iter().find(|row| row.stage == Stage::Pending);
        let waits_for = pending.map(|row| &row.session);
        let is_of = |host: &&Host| host.machine.placement().map(|one| &one.session) == waits_for;
        let client = self.hosts.iter().position(|host| is_of(&host));
        Some(format!("{} is still {:?}, client {client:?}: {:?}", open.id, open.phase, open.counts))
    }
}
