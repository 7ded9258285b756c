//! What the black-box tests of the real binary share: a control plane of a test's own, its API,
//! clients written against the contract alone, bots in processes of their own, and the means to do
//! harm. The tests are in `it/` and `faults/`.

pub mod api;
pub mod bots;
pub mod dice;
pub mod faulty;
pub mod game_mod;
pub mod guest;
pub mod pace;
pub mod proc;
pub mod proxy;
pub mod server;
pub mod wait;
