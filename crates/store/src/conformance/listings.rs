//! Listings: pages, orders and prefixes.

use std::sync::Arc;

use bytes::Bytes;

use super::{Subject, keys};
use crate::limits::{LIST_BYTES_MAX, VALUE_BYTES_MAX};
use crate::{Range, Revision, Store};

/// Every page of `range`, put together.
async fn all_pages(subject: &Subject<'_>, range: Range, at: Option<Revision>) -> Vec<String> {
    let mut range = range;
    let mut found = Vec::new();
    loop {
        let page = match at {
            Some(at) => subject.list_at(range.clone(), at).await,
            None => subject.list(range.clone()).await,
        };
        assert!(page.items.len() <= range.limit.max(1), "a page keeps to its limit");
        found.extend(keys(&page));
        match page.next {
            Some(cursor) => range = range.after(cursor),
            None => return found,
        }
    }
}

/// Paging with a cursor.
pub async fn pages_in_both_orders_add_up_to_the_whole(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let all: Vec<String> = (0..25).map(|number| format!("p/{number:02}")).collect();
    for key in all.iter().chain([&"o".to_owned(), &"q".to_owned()]) {
        subject.put(key, "").await;
    }
    let reversed: Vec<String> = all.iter().rev().cloned().collect();
    for limit in [0, 1, 2, 5, 24, 25, 26, usize::MAX] {
        let range = Range::prefix("p/").limit(limit);
        assert_eq!(all_pages(&subject, range.clone(), None).await, all, "limit {limit}");
        let range = range.descending();
        assert_eq!(all_pages(&subject, range, None).await, reversed, "limit {limit}");
    }
    let last = subject.list(Range::prefix("p/").after("p/19").limit(5)).await;
    assert_eq!((last.items.len(), last.next), (5, None), "a full last page is the last");
    let between = subject.keys(Range::prefix("p/").after("p/221")).await;
    assert_eq!(between, ["p/23", "p/24"], "a cursor need not exist");
    let between = subject.keys(Range::prefix("p/").descending().after("p/011")).await;
    assert_eq!(between, ["p/01", "p/00"]);
}

/// Prefixes, and cursors outside of them.
pub async fn a_listing_keeps_to_its_prefix(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    for key in ["a", "a/1", "a/2", "a0", "b/1"] {
        subject.put(key, "").await;
    }
    assert_eq!(subject.keys(Range::prefix("a/")).await, ["a/1", "a/2"]);
    assert_eq!(subject.keys(Range::prefix("a")).await, ["a", "a/1", "a/2", "a0"]);
    assert!(subject.keys(Range::prefix("c")).await.is_empty());
    assert_eq!(subject.keys(Range::prefix("a/").after("A")).await, ["a/1", "a/2"]);
    assert!(subject.keys(Range::prefix("a/").after("b")).await.is_empty());
    assert_eq!(subject.keys(Range::prefix("a/").descending().after("b")).await, ["a/2", "a/1"]);
    assert!(subject.keys(Range::prefix("a/").descending().after("A")).await.is_empty());
}

/// The limit of bytes.
pub async fn a_page_of_big_values_ends_early_and_tells_where(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let count = LIST_BYTES_MAX / VALUE_BYTES_MAX + 2;
    let big = Bytes::from(vec![7; VALUE_BYTES_MAX]);
    let mut all = Vec::new();
    for number in 0..count {
        let key = format!("big/{number:02}");
        subject.put(&key, big.clone()).await;
        all.push(key);
    }
    let page = subject.list(Range::prefix("big/")).await;
    assert!(page.items.len() < count && page.next.is_some(), "{} items", page.items.len());
    assert_eq!(all_pages(&subject, Range::prefix("big/"), None).await, all);
}

/// Paging through a state while it changes.
pub async fn pages_at_one_revision_are_one_state(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let all: Vec<String> = (0..10).map(|number| format!("p/{number}")).collect();
    for key in &all {
        subject.put(key, "old").await;
    }
    let first = subject.list(Range::prefix("p/").limit(3)).await;
    subject.delete("p/5").await;
    subject.put("p/6", "new").await;
    subject.put("p/61", "new").await;
    let mut found = keys(&first);
    let rest = Range::prefix("p/").limit(3).after(first.next.expect("there is more"));
    found.extend(all_pages(&subject, rest.clone(), Some(first.revision)).await);
    assert_eq!(found, all);
    let page = subject.list_at(rest, first.revision).await;
    assert_eq!(page.revision, first.revision);
    assert!(page.items.iter().all(|item| item.value == "old"));
    let reversed: Vec<String> = all.iter().rev().cloned().collect();
    let range = Range::prefix("p/").limit(3).descending();
    assert_eq!(all_pages(&subject, range, Some(first.revision)).await, reversed);
}

/// The order of keys.
pub async fn keys_are_ordered_by_their_bytes(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let mut all =
        ["Z", "a", "a\0", "a\0b", "a ", "aa", "B", "ß", "\u{E000}", "\u{10000}", "\u{7F}"];
    for key in all {
        subject.put(key, "").await;
    }
    all.sort_unstable();
    assert_eq!(all_pages(&subject, Range::prefix("").limit(2), None).await, all);
    all.reverse();
    assert_eq!(all_pages(&subject, Range::prefix("").limit(2).descending(), None).await, all);
    for key in all {
        assert_eq!(subject.text(key).await.as_deref(), Some(""), "{key:?}");
    }
}
