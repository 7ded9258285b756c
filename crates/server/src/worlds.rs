//! Worlds: creating, changing, launching and stopping them, and their standbys.
//!
//! The catalog does not hold the revisions of worlds and deployments. Whatever is changed here is
//! read from the store with its revision first, decided upon, and written on the condition that it
//! is still of that revision; a lost race is decided anew, a few times. What is only looked at
//! (live configs, other worlds) comes from the catalog and is a condition of the write where the
//! decision hangs on it.

mod change;
mod create;
mod deployments;
mod draft;
mod launch;
mod mirror;
mod removal;
mod standby;
mod stored;
#[cfg(test)]
mod tests;

pub(crate) use change::{change, etag};
pub(crate) use create::create;
pub(crate) use deployments::{RestartOptions, StopOptions, extend, restart, stop};
pub(crate) use launch::{LaunchOptions, launch};
pub(crate) use mirror::{mirror, overwritten_by};
pub(crate) use removal::remove;
pub(crate) use standby::{StandbyChange, create_standby, set_standby};
pub(crate) use stored::no_deployment;
