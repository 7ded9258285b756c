//! The Agones SDK contract, as one game server sees it: a pure state machine and its two faces.

pub mod error;
pub(crate) mod grpc;
pub(crate) mod players;
pub(crate) mod request;
pub(crate) mod rest;
pub(crate) mod socket;
pub mod state;
pub(crate) mod stream;
pub(crate) mod view;
