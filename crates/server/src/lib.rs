//! The control plane: wires the parts together and serves them over HTTP.

mod feed;
mod http;
mod ids;
mod keyspace;
mod mods;
mod writer;
