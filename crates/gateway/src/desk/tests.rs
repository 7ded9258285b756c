//! The desk driven by hand: a main world and its standby, a few sessions, a clock.

mod failover;
mod fixture;
mod pace;
mod sessions;
mod values;
