use lifeboat_core::catalog::CatalogChange;
use lifeboat_core::failover::Kind;
use lifeboat_core::ids::FailoverId;
use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::json;

use super::*;

/// What somebody might call themselves, a world or a reason.
const HOSTILE: &str = "</style><script>alert(1)</script>|*b*[x](http://evil)`\n# h\u{202e}&amp;";
const BEGAN_MS: i64 = 1_795_000_000_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(BEGAN_MS + ms)
}

fn record(phase: &str, name: &str) -> FailoverRecord {
    serde_json::from_value(json!({
        "id": "fo_1", "kind": "failover", "trigger": "api", "worldId": "wld_main",
        "targetWorldId": "wld_standby", "targetDeploymentId": null, "phase": phase,
        "mode": "emergency", "reason": name, "message": name, "by": name,
        "startedAt": at(0), "finishedAt": at(5_000), "revision": 812, "counter": 4,
        "plan": { "sessions": 4, "windowMs": 4000, "ratePerSecond": 50.0, "rules": [
            { "code": "capacity.seats", "message": name, "main": 4, "standby": 2, "remedy": "",
              "mayForce": true }] },
        "counts": { "present": 0, "told": 0, "asked": 0, "placed": 0, "landed": 0, "confirmed": 0,
                    "refused": 0, "left": 0, "pending": 0 },
        "refusals": {}, "darkMs": { "n": 0, "p50": 0, "p99": 0, "max": 0 },
        "fanoutMs": { "n": 0, "p50": 0, "p99": 0, "max": 0 }, "outageMs": 9_200,
        "lastHealthyAt": at(-4_200),
    }))
    .unwrap()
}

fn row(number: i64, stage: &str, code: Option<&str>, user: &str) -> Row {
    let is_landed = stage == "landed";
    serde_json::from_value(json!({
        "session": format!("ses_{number}"), "user": user, "stage": stage, "code": code,
        "toldAt": at(10 + number), "leaveAt": at(10 + number),
        "askedAt": is_landed.then(|| at(900 * number)),
        "placedAt": is_landed.then(|| at(1_000 * number)),
        "settledAt": (stage != "pending").then(|| at(1_200 * number)),
    }))
    .unwrap()
}

fn of(phase: &str, name: &str, rows: Vec<Row>) -> Report {
    let acts = vec![Moment { at: at(700), text: format!("{name} held it"), ends: false }];
    let ledger = Ledger::restore(rows);
    Report::new(&Catalog::default(), &record(phase, name), &ledger, acts, at(60_000))
}

fn mixed(user: &str) -> Vec<Row> {
    vec![
        row(1, "landed", None, user),
        row(2, "landed", None, user),
        row(3, "refused", Some("banned"), user),
        row(4, "pending", None, user),
        row(5, "left", None, user),
    ]
}

