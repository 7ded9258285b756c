//! The clients: the real state machine, and what its actions do in the simulated network.

use lifeboat_core::ids::WorldId;
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::client::{Action, Client, Input, Settings, Status};
use lifeboat_protocol::frame::ServerFrame;
use lifeboat_protocol::join::{ACCEPTS_PLACEMENT, ClientInfo, JoinRequest};

use super::Simulation;
use crate::event::{Event, LinkId, Outcome, PlayId};
use crate::random::Random;
use crate::scenario::Mutation;
use crate::setup::{START, world_id};

/// How long a client waits for the answer to a join.
pub(super) const JOIN_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

/// A client and the connections that it holds.
pub(super) struct Host {
    pub(super) machine: Client,
    pub(super) requested: WorldId,
    pub(super) channel: Option<LinkId>,
    pub(super) game: Option<PlayId>,
    /// The join that an answer is awaited for.
    pub(super) joining: Option<u64>,
    attempts: u64,
    wakes: u64,
    pub(super) is_there: bool,
    /// Until when it cannot reach the control plane.
    pub(super) node_cut_until: Timestamp,
    /// Until when it cannot reach the game servers.
    pub(super) games_cut_until: Timestamp,
}

impl Host {
    pub(super) fn new(takes_pushes: bool, random: &mut Random) -> Self {
        let accepts = takes_pushes.then(|| ACCEPTS_PLACEMENT.to_owned());
        let client = ClientInfo {
            base_version: None,
            kind: Some("simulated".to_owned()),
            accepts: accepts.into_iter().collect(),
        };
        let requested = world_id(if random.chance(0.85) { "main" } else { "third" });
        Self {
            machine: Client::new(Settings { client }),
            requested,
            channel: None,
            game: None,
            joining: None,
            attempts: 0,
            wakes: 0,
            is_there: false,
            node_cut_until: START,
            games_cut_until: START,
        }
    }

    /// Whether it is to be in a world.
    pub(super) fn is_living(&self) -> bool {
        let has_left = matches!(
            self.machine.status(),
            Some(Status::Ended { reason: lifeboat_protocol::client::EndReason::Left })
        );
        self.is_there && !has_left
    }
}

impl Simulation {
    pub(super) fn arrive(&mut self, client: usize) {
        self.hosts[client].is_there = true;
        self.give(client, Input::Start);
    }

    pub(super) fn wake(&mut self, client: usize, wake: u64) {
        if self.hosts[client].wakes == wake {
            self.give(client, Input::Timer);
        }
    }

    pub(super) fn answered(&mut self, client: usize, attempt: u64, outcome: Outcome) {
        if self.hosts[client].joining != Some(attempt) {
            return;
        }
        self.hosts[client].joining = None;
        let input = match outcome {
            Ok(answer) => Input::Joined { answer },
            Err((code, retry_after_ms)) => Input::JoinFailed { code, retry_after_ms },
        };
        self.give(client, input);
    }

    pub(super) fn heard(&mut self, link: LinkId, frame: ServerFrame) {
        let client = self.links[link].client;
        if self.hosts[client].channel == Some(link) && !self.links[link].is_broken {
            self.give(client, Input::Frame { frame });
        }
    }

    pub(super) fn closed_at_client(&mut self, link: LinkId, code: Option<u16>) {
        let client = self.links[link].client;
        if self.hosts[client].channel == Some(link) {
            self.hosts[client].channel = None;
            self.give(client, Input::ChannelClosed { code });
        }
    }

    /// Hands an input to a client's machine and does what it says.
    pub(super) fn give(&mut self, client: usize, input: Input) {
        if !self.hosts[client].is_there {
            return;
        }
        let random = self.random.share();
        let actions = self.hosts[client].machine.handle(input, self.now, random);
        for action in actions {
            self.act(client, action);
        }
        let host = &mut self.hosts[client];
        host.wakes += 1;
        let wake = host.wakes;
        if let Some(at) = host.machine.deadline() {
            self.queue.plan(at.max(self.now), Event::Wake(client, wake));
        }
    }

    fn act(&mut self, client: usize, action: Action) {
        match action {
            Action::Join { request } => self.send_join(client, request),
            Action::OpenChannel { token, .. } => self.open_channel(client, token),
            Action::CloseChannel => self.close_channel(client),
            Action::Send { frame } => {
                if let Some(link) = self.hosts[client].channel {
                    self.send_to_node(link, frame.to_text());
                }
            }
            Action::ConnectGame { ticket, .. } => self.connect_game(client, &ticket),
            Action::DisconnectGame => {
                if self.mutation != Some(Mutation::ClientStaysConnected) {
                    self.disconnect_game(client);
                }
            }
            Action::Show { status } => self.note(format_args!("client {client}: {status:?}")),
            Action::ShowMessage { .. }
            | Action::ShowProgress { .. }
            | Action::LiveConfig { .. } => {}
        }
    }

    fn send_join(&mut self, client: usize, request: JoinRequest) {
        let host = &mut self.hosts[client];
        host.attempts += 1;
        let attempt = host.attempts;
        host.joining = Some(attempt);
        let sent_at = self.now;
        if self.reaches_node(client) {
            let delay = self.delay();
            self.plan(delay, Event::Asked { client, attempt, sent_at, request });
        } else {
            self.no_answer(client, attempt, sent_at);
        }
    }

    /// The client gives a join up when its time is over.
    pub(super) fn no_answer(&mut self, client: usize, attempt: u64, sent_at: Timestamp) {
        let outcome = Err((None, None));
        let at = (sent_at + JOIN_TIMEOUT).max(self.now);
        self.queue.plan(at, Event::Answered { client, attempt, outcome });
    }

    pub(super) fn reaches_node(&self, client: usize) -> bool {
        self.now >= self.hosts[client].node_cut_until
    }

    pub(super) fn reaches_games(&self, client: usize) -> bool {
        self.now >= self.hosts[client].games_cut_until
    }
}
