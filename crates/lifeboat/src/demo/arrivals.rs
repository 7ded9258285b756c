//! The arrivals as a picture: when people landed, in bars.

use lifeboat_core::time::Timestamp;
use serde_json::Value;

/// Rows of the picture.
const ROWS: u64 = 12;
/// Characters of the longest bar.
const BAR: usize = 50;

/// How long after `since` each client of a failover landed, in milliseconds.
pub(super) fn landings(rows: &[Value], since: Timestamp) -> Vec<u64> {
    let at = |row: &Value| serde_json::from_value::<Timestamp>(row["at"].clone()).ok();
    rows.iter()
        .filter(|row| row["stage"] == "landed")
        .filter_map(|row| u64::try_from(at(row)?.since(since).as_millis()).ok())
        .collect()
}

/// The picture: one bar for each span of time, as long as many landed in it.
pub(super) fn curve(landings: &[u64]) -> String {
    let Some(last) = landings.iter().copied().max() else { return String::new() };
    let span = nice_span(last / ROWS + 1);
    let rows = usize::try_from(last / span + 1).unwrap_or(1);
    let mut counts = vec![0_usize; rows];
    for landing in landings {
        if let Some(count) =
            usize::try_from(landing / span).ok().and_then(|row| counts.get_mut(row))
        {
            *count += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let line = |(row, count): (usize, &usize)| {
        let from = row as u64 * span;
        let bar = "█".repeat((count * BAR).div_ceil(most));
        format!("{:>7.2} s  {bar} {count}", from as f64 / 1_000.0)
    };
    counts.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// The next span that reads well: 1, 2 or 5 times a power of ten, from 50 ms on.
fn nice_span(ms: u64) -> u64 {
    let mut decade = 10;
    loop {
        for step in [5, 10, 20] {
            if decade * step >= ms {
                return decade * step;
            }
        }
        decade *= 10;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_picture_counts_everyone_once() {
        let rows: Vec<Value> = (0..40)
            .map(|second| {
                let at = Timestamp::from_ms(10_000 + second * 25);
                json!({ "stage": if second == 3 { "pending" } else { "landed" }, "at": at })
            })
            .collect();
        let landings = landings(&rows, Timestamp::from_ms(10_000));
        assert_eq!(landings.len(), 39);
        let picture = curve(&landings);
        insta::assert_snapshot!(picture, @r#"
        0.00 s  ██████████████████████████████████████ 3
        0.10 s  ██████████████████████████████████████████████████ 4
        0.20 s  ██████████████████████████████████████████████████ 4
        0.30 s  ██████████████████████████████████████████████████ 4
        0.40 s  ██████████████████████████████████████████████████ 4
        0.50 s  ██████████████████████████████████████████████████ 4
        0.60 s  ██████████████████████████████████████████████████ 4
        0.70 s  ██████████████████████████████████████████████████ 4
        0.80 s  ██████████████████████████████████████████████████ 4
        0.90 s  ██████████████████████████████████████████████████ 4
        "#);
    }

    #[test]
    fn nobody_makes_no_picture_and_spans_read_well() {
        assert_eq!(curve(&[]), "");
        assert_eq!([1, 51, 130, 501, 2_500].map(nice_span), [50, 100, 200, 1_000, 5_000]);
        assert!(curve(&[0, 7_000_000]).lines().count() <= 16);
    }
}
