//! What every backend has to pass. [`conformance_suite!`](crate::conformance_suite) makes a test of
//! each function, on an empty store each; a test that fails panics.

mod commits;
mod histories;
mod listings;
mod watches;

use std::time::Duration;

use bytes::Bytes;

use crate::{
    Batch, KeyValue, Listing, Outcome, Range, Revision, Store, StoreError, Transaction, Watch,
};

pub use commits::*;
pub use histories::*;
pub use listings::*;
pub use watches::*;

/// How long a test waits for what has to happen.
const WAIT: Duration = Duration::from_secs(30);

/// Makes the tests of the suite. `$fixture` is an expression that is a future of an empty store,
/// as `Arc<dyn Store>`, and of whatever has to live as long.
#[macro_export]
macro_rules! conformance_suite {
    ($fixture:expr) => {
        $crate::conformance_suite! { $fixture =>
            a_key_is_read_as_it_was_put,
            a_key_that_was_deleted_and_put_again_is_a_new_one,
            a_lost_race_is_a_conflict_that_names_the_key_and_writes_nothing,
            of_many_writers_of_one_revision_one_wins,
            a_counter_raised_by_many_writers_loses_no_count,
            two_saves_that_contradict_each_other_cannot_both_pass,
            a_transaction_is_one_revision,
            a_transaction_that_changes_nothing_makes_no_revision,
            a_prefix_deletion_deletes_just_the_prefix,
            deletions_may_overlap,
            a_key_put_and_written_again_in_one_transaction_is_refused,
            what_is_over_a_limit_is_refused_before_anything_is_done,
            a_value_as_big_as_allowed_is_kept_whole,
            a_store_in_order_is_healthy_and_a_check_makes_no_revision,
            pages_in_both_orders_add_up_to_the_whole,
            a_listing_keeps_to_its_prefix,
            a_page_of_big_values_ends_early_and_tells_where,
            pages_at_one_revision_are_one_state,
            keys_are_ordered_by_their_bytes,
            each_revision_is_listed_as_it_was,
            a_compacted_revision_is_refused_and_names_the_oldest,
            compaction_keeps_the_newest_state,
            a_revision_that_has_not_happened_is_refused,
            a_watch_tells_puts_and_deletions_of_its_prefix_only,
            a_watch_from_the_past_replays_and_goes_on,
            a_watch_has_no_gaps_under_many_writers,
            a_slow_watch_holds_up_no_writer_and_misses_nothing,
            a_wait_that_is_given_up_loses_nothing,
            a_watch_of_a_quiet_prefix_survives_compaction,
            a_watch_that_compaction_overtook_says_so,
            a_prefix_deletion_is_one_batch,
        }
    };
    ($fixture:expr => $($name:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (store, _keep) = $fixture.await;
                $crate::conformance::$name(store).await;
            }
        )*
    };
}

/// The store under test; whatever fails unexpectedly panics.
struct Subject<'a>(&'a dyn Store);

impl Subject<'_> {
    async fn try_commit(&self, transaction: Transaction) -> Outcome {
        self.0.commit(transaction).await.expect("the store takes the transaction")
    }

    async fn commit(&self, transaction: Transaction) -> Revision {
        self.try_commit(transaction).await.committed().expect("nothing conflicts")
    }

    async fn put(&self, key: &str, value: impl Into<Bytes>) -> Revision {
        self.commit(Transaction::new().put(key, value)).await
    }

    async fn delete(&self, key: &str) -> Revision {
        self.commit(Transaction::new().delete(key)).await
    }

    async fn read(&self, key: &str) -> Option<KeyValue> {
        self.0.read(key).await.expect("the store reads")
    }

    async fn text(&self, key: &str) -> Option<String> {
        self.read(key).await.map(|found| text(&found.value))
    }

    async fn refused(&self, transaction: Transaction) -> StoreError {
        self.0.commit(transaction).await.expect_err("the transaction is refused")
    }

    async fn list(&self, range: Range) -> Listing {
        self.0.list(range, None).await.expect("the store lists")
    }

    async fn list_at(&self, range: Range, at: Revision) -> Listing {
        self.0.list(range, Some(at)).await.expect("the store lists the past")
    }

    async fn keys(&self, range: Range) -> Vec<String> {
        keys(&self.list(range).await)
    }

    /// The newest revision.
    async fn newest(&self) -> Revision {
        self.list(Range::prefix("").limit(1)).await.revision
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Watch {
        self.0.watch(prefix, after).await.expect("the revision is kept")
    }
}

async fn next(watch: &mut Watch) -> Batch {
    let batch = tokio::time::timeout(WAIT, watch.next()).await.expect("a change is told in time");
    batch.expect("the watch goes on")
}

fn text(value: &Bytes) -> String {
    String::from_utf8_lossy(value).into_owned()
}

fn keys(listing: &Listing) -> Vec<String> {
    listing.items.iter().map(|item| item.key.clone()).collect()
}
