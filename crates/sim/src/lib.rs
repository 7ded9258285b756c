//! The simulator: the real routing, desk, pacing, ledger and client machine under a simulated
//! clock, network, store and crashes. One seed is one history, the same at each run; checkers look
//! after every step whether what must always hold does.

mod check;
mod event;
pub mod million;
mod random;
mod run;
mod scenario;
mod setup;
mod store;
mod trace;

pub use check::Violation;
pub use random::Random;
pub use run::{Outcome, simulate};
pub use scenario::Mutation;
pub use trace::Keep;
