//! How many were placed in each second.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::Api;
use crate::dice::show;

/// Entries of a page; the most that the API gives.
const PAGE: usize = 1_000;
/// The part of the plan's rate that a second may go over it.
const OVER: f64 = 1.10;

/// A time of the API in milliseconds.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn millis(at: &Value) -> i64 {
    let text = at.as_str().unwrap_or_else(|| panic!("{at} is no time"));
    text.parse::<jiff::Timestamp>().expect("RFC 3339").as_millisecond()
}

/// All rows of a failover's ledger in this stage, or in any.
///
/// # Panics
/// When the API does not list them.
pub async fn rows(api: &Api, failover: &str, stage: Option<&str>) -> Vec<Value> {
    let stage = stage.map(|stage| format!("&stage={stage}")).unwrap_or_default();
    items(api, &format!("/api/failovers/{failover}/clients?limit={PAGE}{stage}")).await
}

/// All entries of a list, page by page. `path` has a query.
///
/// # Panics
/// When the API does not list them.
pub async fn items(api: &Api, path: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("{path}{cursor}")).await.expect(200);
        all.extend(page["items"].as_array().expect("a list").iter().cloned());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// When the people of a failover were placed, in milliseconds and in order.
pub async fn placed(api: &Api, failover: &str) -> Vec<i64> {
    let rows = rows(api, failover, None).await;
    let placed = rows.iter().filter(|row| row["placedAt"].is_string());
    let mut times: Vec<i64> = placed.map(|row| millis(&row["placedAt"])).collect();
    times.sort_unstable();
    times
}

/// The most that fall into one second, wherever it begins.
#[must_use]
pub fn busiest_second(times: &[i64]) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, at) in times.iter().enumerate() {
        while times[first] <= at - 1_000 {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

/// Prints how many were placed in each second since `from`.
pub fn print_table(what: &str, times: &[i64], from: i64) {
    let mut seconds: BTreeMap<i64, usize> = BTreeMap::new();
    for at in times {
        *seconds.entry((at - from).div_euclid(1_000)).or_default() += 1;
    }
    let cells: Vec<String> = seconds.iter().map(|(second, n)| format!("{second}s:{n}")).collect();
    show(&format!("{what}: placed in each second: {}", cells.join(" ")));
}

/// Checks that no second saw more than the plan's rate and a tenth.
///
/// # Panics
/// When one did.
pub fn check(what: &str, times: &[i64], rate: f64) {
    let most = busiest_second(times);
    show(&format!("{what}: {} placed, at most {most} in any second, plan {rate}/s", times.len()));
    assert!(most as f64 <= (rate * OVER).max(1.0), "{what}: {most} in a second, plan {rate}/s");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_may_begin_anywhere_and_does_not_hold_its_end() {
        assert_eq!(busiest_second(&[]), 0);
        assert_eq!(busiest_second(&[0, 999, 1_000, 1_500, 1_998]), 4);
        assert_eq!(busiest_second(&[0, 1_000, 2_000]), 1);
    }
}
