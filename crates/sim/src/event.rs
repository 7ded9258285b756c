//! Everything that can happen at a moment of simulated time.

use std::collections::BTreeMap;

use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::ServerId;
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::frame::ServerFrame;
use lifeboat_protocol::join::{JoinAnswer, JoinRequest};

use crate::scenario::{Command, Fault};

/// A session channel, by its place among all that were ever opened.
pub(crate) type LinkId = usize;
/// A game connection, by its place among all that were ever opened.
pub(crate) type PlayId = usize;

/// What a join leads to, as the client sees it.
pub(crate) type Outcome = Result<Box<JoinAnswer>, (Option<ErrorCode>, Option<u64>)>;

/// Something that happens.
#[derive(Debug)]
pub(crate) enum Event {
    /// A client begins.
    Arrive(usize),
    /// A client's deadline, unless it has set another since.
    Wake(usize, u64),
    /// A join reaches the node.
    Asked { client: usize, attempt: u64, sent_at: Timestamp, request: JoinRequest },
    /// The answer to a join reaches the client.
    Answered { client: usize, attempt: u64, outcome: Outcome },
    /// A client's wish to open a channel reaches the node.
    Open(LinkId, String),
    /// A client's frame reaches the node.
    Said(LinkId, String),
    /// The end of a channel reaches the node.
    ClosedAtNode(LinkId),
    /// A frame reaches the client.
    Heard(LinkId, Box<ServerFrame>),
    /// The end of a channel reaches the client.
    ClosedAtClient(LinkId, Option<u16>),
    /// The node looks at a channel's heartbeat.
    Beat(LinkId),
    /// The node's desk is looked at.
    Tick(u64),
    /// The node keeps what is new in its ledgers.
    Keep(u64),
    /// The store's watch tells the node of a commit.
    Feed(u64),
    /// The game servers' lists of players reach the node.
    Roll(u64),
    /// The node starts.
    Boot,
    /// A client knocks at a game server.
    Knock(PlayId),
    /// A game server has let a client in.
    Entered(PlayId),
    /// The end of a game connection reaches the client.
    GameLost(PlayId),
    /// The end of a game connection reaches the game server.
    GameLeft(PlayId),
    /// A server is told its world's counter.
    Counter(ServerId, u64),
    /// A hung server goes on.
    Awake(ServerId),
    /// It is noticed that a server is gone.
    Noticed(ServerId),
    /// The server that replaces a lost one is ready.
    Replaced(ServerId),
    /// Something breaks.
    Fault(Fault),
    /// An operator does something.
    Order(Command),
    /// Faults stop, and everything that was broken is mended.
    Mend,
    /// It is looked whether everybody has arrived.
    Verdict,
}

/// Events in the order of their time; those of one time in the order in which they were planned.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    events: BTreeMap<(Timestamp, u64), Event>,
    planned: u64,
}

impl Queue {
    pub(crate) fn plan(&mut self, at: Timestamp, event: Event) {
        self.planned += 1;
        self.events.insert((at, self.planned), event);
    }

    pub(crate) fn next(&mut self) -> Option<(Timestamp, Event)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }
}
