//! Automatic failovers: what is kept of the policies, and the watch that acts on them. It asks for
//! the same failover as an operator would, under the same rules, and never forces anything.

mod kept;
mod watch;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lifeboat_core::code::ErrorCode;
use lifeboat_core::failover::AutomationPolicy;
use lifeboat_core::ids::WorldId;
use lifeboat_core::time::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use kept::{set_policy, set_switch};
pub(crate) use watch::{run, view};

/// The name under which automatic failovers are recorded.
pub(crate) const ACTOR: &str = "automation";

/// Whether all automation was stopped, by whom and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Switch {
    pub(crate) stopped: bool,
    pub(crate) reason: String,
    pub(crate) by: String,
    pub(crate) at: Option<Timestamp>,
}

/// What was seen and said of a world since this process began.
#[derive(Debug, Clone, Default)]
struct Seen {
    trouble_since: Option<Timestamp>,
    /// What it is blocked by.
    blocked: Option<Obstacle>,
    /// When it is tried again, after a try that failed although no rule spoke against it.
    retry_at: Option<Timestamp>,
    /// That it counts down was said.
    is_announced: bool,
}

/// What speaks against a failover, or made one fail.
#[derive(Debug, Clone)]
struct Obstacle {
    /// By these it is the same as another: what is said of it may count seconds down.
    codes: BTreeSet<String>,
    /// In words.
    text: String,
}

impl Obstacle {
    fn refused(code: ErrorCode) -> Self {
        let code = code.as_str().to_owned();
        Self { codes: BTreeSet::from([code.clone()]), text: code }
    }
}

/// Policies and switch as they are kept, and what was seen.
#[derive(Debug, Default)]
pub(crate) struct Automation {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    switch: Switch,
    policies: BTreeMap<WorldId, AutomationPolicy>,
    seen: HashMap<WorldId, Seen>,
}

impl Automation {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The switch.
    pub(crate) fn switch(&self) -> Switch {
        self.lock().switch.clone()
    }

    /// The policy of a world; the default, which is off, if nobody set one.
    pub(crate) fn policy(&self, world: &WorldId) -> AutomationPolicy {
        self.lock().policies.get(world).copied().unwrap_or_default()
    }
}
