//! Session channels as connections: messages in order, delays, and ends that one side learns of
//! long before the other.

use std::time::Duration;

use lifeboat_core::time::Timestamp;
use lifeboat_gateway::desk::ConnRef;
use lifeboat_protocol::channel::{Beat, Channel};
use lifeboat_protocol::frame::ServerFrame;

use super::Simulation;
use crate::event::{Event, LinkId};

/// How long a client tries to open a channel to a node that does not answer.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// A session channel, from the wish to open it on.
pub(super) struct Link {
    pub(super) client: usize,
    /// Which start of the node it was opened with.
    pub(super) boot: u64,
    /// The session's place at the desk, while the node takes it for open.
    pub(super) key: Option<usize>,
    /// Nothing gets through any more.
    pub(super) is_broken: bool,
    channel: Channel,
    /// When the newest message on its way to the client arrives; none overtakes it.
    client_hears_at: Timestamp,
    node_hears_at: Timestamp,
}

/// How a link looks to the desk.
pub(super) fn conn(link: LinkId) -> ConnRef {
    ConnRef { shard: 0, slot: u32::try_from(link).unwrap_or(u32::MAX), serial: 0 }
}

/// The link that the desk means.
pub(super) fn link_of(conn: ConnRef) -> LinkId {
    usize::try_from(conn.slot).unwrap_or(usize::MAX)
}

impl Simulation {
    pub(super) fn open_channel(&mut self, client: usize, token: String) {
        let link = self.links.len();
        self.links.push(Link {
            client,
            boot: self.node.boot,
            key: None,
            is_broken: false,
            channel: Channel::new(self.now),
            client_hears_at: self.now,
            node_hears_at: self.now,
        });
        self.hosts[client].channel = Some(link);
        if self.reaches_node(client) {
            let at = self.arrival_at_node(link);
            self.queue.plan(at, Event::Open(link, token));
        } else {
            self.plan(OPEN_TIMEOUT, Event::ClosedAtClient(link, None));
        }
    }

    pub(super) fn close_channel(&mut self, client: usize) {
        let Some(link) = self.hosts[client].channel.take() else { return };
        // A broken connection does not carry its own end: the node finds out by its heartbeat.
        if self.reaches_node(client) && !self.links[link].is_broken {
            let at = self.arrival_at_node(link);
            self.queue.plan(at, Event::ClosedAtNode(link));
        } else {
            self.links[link].is_broken = true;
        }
    }

    pub(super) fn send_to_node(&mut self, link: LinkId, text: String) {
        if !self.carries(link) {
            return;
        }
        if self.links[link].is_broken || self.links[link].boot != self.node.boot {
            // The peer does not know the connection and says so.
            let delay = self.delay();
            return self.plan(delay, Event::ClosedAtClient(link, None));
        }
        let at = self.arrival_at_node(link);
        self.queue.plan(at, Event::Said(link, text));
    }

    /// Says whether the node takes the frame for sent.
    pub(super) fn send_to_client(&mut self, link: LinkId, frame: ServerFrame) -> bool {
        if self.links[link].key.is_none() {
            return false;
        }
        if self.carries(link) {
            if self.links[link].is_broken {
                let delay = self.delay();
                self.plan(delay, Event::ClosedAtNode(link));
            } else {
                let at = self.arrival_at_client(link);
                self.queue.plan(at, Event::Heard(link, Box::new(frame)));
            }
        }
        true
    }

    /// The node closes a channel with a last frame.
    pub(super) fn close_at_client(&mut self, link: LinkId, last: ServerFrame, code: u16) {
        if self.carries(link) && !self.links[link].is_broken {
            let at = self.arrival_at_client(link);
            self.queue.plan(at, Event::Heard(link, Box::new(last)));
            self.queue.plan(at, Event::ClosedAtClient(link, Some(code)));
        }
        self.links[link].key = None;
    }

    /// Whether a message gets onto its way; one that does not breaks the connection.
    fn carries(&mut self, link: LinkId) -> bool {
        let client = self.links[link].client;
        let is_lost = !self.is_mended() && self.random.chance(self.scenario.loss);
        if !self.reaches_node(client) || is_lost {
            self.links[link].is_broken = true;
            return false;
        }
        true
    }

    fn arrival_at_node(&mut self, link: LinkId) -> Timestamp {
        let at = (self.now + self.delay()).max(self.links[link].node_hears_at);
        self.links[link].node_hears_at = at;
        at
    }

    fn arrival_at_client(&mut self, link: LinkId) -> Timestamp {
        let at = (self.now + self.delay()).max(self.links[link].client_hears_at);
        self.links[link].client_hears_at = at;
        at
    }

    // --- the node's end ---

    pub(super) fn attach(&mut self, link: LinkId, key: usize) {
        // A channel that begins anew over its connection goes on with that one's heartbeat.
        if self.links[link].key.replace(key).is_none() {
            let channel = Channel::new(self.now);
            self.links[link].channel = channel;
            self.queue.plan(channel.deadline(), Event::Beat(link));
        }
    }

    pub(super) fn beat(&mut self, link: LinkId) {
        if self.links[link].key.is_none() || self.links[link].boot != self.node.boot {
            return;
        }
        match self.links[link].channel.beat(self.now) {
            Some(Beat::Dead) => return self.closed_at_node(link),
            Some(Beat::Ping) => {
                self.send_to_client(link, ServerFrame::Ping {});
            }
            None => {}
        }
        let deadline = self.links[link].channel.deadline();
        self.queue.plan(deadline, Event::Beat(link));
    }

    pub(super) fn said(&mut self, link: LinkId, text: &str) {
        if self.links[link].is_broken || self.links[link].boot != self.node.boot {
            return;
        }
        let now = self.now;
        let Ok(frame) = self.links[link].channel.read(text.as_bytes(), now) else {
            return self.checks.fail(now, "protocol", "the server does not take a client's frame");
        };
        self.frame_came(link, frame);
    }

    /// Every open channel of the node ends at once; most clients are told by their system.
    pub(super) fn drop_links(&mut self) {
        for link in 0..self.links.len() {
            let is_of_boot = self.links[link].boot == self.node.boot;
            if !is_of_boot || self.links[link].is_broken {
                continue;
            }
            self.links[link].is_broken = true;
            self.links[link].key = None;
            let client = self.links[link].client;
            if self.reaches_node(client) && self.random.chance(0.9) {
                let delay = self.delay();
                self.plan(delay, Event::ClosedAtClient(link, None));
            }
        }
    }
}
