//! The desk driven by hand: a main world and its standby, a few sessions, a clock.

mod by_hand;
mod failover;
mod fixture;
mod pace;
mod sessions;
mod values;
