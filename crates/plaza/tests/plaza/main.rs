//! Plaza over real sockets, with real tickets and a stand-in for Lifeboat.

mod entry;
mod inside;
mod reports;
mod support;
