//! The report as a page that needs nothing but itself: style and drawings are within it, it has no
//! script and asks nobody for anything, so that it can be mailed, kept and printed.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::charts;
use super::markdown::{after, fate};
use super::words::{day_and_time, number, percent, span, time_of_day, visible};
use super::{Person, Report};

/// People who are named; the API lists the others.
const NAMED_MAX: usize = 2_000;

const STYLE: &str = include_str!("style.css");

impl Report {
    /// The report as a page.
    pub(crate) fn html(&self) -> String {
        let title = visible(&self.title());
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (title) " · " (day_and_time(self.record.started_at)) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (self.head(&title))
                    main {
                        (self.tiles())
                        (self.drawings())
                        (self.timeline_section())
                        (self.refusals_section())
                        (self.people_section("Stragglers, by name", &self.stragglers))
                        (self.people_section("Refused, by name", &self.refused))
                        (self.people_section("Left, by name", &self.left))
                        (self.plan_section())
                    }
                    (self.foot())
                }
            }
        };
        page.into_string()
    }

    fn head(&self, title: &str) -> Markup {
        let record = &self.record;
        let unwell = record.counts.pending + record.counts.refused;
        let is_well = unwell == 0 && self.ending.is_none();
        html! {
            header {
                p.brand { (logo()) "Lifeboat · Failover report" }
                h1 { bdi { (title) } }
                p.when { (day_and_time(record.started_at)) " · " (self.standing()) }
                p.headline.well[is_well] { (self.headline()) }
                (charts::outcome(self))
                p.summary { (visible(&self.summary())) }
                dl.facts {
                    div { dt { "Begun by" } dd { bdi { (visible(&record.by)) } } }
                    div { dt { "How" } dd { (self.manner()) } }
                    div { dt { "Reason" } dd { bdi { (reason(&record.reason)) } } }
                    @if let Some(message) = &record.message {
                        div { dt { "Players were told" } dd { bdi { (visible(message)) } } }
                    }
                }
            }
        }
    }

    fn tiles(&self) -> Markup {
        let record = &self.record;
        let counts = &record.counts;
        let (dark, fanout) = (&record.dark_ms, &record.fanout_ms);
        let of = |n: usize, ms: u64| if n == 0 { "–".to_owned() } else { span(ms) };
        let outage = record.outage_ms.map(span);
        html! {
            section.tiles aria-label="Figures" {
                @if let Some(ending) = &self.ending {
                    (tile("Had moved", &format!("{} %", percent(ending.moved, counts.present)),
                        &format!("{} of {} by the time it ended", number(ending.moved), number(counts.present))))
                } @else {
                    (tile("Landed", &format!("{} %", percent(counts.landed, counts.present)),
                        &format!("{} of {} who were there", number(counts.landed), number(counts.present))))
                }
                (tile("Without a world", &of(dark.n, dark.p50),
                    &format!("half of them at most; 99 of 100 at most {}", of(dark.n, dark.p99))))
                (tile("Told to leave", &of(fanout.n, fanout.p99),
                    "99 of 100 within, from the decision"))
                @if let Some(outage) = &outage {
                    (tile("Outage", outage, "from the last healthy moment to the last landing"))
                } @else {
                    (tile("Last landing", &of(self.landed_ms.len(),
                        self.landed_ms.last().copied().unwrap_or(0)), "after it began"))
                }
            }
        }
    }

    fn drawings(&self) -> Markup {
        html! {
            @if self.record.counts.present > 0 {
                section {
                    h2 { "Arrivals" }
                    (charts::arrivals(self))
                }
            }
            @if !self.dark_ms.is_empty() {
                section {
                    h2 { "How long people were without a world" }
                    (charts::dark_times(self))
                }
            }
        }
    }

    fn timeline_section(&self) -> Markup {
        let began = self.record.started_at;
        html! {
            section {
                h2 { "Timeline" }
                ol.timeline {
                    @for moment in &self.timeline {
                        li {
                            time datetime=(moment.at) { (time_of_day(moment.at)) }
                            span.after { (after(began, moment.at)) }
                            span.what { bdi { (visible(&moment.text)) } }
                        }
                    }
                }
                p.note { "Times of day are UTC." }
            }
        }
    }

    fn refusals_section(&self) -> Markup {
        let refusals = &self.record.refusals;
        let most = refusals.values().copied().max().unwrap_or(1).max(1);
        html! {
            @if !refusals.is_empty() {
                section {
                    h2 { "Refused, by reason" }
                    table.refusals {
                        @for (code, count) in refusals {
                            tr {
                                th scope="row" { (code.title()) " " code { (code) } }
                                td.n { (number(*count)) }
                                td.bar { span style={ "width:" (percent(*count, most)) "%" } {} }
                            }
                        }
                    }
                }
            }
        }
    }

    fn people_section(&self, heading: &str, people: &[Person]) -> Markup {
        html! {
            @if !people.is_empty() {
                section {
                    h2 { (heading) " " span.n { (number(people.len())) } }
                    table {
                        thead { tr { th { "User" } th { "Session" } th { "Told" } th { "Placed" } th { "" } } }
                        tbody {
                            @for person in people.iter().take(NAMED_MAX) {
                                tr {
                                    td { bdi { (visible(person.user.as_str())) } }
                                    td { code { (person.session) } }
                                    td.n { (person.told_at.map(time_of_day).unwrap_or_default()) }
                                    td.n { (person.placed_at.map(time_of_day).unwrap_or_default()) }
                                    td { (fate(person)) }
                                }
                            }
                        }
                    }
                    @if people.len() > NAMED_MAX {
                        p.note {
                            "And " (number(people.len() - NAMED_MAX)) " more: "
                            code { "GET /api/failovers/" (self.record.id) "/clients" } " lists them."
                        }
                    }
                }
            }
        }
    }

    fn plan_section(&self) -> Markup {
        let plan = &self.record.plan;
        html! {
            section {
                h2 { "The plan and the figures" }
                table.figures {
                    @for (name, value) in self.figures() {
                        tr { th scope="row" { (name) } td.n { (value) } }
                    }
                }
                @if !plan.rules.is_empty() {
                    h3 { "Rules that were overridden" }
                    ul {
                        @for rule in &plan.rules {
                            li { code { (rule.code) } " " bdi { (visible(&rule.message)) } }
                        }
                    }
                }
            }
        }
    }

    fn foot(&self) -> Markup {
        let record = &self.record;
        html! {
            footer {
                dl {
                    div { dt { "Failover" } dd { code { (record.id) } } }
                    div { dt { "World" } dd { code { (self.main.id) } } }
                    div { dt { "Target" } dd { code { (self.target.id) } } }
                    div { dt { "Revision" } dd { code { (record.revision) } } }
                }
                p {
                    "Always: present = landed + refused + left + pending. Somebody has landed whose \
                     client said so over a channel that knows the new place; silence is pending."
                }
                p { "Made " (day_and_time(self.made_at)) " by Lifeboat." }
            }
        }
    }
}

fn tile(name: &str, value: &str, note: &str) -> Markup {
    html! { div.tile { h2 { (name) } p.value { (value) } p.note { (note) } } }
}

fn reason(reason: &str) -> String {
    if reason.is_empty() { "none given".to_owned() } else { visible(reason) }
}

fn logo() -> Markup {
    html! {
        svg.logo viewBox="0 0 32 32" aria-hidden="true" {
            circle cx="16" cy="16" r="14" fill="#e8590c" {}
            circle.hole cx="16" cy="16" r="6" {}
            path.hole d="M13.5 2h5v8h-5zM13.5 22h5v8h-5zM2 13.5h8v5h-8zM22 13.5h8v5h-8z" {}
        }
    }
}
