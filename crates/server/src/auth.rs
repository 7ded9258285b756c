//! Who calls: keys and roles of operators and services, tokens of players.

mod role;

pub(crate) use role::{Caller, Role};
