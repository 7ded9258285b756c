//! The domain of Lifeboat, pure: no IO, no clock, no randomness. Whatever decides lives here, and
//! the server, the client SDK, the bots and the simulator all run the same code.

pub mod ids;
pub mod limits;
pub mod ticket;
pub mod time;
