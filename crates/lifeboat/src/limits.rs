//! Every limit of the command line, with its unit in its name.

use std::time::Duration;

/// Time to reach the control plane.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for an answer of the control plane.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Entries asked for in one page of a list.
pub(crate) const PAGE_ENTRIES: usize = 500;
/// Pages of a list that are read at the most.
pub(crate) const PAGES_MAX: usize = 200;
/// Time between two looks at something that changes.
pub(crate) const POLL_EVERY: Duration = Duration::from_millis(250);
/// How long a control plane may be away while a failover is watched; it goes on when it is back.
pub(crate) const AWAY_MAX: Duration = Duration::from_secs(120);
/// Time between two lines of progress where there is no terminal to draw on.
pub(crate) const LINE_EVERY: Duration = Duration::from_secs(1);
/// Columns of a table where there is no terminal to ask.
pub(crate) const COLUMNS_DEFAULT: u16 = 80;
/// Characters of an answer that is no JSON, shown in an error.
pub(crate) const EXCERPT_CHARS: usize = 300;
/// Time that bots have to say goodbye.
pub(crate) const FAREWELL: Duration = Duration::from_secs(10);
/// Bots per second of a fleet that comes without a ramp of its own.
pub(crate) const BOTS_PER_SECOND: usize = 100;

/// Time that the demo's control plane has to listen.
pub(crate) const DEMO_SERVE_WITHIN: Duration = Duration::from_secs(20);
/// Time that the demo's worlds have to become Active.
pub(crate) const DEMO_ACTIVE_WITHIN: Duration = Duration::from_secs(60);
/// Time that the demo's bots have to be in the main world, apart from their ramp.
pub(crate) const DEMO_ARRIVE_WITHIN: Duration = Duration::from_secs(60);
/// Time that everyone has to land, before the demo gives up on them.
pub(crate) const DEMO_LAND_WITHIN: Duration = Duration::from_secs(180);
/// Time that a child process of the demo has to end by itself.
pub(crate) const CHILD_GRACE: Duration = Duration::from_secs(10);
/// Servers whose logs are printed at once.
pub(crate) const LOG_SERVERS_MAX: usize = 20;
/// Lines of a log that an error of the demo ends with.
pub(crate) const LOG_TAIL_LINES: usize = 30;
