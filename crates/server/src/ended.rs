//! Sessions that were kicked and logins that were logged out of, as they are written down: every
//! node knows of them, also after a restart.

use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::SessionId;
use lifeboat_core::limits::{KICKED_MAX, LOGGED_OUT_MAX, PREVIOUS_GRACE, SESSION_TOKEN_TTL};
use lifeboat_core::time::Timestamp;
use lifeboat_store::Transaction;

use crate::auth::Login;
use crate::keyspace;
use crate::writer::json;

/// Ends a session for good: no token of it opens anything any more.
pub(crate) fn kick(catalog: &Catalog, session: &SessionId, now: Timestamp) -> Transaction {
    let until = now + SESSION_TOKEN_TTL + PREVIOUS_GRACE;
    let old = catalog.kicked().to_forget(now, KICKED_MAX);
    note(keyspace::kicked(session), until, old.iter().map(keyspace::kicked))
}

/// Ends a login to the dashboard before its time.
pub(crate) fn log_out(catalog: &Catalog, login: &Login, now: Timestamp) -> Transaction {
    let old = catalog.logged_out().to_forget(now, LOGGED_OUT_MAX);
    note(keyspace::logged_out(&login.id), login.expires_at, old.iter().map(keyspace::logged_out))
}

fn note(key: String, until: Timestamp, old: impl Iterator<Item = String>) -> Transaction {
    let others = old.filter(|one| *one != key);
    let forgetting = others.fold(Transaction::new(), Transaction::delete);
    forgetting.put(key, json(&until))
}
