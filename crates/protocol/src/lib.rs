//! What goes over the wire between Lifeboat and its clients, and the two state machines that speak
//! it: the client's and the server's end of the session channel. Pure like `core`: messages in,
//! messages out; the server, the SDKs, the bots and the simulator run the same code.

pub mod channel;
pub mod client;
pub mod frame;
pub mod join;
pub mod problem;
mod schema;
