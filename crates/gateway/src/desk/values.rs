//! The values that players see, when somebody is moved to another world over an open channel.

use std::collections::BTreeMap;

use bytes::Bytes;
use lifeboat_core::ids::WorldId;
use lifeboat_core::live_config::{Changes, LiveConfig};
use lifeboat_protocol::frame::ServerFrame;

use super::Desk;
use super::effect::{ConnRef, Effect};

/// Who was moved over an open channel, from which world into which.
#[derive(Debug, Default)]
pub(super) struct Moved(BTreeMap<(WorldId, WorldId), Vec<ConnRef>>);

impl Moved {
    pub(super) fn add(&mut self, from: WorldId, to: WorldId, conn: ConnRef) {
        if from != to {
            self.0.entry((from, to)).or_default().push(conn);
        }
    }
}

impl Desk {
    /// What those who were moved have to be told of the values of their new world: where they are
    /// the same as in the world before, nothing.
    pub(super) fn values_for(&self, moved: Moved) -> impl Iterator<Item = Effect> {
        moved.0.into_iter().filter_map(|((from, into), to)| {
            let known = self.player_view.of(&self.catalog, &from);
            Some(Effect::Broadcast { to, text: self.values_between(&known, &into)? })
        })
    }

    /// The frame that makes the values `known` to a client those of `world`, unless they are.
    pub(super) fn values_between(&self, known: &LiveConfig, world: &WorldId) -> Option<Bytes> {
        let changes = Changes::between(known, &self.player_view.of(&self.catalog, world));
        if changes.is_empty() {
            return None;
        }
        let changes = changes.iter().map(|(at, value)| (at.to_owned(), value.clone())).collect();
        let frame = ServerFrame::LiveConfig { revision: self.catalog.revision, changes };
        Some(Bytes::from(frame.to_text()))
    }
}
