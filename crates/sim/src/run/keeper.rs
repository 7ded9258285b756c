//! The ledger keeper, as the server has it: what the desk learns goes to the store in batches. A
//! crash may come between its writes.

use std::time::Duration;

use lifeboat_core::catalog::CatalogChange;
use lifeboat_gateway::desk::MoveNews;

use super::Simulation;

/// How often what is new is kept.
pub(super) const KEEP_PERIOD: Duration = Duration::from_millis(100);
/// How probable it is that a write does not get through in a stormy time.
const WRITE_FAILS: f64 = 0.02;

impl Simulation {
    pub(super) fn keep(&mut self, boot: u64) {
        if self.node.boot != boot {
            return;
        }
        self.node.is_keeping = false;
        let Some(desk) = &mut self.node.desk else { return };
        let news = desk.take_news(self.now);
        for news in news {
            let fails = !self.is_mended() && self.random.chance(WRITE_FAILS);
            self.store.put_rows(&news.failover, &news.rows);
            if fails {
                // The rows are kept, the record is not: all of it is news again.
                if let Some(desk) = &mut self.node.desk {
                    desk.return_news(&news);
                }
                continue;
            }
            self.keep_record(&news);
        }
        self.after_desk();
    }

    fn keep_record(&mut self, news: &MoveNews) {
        let Some(record) = self.store.failover(&news.failover) else { return };
        let next = news.noted_in(record, self.now);
        if next == *record {
            return;
        }
        if next.phase != record.phase {
            self.note(format_args!("node: {} is {:?}: {:?}", next.id, next.phase, next.counts));
        }
        self.commit(vec![CatalogChange::Failover(next.id.clone(), Some(next))]);
    }
}
