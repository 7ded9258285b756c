//! Drills: bots on the real pair, there and back, timed. A drill asks for the same failover and
//! failback as an operator would; a real one goes before it.

mod begin;
mod bots;
mod course;
mod machine;
mod recovery;
mod stored;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lifeboat_core::ids::{DrillId, WorldId};
use lifeboat_core::limits::DRILL_PREEMPT_WAIT;
use tokio::sync::watch;

pub(crate) use begin::{NewDrill, begin};
pub(crate) use recovery::recover;

use crate::app::App;

/// The role under which a drill acts.
const ROLE: &str = "drill";

/// The drills that run in this process.
#[derive(Debug, Default)]
pub(crate) struct Drills {
    running: Mutex<HashMap<WorldId, Running>>,
}

/// A drill that runs, by its main world.
#[derive(Debug, Clone)]
struct Running {
    id: DrillId,
    standby: WorldId,
    /// Set by a real failover.
    preempted: Arc<watch::Sender<bool>>,
    /// Closed when the bots are gone.
    bots_gone: watch::Receiver<()>,
}

/// A drill that a real failover ended. It leaves its worlds as they are until this is dropped: what
/// the real one did is known then.
pub(crate) struct Preempted {
    _ended: Arc<watch::Sender<bool>>,
}

/// The place of a drill among those that run; dropping it says that its bots are gone.
struct Place {
    id: DrillId,
    preempted: watch::Receiver<bool>,
    _bots: watch::Sender<()>,
}

impl Drills {
    fn lock(&self) -> MutexGuard<'_, HashMap<WorldId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The drill that either of two worlds takes part in.
    fn of(&self, main: &WorldId, standby: &WorldId) -> Option<DrillId> {
        let running = self.lock();
        let found = taking_part(&running, main).chain(taking_part(&running, standby)).next();
        found.map(|one| one.id.clone())
    }

    /// Whether a drill runs on this world.
    pub(crate) fn has(&self, world: &WorldId) -> bool {
        taking_part(&self.lock(), world).next().is_some()
    }

    /// Takes the place of a drill; none if another runs on either world.
    fn enter(&self, id: &DrillId, main: &WorldId, standby: &WorldId) -> Option<Place> {
        let mut running = self.lock();
        if taking_part(&running, main).chain(taking_part(&running, standby)).next().is_some() {
            return None;
        }
        let (preempt, preempted) = watch::channel(false);
        let (bots, bots_gone) = watch::channel(());
        let one = Running {
            id: id.clone(),
            standby: standby.clone(),
            preempted: Arc::new(preempt),
            bots_gone,
        };
        running.insert(main.clone(), one);
        Some(Place { id: id.clone(), preempted, _bots: bots })
    }

    fn leave(&self, main: &WorldId, place: Place) {
        self.lock().retain(|world, one| world != main || one.id != place.id);
    }
}

/// The drills that a world takes part in, as main world or as standby.
fn taking_part<'a>(
    running: &'a HashMap<WorldId, Running>,
    world: &'a WorldId,
) -> impl Iterator<Item = &'a Running> {
    let is_part = move |(main, one): &(&WorldId, &Running)| *main == world || &one.standby == world;
    running.iter().filter(is_part).map(|(_, one)| one)
}

/// Ends the drills that a world takes part in, as a real failover of it begins, and waits for their
/// bots to be gone.
pub(crate) async fn preempt(app: &App, world: &WorldId) -> Vec<Preempted> {
    let of_world: Vec<Running> = taking_part(&app.drills.lock(), world).cloned().collect();
    let mut ended = Vec::new();
    for mut one in of_world {
        one.preempted.send_replace(true);
        // Closed is what is waited for; nothing is ever sent.
        let gone = async { while one.bots_gone.changed().await.is_ok() {} };
        if tokio::time::timeout(DRILL_PREEMPT_WAIT, gone).await.is_err() {
            tracing::warn!(drill.id = %one.id, "a failover begins with bots of a drill about");
        }
        ended.push(Preempted { _ended: one.preempted });
    }
    ended
}
