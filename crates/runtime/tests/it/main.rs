//! The local runtime with real processes and real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adoption;
mod grpc;
mod processes;
mod rest;
mod support;
