//! A failover: overrides saved and the counter raised on a main world, and the watch over
//! everybody's arrival. The way back and a mere rejoin are the same act with another kind.

mod automation;
mod edit;
mod figures;
mod ledger;
mod new_record;
mod on_the_way;
mod pace;
mod plan;
mod record;
mod row_index;

pub use automation::{AutomationPolicy, Situation, Standing, standing};
pub use edit::{Begun, Consequences, Edit};
pub use figures::{Figures, figures};
pub use ledger::{Counts, Ledger, LedgerEvent, Row, Stage};
pub use new_record::NewRecord;
pub use pace::PaceController;
pub(crate) use plan::first_rate;
pub use plan::{
    AdmissionRate, DrillFacts, MoveFacts, Planned, RateSource, admission_rate, may_proceed, plan,
    target_of,
};
pub use record::{
    FailoverRecord, FailoverRequest, Kind, Mode, MovePhase, PlanSummary, Rule, Trigger,
};
