//! Values of live config that change, and who is told of them with what.

use std::time::Duration;

use lifeboat_core::catalog::CatalogChange;
use lifeboat_core::ids::FailoverId;
use serde_json::{Value, json};

use super::super::*;
use super::fixture::*;

/// Live config with one value that players see.
fn valued(mut change: CatalogChange, value: u64) -> CatalogChange {
    if let CatalogChange::Live(_, Some(live)) = &mut change {
        live.config.project.insert("Door".to_owned(), json!(value));
    }
    change
}

fn told(text: &[u8]) -> Value {
    serde_json::from_slice::<Value>(text).unwrap()["changes"].clone()
}

#[test]
fn whoever_is_ordered_to_leave_is_told_of_changed_values_in_the_same_write() {
    let mut fixture = Fixture::new();
    let leaving = [fixture.enter("main", &[]).conn, fixture.enter("main", &[]).conn];
    let staying = fixture.enter("standby", &[]).conn;
    let record = record("1", "main", "standby", 1, 10.0);
    let effects = fixture.change(vec![
        valued(live("main", "wld_standby", 1, 0), 7),
        valued(live("standby", "", 0, 0), 8),
        CatalogChange::Failover(FailoverId::from_unique("1"), Some(record)),
    ]);
    let [
        Effect::Order { to: ordered, values: Some(values), .. },
        Effect::Broadcast { to: others, text },
    ] = effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    let mut ordered: Vec<_> = ordered.iter().map(|line| line.conn).collect();
    ordered.sort_unstable();
    assert_eq!((ordered.as_slice(), others.as_slice()), (leaving.as_slice(), [staying].as_slice()));
    assert_eq!(told(values), json!({ "/project/Door": 7 }));
    assert_eq!(told(text), json!({ "/project/Door": 8 }));
}

#[test]
fn a_change_of_values_alone_is_told_to_everyone_in_the_world() {
    let mut fixture = Fixture::new();
    let inside = fixture.enter("main", &[]).conn;
    fixture.enter("standby", &[]);
    let effects = fixture.change(vec![valued(live("main", "", 0, 0), 7)]);
    let [Effect::Broadcast { to, text }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(to.as_slice(), [inside]);
    assert_eq!(told(text), json!({ "/project/Door": 7 }));
    assert!(fixture.change(vec![valued(live("main", "", 0, 0), 7)]).is_empty());
}

#[test]
fn whoever_is_placed_over_the_channel_is_told_of_what_is_other_in_the_new_world() {
    let mut fixture = Fixture::new();
    let pushed = [0, 1].map(|_| fixture.enter("main", &["placement"]).conn);
    fixture.enter("main", &[]);
    fixture.change(vec![valued(live("main", "", 0, 0), 7), valued(live("standby", "", 0, 0), 8)]);
    let record = record("1", "main", "standby", 1, 1_000.0);
    fixture.change(vec![
        valued(live("main", "wld_standby", 1, 0), 7),
        CatalogChange::Failover(FailoverId::from_unique("1"), Some(record)),
    ]);
    fixture.pass(Duration::from_millis(10));
    let tick = fixture.desk.tick(fixture.now);
    assert_eq!(tick.granted.len(), 2);
    let [Effect::Broadcast { to, text }] = tick.effects.as_slice() else { panic!("{tick:?}") };
    let mut to = to.clone();
    to.sort_unstable();
    assert_eq!((to.as_slice(), told(text)), (pushed.as_slice(), json!({ "/project/Door": 8 })));
}

#[test]
fn whoever_is_placed_where_the_values_are_the_same_is_told_of_none() {
    let mut fixture = Fixture::new();
    fixture.enter("main", &["placement"]);
    fixture.fail_over(1, 10.0);
    let tick = fixture.desk.tick(fixture.now);
    assert_eq!((tick.granted.len(), tick.effects.len()), (1, 0));
}
