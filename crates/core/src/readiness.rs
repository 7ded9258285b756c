//! Readiness: whether a standby would do, check by check, each with both values and a remedy that
//! is a command. What runs is compared, not what is wished for: while a deployment of a world is
//! not Inactive, its build, seats and time count; else the world's own, with which it would be
//! launched. So the checks work with the main world dead, too.

mod access;
mod build;
mod capacity;
mod check;
mod deployment;
mod live;
mod remedy;
#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::LiveEntry;
use crate::deployment::Deployment;
use crate::live_config::ConfigRules;
use crate::phase::Phase;
use crate::time::Timestamp;
use crate::world::{Build, World};

pub use check::{Check, CheckId, Severity};

/// What is known of a main world and its standby, as of one moment.
#[derive(Debug, Clone, Copy)]
pub struct PairFacts<'a> {
    /// The main world.
    pub main: Side<'a>,
    /// The world that stands in for it, if there is one.
    pub standby: Option<Side<'a>>,
    /// The world that the main world itself stands in for, if it is a standby.
    pub stands_in_for: Option<&'a World>,
    /// People connected in the main world.
    pub connected_in_main: usize,
    /// Seats of the standby that are taken, held or reserved.
    pub seats_used_at_standby: usize,
    /// When the last drill of the pair was finished.
    pub last_drill_at: Option<Timestamp>,
}

/// What is known of one of the two worlds.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The world.
    pub world: &'a World,
    /// Its newest deployment; it may have ended.
    pub deployment: Option<&'a Deployment>,
    /// Its live config.
    pub live: Option<&'a LiveEntry>,
    /// The rules of its live config; none when its mod is not installed any more.
    pub rules: Option<&'a ConfigRules>,
    /// Servers of the deployment that are observed to hang.
    pub hung_servers: usize,
}

/// Whether a standby would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// Whether every check holds that blocks.
    pub ready: bool,
    /// When this was found.
    pub checked_at: Timestamp,
    /// Each check, those that hold included.
    pub checks: Vec<Check>,
}

impl Readiness {
    /// The checks that do not hold and block.
    pub fn blocking(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.blocks())
    }

    /// The check with this id.
    #[must_use]
    pub fn check(&self, id: CheckId) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }
}

impl<'a> Side<'a> {
    /// The newest deployment as long as it is not Inactive.
    #[must_use]
    pub fn standing(&self) -> Option<&'a Deployment> {
        self.deployment.filter(|deployment| deployment.phase != Phase::Inactive)
    }

    /// What runs, or would be launched.
    #[must_use]
    pub fn build(&self) -> &'a Build {
        self.standing().map_or(&self.world.spec.build, |deployment| &deployment.build)
    }

    /// How many people fit in, or would.
    #[must_use]
    pub fn seats(&self) -> u32 {
        let profile = self.world.spec.scale.profile;
        self.standing().map_or(profile.seats(), |deployment| deployment.seats)
    }

    /// Whether people can be placed in its deployment.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.deployment.is_some_and(Deployment::takes_people)
    }

    /// Whether every server that should take people does, and none hangs. Of a deployment that is
    /// not Active only the latter is asked: that it is not Active is a matter of its own.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        let is_complete = |deployment: &Deployment| {
            let ready = u32::try_from(deployment.ready_servers().count()).unwrap_or(u32::MAX);
            deployment.phase != Phase::Active || ready >= deployment.servers_wanted
        };
        self.hung_servers == 0 && self.deployment.is_none_or(is_complete)
    }
}

/// A main world with a standby.
struct Pair<'a> {
    main: Side<'a>,
    standby: Side<'a>,
    facts: &'a PairFacts<'a>,
    now: Timestamp,
}

/// Compares a main world with its standby. Without a standby the answer is one check that blocks,
/// [`CheckId::StandbyExists`], which is otherwise left out.
#[must_use]
pub fn check(facts: &PairFacts<'_>, now: Timestamp) -> Readiness {
    let checks = match facts.standby {
        Some(standby) => {
            let pair = Pair { main: facts.main, standby, facts, now };
            let groups = [build::checks, capacity::checks, access::checks, deployment::checks];
            let mut checks: Vec<_> = groups.iter().flat_map(|group| group(&pair)).collect();
            checks.extend(live::checks(&pair));
            checks.sort_by_key(|check| check.id);
            checks
        }
        None => vec![without_standby(facts)],
    };
    let ready = !checks.iter().any(Check::blocks);
    Readiness { ready, checked_at: now, checks }
}

fn without_standby(facts: &PairFacts<'_>) -> Check {
    let id = &facts.main.world.id;
    let check = Check::new(CheckId::StandbyExists, false, id.as_str(), Value::Null);
    match facts.stands_in_for {
        Some(main) => check
            .saying(is_standby_of(main))
            .remedied(format!("lifeboat standby check {}", main.id)),
        None => check
            .saying("the world has no standby that people could be sent to")
            .remedied(format!("lifeboat standby create {id}")),
    }
}

/// What is said where a standby is named and its main world is meant.
#[must_use]
pub fn is_standby_of(main: &World) -> String {
    format!("this is the standby of {}; name that", main.spec.name)
}
