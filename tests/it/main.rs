//! Black-box tests of the real `lifeboat` binary, written against the contract alone: real
//! processes, real sockets, a real database, killed for real. Waits are for a value, with a bound.
//!
//! The binary is the one beside the tests in the target directory; build it first, as
//! `make test` does.

mod alarms;
mod audit;
mod automation;
mod cli;
mod demo;
mod drill;
mod failover;
mod guide;
mod input;
mod live_config;
mod moments;
mod remedies;
mod reopen;
mod report;
mod restart;
mod roles;
mod runbook;
mod servers;
mod steering;
mod tls;
mod webhooks;
mod worlds;

use e2e::{api, guest, proc, server, wait};
