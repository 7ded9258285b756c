//! Failovers as acts: the one-step request, the way back, steering, and what is kept of them.

mod facts;
pub(crate) mod fields;
mod keeper;
mod ledger_log;
mod outage;
mod planning;
mod record;
mod report;
mod start;
mod steer;
mod view;
mod waiting;

pub(crate) use facts::readiness_of;
pub(crate) use keeper::{has_begun, restore, run as keep_ledgers};
pub(crate) use outage::run as date_outages;
pub(crate) use record::{by_hand, put_records};
pub(crate) use report::report;
pub(crate) use start::{Started, fail_back, fail_over, undo};
pub(crate) use steer::{Retune, hold, known, nudge, resume, retune};
pub(crate) use view::{record_view, rows_of};
pub(crate) use waiting::{run as end_waits, waits_in_vain};
