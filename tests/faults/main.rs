//! What goes wrong on the night: processes killed and frozen, disks full and slow, rude clients and
//! bad networks, limits driven over their edge. The real binary, real game servers, real sockets,
//! bots of the SDK in processes of their own.
//!
//! Moments are random, from a seed that every test prints; `LIFEBOAT_FAULT_SEED` replays it,
//! `LIFEBOAT_FAULT_RUNS` multiplies the runs, and `make faults` asks for the long form. What each
//! fault must not do, and what was seen, is in `docs/faults.md`.

mod bounds;
mod clients;
mod clocks;
mod limits;
mod network;
mod restart;
mod rude;
mod servers;
mod stage;
mod store;
mod stragglers;
mod trigger;