#[test]
fn every_form_has_the_same_figures_made_of_the_rows() {
    let report = of("complete-with-stragglers", "ada", mixed("bo"));
    let json = report.json();
    assert_eq!(json["counts"]["present"], 5);
    assert_eq!(json["arrivalsMs"], json!([1_200, 2_400]));
    assert_eq!(json["darkDistributionMs"], json!([1_189, 2_388]));
    assert_eq!(json["stragglers"][0]["session"], "ses_4");
    assert_eq!(json["stragglers"][0]["lastKnown"], "was told and did not ask to join");
    assert_eq!(
        (&json["refused"][0]["code"], &json["refusals"]),
        (&json!("banned"), &json!({ "banned": 1 }))
    );
    let timeline: Vec<&str> = json["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["text"].as_str())
        .collect();
    assert_eq!(
        timeline,
        [
            "wld_main was last healthy",
            "ada began the failover: ada",
            "5 people had been told",
            "ada held it",
            "The first one landed",
            "The last of 2 people landed",
            "It ended; 2 people still to land",
        ]
    );
    for page in [report.markdown(), report.html()] {
        for part in ["2 of 5 people landed", "ses_4", "was told and did not ask to join", "1.1 s"] {
            assert!(page.contains(part), "{part} is missing:\n{page}");
        }
        assert!(page.contains("You are banned") && page.contains("11:06:40"), "{page}");
    }
}

#[test]
fn the_page_asks_nobody_for_anything_and_runs_nothing() {
    let page = of("complete", HOSTILE, mixed(HOSTILE)).html();
    assert!(page.contains("&lt;script&gt;alert(1)"), "the name is there, as text");
    let inert = page.replace("http://evil", "");
    for part in
        ["<script", "src=", "href=", "url(", "@import", "http:", "https:", "\u{202e}", "javascript"]
    {
        assert!(!inert.contains(part), "{part}");
    }
    assert_eq!(inert.matches("</style>").count(), 1);
}

#[test]
fn a_hostile_name_is_text_in_markdown_and_stays_in_its_cell() {
    let page = of("complete", HOSTILE, mixed(HOSTILE)).markdown();
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    for event in Parser::new_ext(&page, options) {
        match event {
            Event::Html(text) | Event::InlineHtml(text) => panic!("HTML: {text}"),
            Event::Start(Tag::Link { dest_url, .. }) => panic!("a link to {dest_url}"),
            Event::Start(Tag::Heading { level, .. }) => assert!(level as u8 <= 2),
            _ => {}
        }
    }
    let stragglers = page.split("## Stragglers").nth(1).unwrap();
    let line = stragglers.lines().find(|line| line.contains("ses\\_4") || line.contains("ses_4"));
    let unescaped = line.unwrap().replace("\\|", "");
    assert_eq!(unescaped.matches('|').count(), 4, "{unescaped}");
}

#[test]
fn there_is_a_report_of_nobody_of_one_and_of_a_move_in_progress() {
    for phase in
        ["moving", "held", "complete", "complete-with-stragglers", "cancelled", "failed-back"]
    {
        for rows in
            [vec![], vec![row(0, "landed", None, "bo")], vec![row(1, "pending", None, "bo")]]
        {
            let report = of(phase, "ada", rows);
            assert!(report.html().ends_with("</html>") && !report.markdown().contains("NaN"));
        }
    }
    let moving = of("moving", "ada", mixed("bo"));
    assert_eq!(moving.headline(), "2 of 5 people landed so far");
    assert_eq!(of("complete", "ada", vec![]).headline(), "Nobody was in the world");
    let one = of("complete", "ada", vec![row(1, "landed", None, "bo")]);
    assert_eq!(one.headline(), "The one person who was there landed");
    assert!(one.summary().starts_with("1 person was in wld_main when"), "{}", one.summary());
}

/// A failover of 26 that was undone after 2.8 s: six were over, the last of the others was back
/// after 3.1 s.
fn undone(mode: &str, home: Option<&str>, acts: Vec<Moment>) -> Report {
    let mut moved = record("cancelled", "ada");
    moved.finished_at = Some(at(2_800));
    moved.mode = serde_json::from_value(json!(mode)).unwrap();
    let rows = (0..26).map(|number| {
        let settled = if number < 6 { 100 * (number + 1) } else { 2_905 + number * 8 };
        serde_json::from_value::<Row>(json!({
            "session": format!("ses_{number}"), "user": "bo", "stage": "landed",
            "toldAt": at(5), "leaveAt": at(5 + number * 400), "settledAt": at(settled),
            "askedAt": at(settled - 50), "placedAt": at(settled - 50),
        }))
        .unwrap()
    });
    let next = home.map(|phase| {
        let mut next = record(phase, "ada");
        next.id = FailoverId::from_unique("2");
        (next.kind, next.started_at, next.revision) = (Kind::Failback, at(2_799), 900);
        (next.counts.present, next.counts.landed) = (6, 6);
        CatalogChange::Failover(next.id.clone(), Some(next))
    });
    let catalog = Catalog::default().with(900, next);
    Report::new(&catalog, &moved, &Ledger::restore(rows.collect::<Vec<_>>()), acts, at(60_000))
}

#[test]
fn an_undone_failover_says_who_had_moved_by_then_and_who_had_not() {
    let acts = vec![Moment { at: at(2_801), text: "ada undid it".to_owned(), ends: true }];
    let report = undone("graceful", Some("complete"), acts);
    assert_eq!(
        report.headline(),
        "Undone after 2.8 s: 6 people had moved and came home, 20 had not left yet"
    );
    assert_eq!(report.standing(), "undone");
    let texts: Vec<&str> = report.timeline.iter().map(|moment| &*moment.text).collect();
    assert_eq!(
        texts[3..],
        [
            "The first one landed",
            "Half of them, 3, had landed",
            "The last of 6 people landed",
            "ada undid it",
            "The last of 20 people was back in wld_main"
        ]
    );
    for page in [report.markdown(), report.html()] {
        assert!(page.contains("Undone after 2.8 s") && !page.contains("All 26"), "{page}");
        assert!(page.contains("the last one was 3.1 s after it began"), "{page}");
    }
    let page = report.html();
    assert!(page.contains("6 of 26 by the time it ended"), "{page}");
}

#[test]
fn who_had_left_when_it_was_undone_was_turned_back_and_who_undid_it_may_not_be_known() {
    let report = undone("emergency", Some("moving"), vec![]);
    assert_eq!(
        report.headline(),
        "Undone after 2.8 s: 6 people had moved and were called home, 1 was turned back on the \
         way, 19 had not left yet"
    );
    assert!(report.timeline.iter().any(|moment| moment.text == "It was undone"));
    let by_hand = undone("graceful", None, vec![]);
    assert_eq!(
        by_hand.headline(),
        "Cancelled by hand after 2.8 s: 6 people had moved, 20 had not left yet"
    );
    assert_eq!(by_hand.standing(), "cancelled");
}

#[test]
fn a_straggler_who_lands_after_the_end_was_still_to_land_then() {
    let late = row(6, "landed", None, "bo");
    let report = of("complete", "ada", vec![row(1, "landed", None, "bo"), late]);
    let last: Vec<&str> = report.timeline.iter().rev().take(2).map(|one| &*one.text).collect();
    assert_eq!(last, ["The last of 2 people landed", "It ended; 1 person still to land"]);
}

#[test]
fn spans_and_numbers_are_read_at_a_glance() {
    let spans = [0, 940, 4_260, 60_000, 125_000, 3_780_000].map(words::span);
    assert_eq!(spans, ["0 ms", "940 ms", "4.2 s", "1 min", "2 min 5 s", "1 h 3 min"]);
    assert_eq!([7, 480, 5_000, 1_234_567].map(words::number), ["7", "480", "5,000", "1,234,567"]);
    assert_eq!((words::percent(499, 500), words::percent(0, 0)), (99, 0));
    assert_eq!(words::day_and_time(at(123)), "18 November 2026, 11:06:40 UTC");
    assert_eq!(words::time_of_day(at(940)), "11:06:40.9");
}
