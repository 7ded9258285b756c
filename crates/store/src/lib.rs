//! A revisioned key-value store with preconditions on several keys and a watch.
//!
//! [`Store`] is the contract, its guarantees and what its errors mean. The backends are
//! [`SqliteStore`], durable and embedded, and [`MemoryStore`], for tests and simulation. One suite,
//! [`conformance`], runs on every backend.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
pub mod limits;
mod memory;
mod range;
mod sqlite;
mod store;
mod transaction;
mod watch;

#[cfg(test)]
mod model_tests;

pub use error::{Cause, Outage, StoreError};
pub use memory::MemoryStore;
pub use range::{Listing, Order, Range};
pub use sqlite::{OpenError, SqliteStore};
pub use store::{KeyValue, Revision, Store};
pub use transaction::{Outcome, Precondition, Transaction, Write};
pub use watch::{Batch, Change, Watch};
