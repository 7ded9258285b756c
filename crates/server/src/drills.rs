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
        let is_part =
            |world: &WorldId, of: &WorldId, one: &Running| world == of || world == &one.standby;
        let mut found =
            running.iter().filter(|(of, one)| is_part(main, of, one) || is_part(standby, of, one));
        found.next().map(|(_, one)| one.id.clone())
    }

    /// Takes the place of a drill; none if another runs on either world.
    fn enter(&self, id: &DrillId, main: &WorldId, standby: &WorldId) -> Option<Place> {
        if self.of(main, standby).is_some() {
            return None;
        }
        let (preempt, preempted) = watch::channel(false);
        let (bots, bots_gone) = watch::channel(());
        let running = Running {
            id: id.clone(),
            standby: standby.clone(),
            preempted: Arc::new(preempt),
            bots_gone,
        };
        self.lock().insert(main.clone(), running);
        Some(Place { id: id.clone(), preempted, _bots: bots })
    }

    fn leave(&self, main: &WorldId, place: Place) {
        self.lock().retain(|world, one| world != main || one.id != place.id);
    }
}

/// Ends the drills that a world takes part in, as a real failover of it begins, and waits for their
/// bots to be gone.
pub(crate) async fn preempt(app: &App, world: &WorldId) {
    let of_world: Vec<Running> = {
        let running = app.drills.lock();
        let found = running.iter().filter(|(main, one)| *main == world || &one.standby == world);
        found.map(|(_, one)| one.clone()).collect()
    };
    for mut one in of_world {
        one.preempted.send_replace(true);
        // Closed is what is waited for; nothing is ever sent.
        let gone = async { while one.bots_gone.changed().await.is_ok() {} };
        if tokio::time::timeout(DRILL_PREEMPT_WAIT, gone).await.is_err() {
            tracing::warn!(drill.id = %one.id, "a failover begins with bots of a drill about");
        }
    }
}
