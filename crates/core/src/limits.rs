//! Every limit of the program, with its unit in its name, in one place.

use std::time::Duration;

/// Bytes of an id, prefix included.
pub const ID_LENGTH_MAX: usize = 64;
/// Characters of a name (world, key, label).
pub const NAME_CHARS_MAX: usize = 120;
/// Characters of a description.
pub const DESCRIPTION_CHARS_MAX: usize = 4_000;
/// Characters of a reason that an operator gives.
pub const REASON_CHARS_MAX: usize = 500;
/// Characters of a message to players.
pub const MESSAGE_CHARS_MAX: usize = 500;
/// Characters of a user's id.
pub const USER_CHARS_MAX: usize = 128;
/// Access groups of a world or a user.
pub const GROUPS_MAX: usize = 64;
/// Labels of a world.
pub const LABELS_MAX: usize = 32;
/// Worlds of one installation.
pub const WORLDS_MAX: usize = 1_000;
/// API keys of one installation.
pub const KEYS_MAX: usize = 1_000;
/// Bans of one installation.
pub const BANS_MAX: usize = 10_000;
/// Deployments of a world that are kept after they ended.
pub const DEPLOYMENT_HISTORY_MAX: usize = 50;
/// Minutes that a world may run.
pub const DURATION_MINUTES_MAX: u32 = 60 * 24 * 31;
/// Bytes of a world's settings, as JSON.
pub const SETTINGS_BYTES_MAX: usize = 64 * 1024;

/// Bytes of an HTTP request's body.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes beyond [`BODY_BYTES_MAX`] that are read and thrown away, so that the client reads the
/// refusal instead of meeting a closed connection.
pub const BODY_DISCARDED_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Time that an HTTP request's body has to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(15);
/// Levels of nesting of a JSON body.
pub const JSON_DEPTH_MAX: usize = 32;
/// Entries of a list's page, when none is asked for.
pub const PAGE_DEFAULT: usize = 100;
/// Entries of a list's page at the most.
pub const PAGE_MAX: usize = 1_000;

/// Bytes of a world's live config, as JSON.
pub const LIVE_CONFIG_BYTES_MAX: usize = 128 * 1024;
/// Earlier revisions of a world's live config that are kept.
pub const LIVE_CONFIG_HISTORY_MAX: usize = 200;
/// By how much one save may raise a counter.
pub const COUNTER_JUMP_MAX: u64 = 1_000;
/// Overrides that a join follows, one after another.
pub const OVERRIDE_HOPS_MAX: usize = 8;

/// How far ahead a newcomer is told its turn: beyond that the pace or the line may change.
pub const TURN_AHEAD_MAX: Duration = Duration::from_secs(30);

/// How often a lost server of a deployment is replaced within [`REPLACEMENT_WINDOW`].
pub const REPLACEMENTS_MAX: usize = 3;
/// The span over which replacements are counted.
pub const REPLACEMENT_WINDOW: Duration = Duration::from_mins(10);
/// Wait before the first replacement of a lost server; doubled for each further one.
pub const REPLACEMENT_BACKOFF: Duration = Duration::from_secs(1);
/// Time a server has from its start to Ready.
pub const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// Time a server has from the request to stop to its end, before it is killed.
pub const STOP_GRACE: Duration = Duration::from_secs(5);
/// Time between two health calls of a game server.
pub const HEALTH_PERIOD: Duration = Duration::from_secs(5);
/// Health calls that a game server may miss in a row.
pub const HEALTH_MISSES_MAX: u32 = 3;
/// Bytes of a server's log file before it is rotated; one older file is kept.
pub const SERVER_LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Lines of a server's log that one request may ask for.
pub const LOG_TAIL_LINES_MAX: usize = 5_000;
/// Servers of one deployment.
pub const SERVERS_MAX: usize = 128;

/// How long a ticket lets its bearer into a game server.
pub const TICKET_TTL: Duration = Duration::from_mins(5);
/// How long a session token opens the session channel.
pub const SESSION_TOKEN_TTL: Duration = Duration::from_hours(6);
/// How long past its expiry a session token still counts as `previous` in a join.
pub const PREVIOUS_GRACE: Duration = Duration::from_hours(24);

/// Time between two pings of the server on a session channel.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// Silence after which either side gives a session channel up: 2.5 heartbeats.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_millis(37_500);
/// How long a client waits for the hello of a channel that begins anew, before it opens one over
/// another connection.
pub const REOPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of one message of a client on the session channel.
pub const CLIENT_FRAME_BYTES_MAX: usize = 4 * 1024;
/// Bytes that may wait to be written to one session channel; more and the client is too slow.
pub const CHANNEL_BACKLOG_BYTES_MAX: usize = 256 * 1024;
/// Sessions of one node.
pub const SESSIONS_MAX: usize = 100_000;
/// Kicked sessions of one installation whose tokens are void; the oldest are forgotten first.
pub const KICKED_MAX: usize = 10_000;

