//! The limits of this crate that nobody else needs to know.

use std::time::Duration;

/// Bytes of the body of one SDK call: enough for a full list of players.
pub const SDK_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Connections, and calls on each, that one server's SDK serves over gRPC at a time.
pub const SDK_CALLS_MAX: usize = 128;
/// Streams that one server's SDK serves at a time.
pub const SDK_WATCHERS_MAX: usize = 64;
/// Labels, and annotations, that one game server carries.
pub const METADATA_ENTRIES_MAX: usize = 128;
/// Bytes of the name in a key of a label or an annotation, as in Kubernetes.
pub const METADATA_NAME_BYTES_MAX: usize = 63;
/// Bytes of a label's value, as in Kubernetes.
pub const LABEL_VALUE_BYTES_MAX: usize = 63;
/// Bytes of an annotation's value.
pub const METADATA_VALUE_BYTES_MAX: usize = 16 * 1024;
/// Values of one list. Agones stops at 1000; ours has to hold every seat of a large server.
pub const LIST_CAPACITY_MAX: i64 = 10_000;
/// Bytes of one value of a list.
pub const LIST_VALUE_BYTES_MAX: usize = 128;
/// Bytes of a stored SDK state that is read back: a full list and full metadata fit.
pub const SDK_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Events kept for a reader that lags.
pub const EVENTS_MAX: usize = 1_024;
/// Requests that wait for one server's supervisor.
pub const REQUESTS_MAX: usize = 16;
/// Time that a killed process may need to vanish.
pub const KILL_WAIT: Duration = Duration::from_secs(5);
/// Time that the SDK's port of an adopted server is waited for.
pub const REBIND_WAIT: Duration = Duration::from_secs(5);
/// Time between two tries at that port.
pub const REBIND_PERIOD: Duration = Duration::from_millis(50);
/// Tries at a game port that no other server was given.
pub const PORT_TRIES_MAX: usize = 64;
/// Time over which changes of a server are gathered into one event.
pub const GATHER_WINDOW: Duration = Duration::from_millis(25);
/// Time between two writes of a server's SDK state.
pub const SAVE_PERIOD: Duration = Duration::from_secs(1);
/// Bytes read from the end of a log for one request.
pub const LOG_TAIL_BYTES_MAX: u64 = 4 * 1024 * 1024;
