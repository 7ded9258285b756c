//! Every limit of a client, with its unit in its name.

use std::time::Duration;

/// Bytes of the buffer that a socket is read through; it grows for larger frames.
pub const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Bytes of one frame from a server, and of what may wait to be written to it.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Time to open a session channel or a game connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the answer to a join; Lifeboat itself may wait 2 s for its catalog.
pub const JOIN_TIMEOUT: Duration = Duration::from_secs(15);
/// How long an idle HTTP connection is kept.
pub const HTTP_IDLE: Duration = Duration::from_secs(20);
/// Joins on their way at once, of one client or of a whole fleet.
pub const JOINS_AT_ONCE_MAX: usize = 128;
/// Time for the last words to a server on leaving.
pub const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);
/// Messages kept for a reader that does not keep up; older ones are dropped.
pub const MESSAGES_KEPT_MAX: usize = 32;
/// Silence of a plaza server after which it is asked for a sign of life, and again after which it
/// is given up. A server with anybody moving in view speaks several times a second.
pub const GAME_QUIET: Duration = Duration::from_secs(5);
/// Time between two steps of a walking bot, before jitter.
pub const STEP_EVERY: Duration = Duration::from_secs(2);
/// Length of a step of a walking bot at the most, in centimetres, in each direction.
pub const STEP_CM_MAX: f64 = 300.0;
/// Sockets of one bot: the session channel and the game connection.
pub const SOCKETS_PER_BOT: u64 = 2;
/// File descriptors of the process that a fleet leaves to everything but its bots.
pub const DESCRIPTORS_RESERVED: u64 = 2 * JOINS_AT_ONCE_MAX as u64 + 64;
/// Outcomes of bots kept for a reader that does not keep up; older ones are dropped.
pub const OUTCOMES_KEPT_MAX: usize = 32_768;
/// Time between two lines of a report.
pub const REPORT_EVERY: Duration = Duration::from_millis(250);
