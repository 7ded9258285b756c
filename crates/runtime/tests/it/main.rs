//! The local runtime with real processes and real sockets.

mod adoption;
mod processes;
mod rest;
mod support;
