//! Who was placed and has not arrived, for as long as that may be a matter of the way.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// Who takes longer than this is not on the way but lost: a client that died between its placement
/// and its arrival says nothing of how fast the target takes people.
const WAY_MAX: Duration = Duration::from_secs(20);

/// The rows of a ledger that are on the way, by their places in it.
#[derive(Debug, Clone, Default)]
pub(super) struct OnTheWay {
    by_time: VecDeque<(Timestamp, usize)>,
    is_counted: Vec<bool>,
    count: usize,
}

impl OnTheWay {
    /// The row at `place` was placed.
    pub(super) fn set_out(&mut self, place: usize, at: Timestamp) {
        if self.is_counted.len() <= place {
            self.is_counted.resize(place + 1, false);
        }
        if !std::mem::replace(&mut self.is_counted[place], true) {
            self.count += 1;
            self.by_time.push_back((at, place));
        }
    }

    /// The row at `place` arrived, or never will.
    pub(super) fn settle(&mut self, place: usize) {
        if let Some(is_counted) = self.is_counted.get_mut(place)
            && std::mem::take(is_counted)
        {
            self.count -= 1;
        }
    }

    /// How many are on the way now; whoever set out too long before is not counted any more.
    pub(super) fn count(&mut self, now: Timestamp) -> usize {
        while let Some(&(at, place)) = self.by_time.front()
            && at + WAY_MAX <= now
        {
            self.by_time.pop_front();
            self.settle(place);
        }
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lost_are_not_counted_for_ever() {
        let start = Timestamp::from_ms(0);
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut on_the_way = OnTheWay::default();
        for place in 0..40 {
            on_the_way.set_out(place, start);
            on_the_way.set_out(place, after(1));
        }
        on_the_way.set_out(40, after(5));
        on_the_way.settle(3);
        on_the_way.settle(3);
        assert_eq!(on_the_way.count(after(19)), 40);
        assert_eq!(on_the_way.count(after(20)), 1);
        on_the_way.settle(40);
        assert_eq!((on_the_way.count(after(21)), on_the_way.count(after(60))), (0, 0));
    }
}
