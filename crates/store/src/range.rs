//! Ranges of keys and what a listing of one answers. Keys are ordered by their UTF-8 bytes.

use crate::limits::{LIST_BYTES_MAX, LIST_ITEMS_MAX};
use crate::store::{KeyValue, Revision};

/// The direction of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The smallest key first.
    #[default]
    Ascending,
    /// The largest key first.
    Descending,
}

/// Which keys to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// How the keys begin; empty for all.
    pub prefix: String,
    /// The key after which the page begins, in the direction of `order`; it is not listed itself
    /// and need not exist.
    pub after: Option<String>,
    /// Items to list at the most; brought into `1..=LIST_ITEMS_MAX`.
    pub limit: usize,
    /// The direction.
    pub order: Order,
}

impl Range {
    /// The first page of all keys that begin with `prefix`, ascending, as long as a page may be.
    #[must_use]
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), after: None, limit: LIST_ITEMS_MAX, order: Order::Ascending }
    }

    /// The same range from `cursor` on, usually [`Listing::next`].
    #[must_use]
    pub fn after(mut self, cursor: impl Into<String>) -> Self {
        self.after = Some(cursor.into());
        self
    }

    /// The same range with at most `items` on a page.
    #[must_use]
    pub fn limit(mut self, items: usize) -> Self {
        self.limit = items;
        self
    }

    /// The same range, the largest key first.
    #[must_use]
    pub fn descending(mut self) -> Self {
        self.order = Order::Descending;
        self
    }

    /// The keys of this range as an interval.
    pub(crate) fn interval(&self) -> Interval {
        let mut interval = Interval::of_prefix(&self.prefix);
        let Some(after) = &self.after else { return interval };
        match self.order {
            Order::Ascending => {
                // The smallest key that is larger.
                let begin = format!("{after}\0");
                if begin > interval.begin {
                    interval.begin = begin;
                }
            }
            Order::Descending => {
                if interval.end.as_ref().is_none_or(|end| after < end) {
                    interval.end = Some(after.clone());
                }
            }
        }
        interval
    }
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The revision that the items are of.
    pub revision: Revision,
    /// The items, in the order asked for.
    pub items: Vec<KeyValue>,
    /// The cursor for the next page; `None` if this was the last. A page may end before its limit,
    /// so this, and not the number of items, tells whether there is more.
    pub next: Option<String>,
}

/// The keys from `begin` on and before `end`, or without end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) begin: String,
    pub(crate) end: Option<String>,
}

impl Interval {
    pub(crate) fn of_prefix(prefix: &str) -> Self {
        Self { begin: prefix.to_owned(), end: prefix_end(prefix) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.begin)
    }
}

/// The smallest text larger than every text that begins with `prefix`; `None` if there is none.
/// The order of UTF-8 bytes is that of code points, so the last character can be raised.
fn prefix_end(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        if last < char::MAX {
            // The range of chars steps over the surrogates.
            end.extend((last..=char::MAX).nth(1));
            return Some(end);
        }
    }
    None
}

/// Fills a page until the limit of items or bytes, and then remembers the cursor.
pub(crate) struct PageBuilder {
    items: Vec<KeyValue>,
    items_max: usize,
    bytes: usize,
    next: Option<String>,
}

impl PageBuilder {
    pub(crate) fn new(range: &Range) -> Self {
        let items_max = range.limit.clamp(1, LIST_ITEMS_MAX);
        Self { items: Vec::new(), items_max, bytes: 0, next: None }
    }

    /// Whether the page is full; an item that comes now belongs to the next one.
    pub(crate) fn is_full(&self) -> bool {
        self.items.len() >= self.items_max || self.bytes >= LIST_BYTES_MAX
    }

    pub(crate) fn push(&mut self, item: KeyValue) {
        self.bytes += item.key.len() + item.value.len();
        self.items.push(item);
    }

    /// Notes that there is at least one more item.
    pub(crate) fn end_early(&mut self) {
        self.next = self.items.last().map(|item| item.key.clone());
    }

    pub(crate) fn finish(self, revision: Revision) -> Listing {
        Listing { revision, items: self.items, next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_the_next_text_that_does_not_begin_with_it() {
        for (prefix, end) in [
            ("", None),
            ("a", Some("b")),
            ("world/", Some("world0")),
            ("\u{10FFFF}", None),
            ("a\u{10FFFF}", Some("b")),
            ("\u{D7FF}", Some("\u{E000}")),
            ("a\u{7F}", Some("a\u{80}")),
        ] {
            assert_eq!(prefix_end(prefix).as_deref(), end, "{prefix:?}");
        }
    }

    #[test]
    fn a_cursor_outside_the_prefix_does_not_widen_the_range() {
        let range = Range::prefix("b/").after("a");
        assert_eq!(range.interval(), Interval::of_prefix("b/"));
        let range = Range::prefix("b/").descending().after("c");
        assert_eq!(range.interval(), Interval::of_prefix("b/"));
        assert!(Range::prefix("b/").after("c").interval().is_empty());
        assert!(Range::prefix("b/").descending().after("a").interval().is_empty());
    }
}