/// How long a dropped user's seat is held, and a mover's seat reserved at the target.
pub const SEAT_HOLD: Duration = Duration::from_mins(5);
/// How long after its channel was lost a session still counts as present at a failover.
pub const PRESENT_GRACE: Duration = Duration::from_secs(60);
/// How often those who wait in a failover are told how far it is, at the most.
pub const PROGRESS_PERIOD: Duration = Duration::from_secs(1);
/// Sessions that are told how far a failover is in a second; of more, each is told less often.
pub const PROGRESS_TOLD_PER_SECOND_MAX: usize = 5_000;
/// How long after the last slot of a failover a pending session becomes a straggler.
pub const STRAGGLER_AFTER: Duration = Duration::from_secs(120);
/// Time after a failover's commit in which another of the same world is refused.
pub const FAILOVER_COOL_DOWN: Duration = Duration::from_secs(60);
/// Bots of a drill.
pub const DRILL_CLIENTS_MAX: usize = 5_000;
/// How long a drill waits for what should have happened by then, and for its world to be fit to be
/// brought home.
pub const DRILL_PATIENCE: Duration = Duration::from_secs(60);
/// How long a real failover waits for the bots of a drill to be gone.
pub const DRILL_PREEMPT_WAIT: Duration = Duration::from_secs(1);
/// Finished drills that are kept.
pub const DRILL_HISTORY_MAX: usize = 100;
/// Finished failovers that are kept.
pub const FAILOVER_HISTORY_MAX: usize = 500;
/// Rows of a failover's ledger that are kept under one key.
pub const LEDGER_PAGE_ROWS: usize = 256;
/// How many times as many rows as the ledger itself has the log of a ledger may hold, before it is
/// begun anew.
pub const LEDGER_LOG_FACTOR: usize = 4;
/// Pages of a ledger's log after which it is begun anew.
pub const LEDGER_LOG_PAGES_MAX: u64 = 1_000;
/// How long a join waits for a catalog at least as new as it asks for.
pub const MIN_REVISION_WAIT: Duration = Duration::from_secs(2);

/// Answers remembered for repeated idempotency keys.
pub const IDEMPOTENCY_KEYS_MAX: usize = 10_000;
/// How long the answer to an idempotency key is remembered.
pub const IDEMPOTENCY_TTL: Duration = Duration::from_hours(24);
/// Bytes of an idempotency key.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// Tries of a write that lost its race before it is given up.
pub const WRITE_RETRIES_MAX: usize = 5;
/// Events kept for readers of the event stream that come back.
pub const EVENTS_KEPT_MAX: usize = 4_096;
/// How long clients of a world whose servers are well may have lost them before that is an alarm.
pub const ALARM_GAME_LOST_AFTER: Duration = Duration::from_secs(10);
/// Of a hundred connected clients, how many have to have lost their game for that.
pub const ALARM_GAME_LOST_PERCENT: usize = 10;
/// Time from an alarm's first alert to its next one with other numbers.
pub const ALERT_SETTLE: Duration = Duration::from_secs(3);
/// Time between further alerts of an alarm with other numbers.
pub const ALERT_REPEAT: Duration = Duration::from_secs(30);
/// Webhooks of one installation.
pub const WEBHOOKS_MAX: usize = 20;
/// Bytes of a webhook's address.
pub const WEBHOOK_URL_BYTES_MAX: usize = 2_048;
/// Deliveries of a webhook that may wait; more, and the oldest waiting one is dropped.
pub const WEBHOOK_PENDING_MAX: usize = 100;
/// Deliveries of a webhook that are kept, those that wait included.
pub const WEBHOOK_DELIVERIES_KEPT_MAX: usize = 200;
/// Time for one try of a delivery, from the connection to the answer's head.
pub const WEBHOOK_TRY_TIMEOUT: Duration = Duration::from_secs(10);
/// Tries of a delivery before it is given up: about three quarters of an hour.
pub const WEBHOOK_TRIES_MAX: u32 = 14;
/// Wait after a delivery's first failed try; doubled for each further one.
pub const WEBHOOK_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait between two tries of a delivery.
pub const WEBHOOK_BACKOFF_MAX: Duration = Duration::from_mins(10);
/// Audit entries kept by an installation.
pub const AUDIT_ENTRIES_MAX: usize = 1_000_000;
/// Wrong logins of one address within a minute.
pub const LOGIN_FAILURES_PER_MINUTE_MAX: usize = 10;
/// Logins of one installation that were logged out of and whose cookies are void; the oldest are
/// forgotten first.
pub const LOGGED_OUT_MAX: usize = 10_000;
/// How long a dashboard login lasts.
pub const LOGIN_TTL: Duration = Duration::from_hours(12);
