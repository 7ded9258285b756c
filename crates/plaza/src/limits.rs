//! Every limit of the reference world, with its unit in its name. They are the mod's own, so they
//! stand here and not among Lifeboat's in `lifeboat_core::limits`.

use std::time::Duration;

/// Connections of one process; whoever comes over it is hung up on. Below the usual 20 000 file
/// descriptors, with room for the SDK endpoint.
pub const CONNECTIONS_MAX: usize = 16_384;
/// Connections that the kernel may hold ready until they are accepted.
pub const LISTEN_BACKLOG: u32 = 4_096;
/// Bytes that the kernel may hold for one client; a slow one is then noticed by us.
pub const SEND_BUFFER_BYTES: u32 = 64 * 1024;
/// Bytes of the buffer from which a client's frames are read, one for each client. Most frames are
/// of less than a hundred.
pub const READ_BUFFER_BYTES: usize = 512;
/// Bytes of frames to one client that are put together for one write.
pub const WRITE_BUFFER_BYTES: usize = 16 * 1024;
/// Bytes of one frame of a client.
pub const CLIENT_FRAME_BYTES_MAX: usize = 2 * 1024;
/// Bytes of one frame to a client, and of what tungstenite may buffer.
pub const SERVER_FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Bytes that may wait for one client.
pub const BACKLOG_BYTES_MAX: usize = 256 * 1024;
/// Frames that may wait for one client.
pub const BACKLOG_FRAMES_MAX: usize = 128;
/// Time for the upgrade to WebSocket.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for one write to a client.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for a client to answer a close, and for the whole server to end.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Characters of a name.
pub const NAME_CHARS_MAX: usize = 32;
/// Characters of one text said.
pub const TEXT_CHARS_MAX: usize = 280;
/// How fast a person moves at the most, in centimetres per second.
pub const SPEED_CM_PER_SECOND: f64 = 800.0;
/// How much of unused movement is kept, so that jitter of the network corrects nobody.
pub const SPEED_BURST_SECONDS: f64 = 1.0;
/// Messages of a client per second.
pub const MESSAGES_PER_SECOND: f64 = 30.0;
/// Messages that a client may send at once.
pub const MESSAGES_BURST: f64 = 60.0;
/// Messages over the limit after which a client is closed as a flood.
pub const MESSAGES_REFUSED_MAX: u32 = 200;
/// Texts that one person may say per second.
pub const TEXTS_PER_SECOND: f64 = 2.0;
/// Texts that one person may say at once.
pub const TEXTS_BURST: f64 = 5.0;
/// Changes of name per second.
pub const NAMES_PER_SECOND: f64 = 0.2;
/// Changes of name at once.
pub const NAMES_BURST: f64 = 2.0;

/// Side of a cell of the grid, in centimetres.
pub const CELL_CM: i32 = 800;
/// Texts of one room that are kept for the next snapshot.
pub const TEXTS_PER_TICK_MAX: usize = 256;
/// Texts in one frame; the latest are kept.
pub const TEXTS_PER_FRAME_MAX: usize = 32;
/// Snapshots per second, unless live config says otherwise.
pub const SNAPSHOT_RATE_HZ_DEFAULT: u32 = 10;
/// Snapshots per second at the most.
pub const SNAPSHOT_RATE_HZ_MAX: u32 = 20;
/// Snapshots per second at the most in a room of thousands.
pub const SNAPSHOT_RATE_HZ_MULTITUDE: u32 = 2;
/// People who come in per second from which on it is a rush.
pub const RUSH_PER_SECOND: u32 = 500;
/// Snapshots per second at the most in a rush.
pub const SNAPSHOT_RATE_HZ_RUSH: u32 = 1;

/// Time between two health calls.
pub const HEALTH_EVERY: Duration = Duration::from_secs(2);
/// Time between two reports of who is there, in a room of up to a thousand.
pub const PLAYERS_EVERY: Duration = Duration::from_millis(250);
/// Time between two such reports at the most: each names everyone, so a fuller room reports less
/// often, in proportion.
pub const PLAYERS_EVERY_MAX: Duration = Duration::from_secs(2);
/// First wait before an SDK call or a fetch of the keys is tried again; doubled each time.
pub const RETRY_FIRST: Duration = Duration::from_millis(250);
/// Longest wait before an SDK call or a fetch of the keys is tried again.
pub const RETRY_MAX: Duration = Duration::from_secs(2);
/// Time for one SDK call.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of one line of a watch.
pub const WATCH_LINE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of a set of keys.
pub const KEY_SET_BYTES_MAX: usize = 64 * 1024;
/// Keys of a set.
pub const KEYS_MAX: usize = 16;
/// Time between two fetches of the keys.
pub const KEYS_EVERY: Duration = Duration::from_secs(1);
/// How long a ticket of an unknown key waits for the key.
pub const KEYS_WAIT: Duration = Duration::from_secs(3);
/// By how much the clock that issued a ticket may differ from ours.
pub const CLOCK_LEEWAY: Duration = Duration::from_secs(5);
/// Characters of the stage's title that are shown.
pub const TITLE_CHARS_MAX: usize = 80;
