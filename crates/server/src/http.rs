//! The HTTP side: the API, the session channel's upgrade, the pages. Only this crate knows the
//! HTTP framework.

pub(crate) mod access;
pub(crate) mod body;
pub(crate) mod cursor;
pub(crate) mod faults;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod handlers;
pub(crate) mod handover;
pub(crate) mod idempotency;
pub(crate) mod json;
pub(crate) mod listen;
pub(crate) mod negotiate;
pub(crate) mod openapi;
pub(crate) mod pages;
pub(crate) mod problem;
pub(crate) mod router;
pub(crate) mod tags;
pub(crate) mod tls;
pub(crate) mod views;
