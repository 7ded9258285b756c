//! The HTTP side: the API, the session channel's upgrade, the pages. Only this crate knows the
//! HTTP framework.

pub(crate) mod body;
pub(crate) mod problem;
