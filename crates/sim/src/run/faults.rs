//! What breaks, and how all of it is mended in the end.

use std::time::Duration;

use lifeboat_core::ids::ServerId;
use lifeboat_protocol::client::Input;

use super::servers::Life;
use super::{Simulation, VERDICT_PERIOD};
use crate::event::Event;
use crate::scenario::{Command, Fault};
use crate::setup::world_id;

impl Simulation {
    pub(super) fn fault(&mut self, fault: Fault) {
        self.note(format_args!("fault: {fault:?}"));
        match fault {
            Fault::NodeCrash { down } => {
                self.crash();
                self.plan(down, Event::Boot);
            }
            Fault::KillWorld(world) => {
                for server in self.servers_of(world) {
                    self.kill_server(&server);
                }
            }
            Fault::HangWorld(world, wakes_after) => {
                for server in self.servers_of(world) {
                    self.hang_server(&server, wakes_after);
                }
            }
            Fault::KillServer(world) => {
                if let Some(server) = self.servers_of(world).first() {
                    self.kill_server(server);
                }
            }
            Fault::CutFromNode { share, span } => self.cut_from_node(share, span),
            Fault::CutFromGames { share, span } => {
                for client in self.some_clients(share) {
                    self.hosts[client].games_cut_until = self.now + span;
                    // A connection that is cut for so long ends.
                    if let Some(play) = self.hosts[client].game {
                        self.plan(span.min(Duration::from_secs(30)), Event::GameLost(play));
                        self.plan(span.min(Duration::from_secs(30)), Event::GameLeft(play));
                    }
                }
            }
            Fault::BreakLinks { share } => {
                for client in self.some_clients(share) {
                    if let Some(link) = self.hosts[client].channel {
                        self.links[link].is_broken = true;
                    }
                }
            }
            Fault::ClientsDie { share } => {
                for client in self.some_clients(share) {
                    self.power_off(client);
                }
            }
            Fault::ClientsLeave { share } => {
                for client in self.some_clients(share) {
                    self.give(client, Input::Leave);
                }
            }
        }
    }

    fn cut_from_node(&mut self, share: f64, span: Duration) {
        for client in self.some_clients(share) {
            self.hosts[client].node_cut_until = self.now + span;
            if let Some(link) = self.hosts[client].channel {
                // Short cuts are bridged by the transport; long ones break what is open.
                self.links[link].is_broken |= span > Duration::from_secs(20);
            }
        }
    }

    fn power_off(&mut self, client: usize) {
        let host = &mut self.hosts[client];
        host.is_there = false;
        let (channel, game) = (host.channel.take(), host.game.take());
        if let Some(link) = channel {
            self.links[link].is_broken = true;
        }
        if let Some(play) = game {
            self.plan(Duration::from_secs(30), Event::GameLeft(play));
        }
    }

    fn some_clients(&mut self, share: f64) -> Vec<usize> {
        let there: Vec<usize> =
            (0..self.hosts.len()).filter(|client| self.hosts[*client].is_there).collect();
        there.into_iter().filter(|_| self.random.chance(share)).collect()
    }

    fn servers_of(&self, world: &str) -> Vec<ServerId> {
        let world = world_id(world);
        let alive = |life: Life| life != Life::Dead;
        self.servers
            .iter()
            .filter(|(_, server)| server.world == world && alive(server.life))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Faults stop: paths are whole, what hangs goes on or is replaced, nothing is on hold.
    pub(super) fn mend(&mut self) {
        self.mended_at = Some(self.now);
        self.note(format_args!("faults stop"));
        for host in &mut self.hosts {
            host.node_cut_until = self.now;
            host.games_cut_until = self.now;
        }
        self.boot();
        self.catch_up_on_servers();
        self.order(Command::Resume);
        self.plan(VERDICT_PERIOD, Event::Verdict);
    }
}
