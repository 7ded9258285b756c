//! The report as Markdown, for a mail or a wiki.

use lifeboat_core::time::Timestamp;

use super::words::{day_and_time, number, span, time_of_day, visible};
use super::{Person, Report};

/// People who are named; the API lists the others.
const NAMED_MAX: usize = 500;

impl Report {
    /// The report as Markdown. Whatever names and reasons have in them is text in it.
    pub(crate) fn markdown(&self) -> String {
        let record = &self.record;
        let mut page = format!(
            "# {}\n\n**{}.** {}\n\n",
            text(&self.title()),
            self.headline(),
            text(&self.summary())
        );
        page += &format!(
            "- Began: {} by {}, {}\n- Reason: {}\n- Where it stands: {}\n",
            day_and_time(record.started_at),
            text(&record.by),
            self.manner(),
            text(if record.reason.is_empty() { "none given" } else { &record.reason }),
            self.standing(),
        );
        if let Some(message) = &record.message {
            page += &format!("- Players were told: {}\n", text(message));
        }
        page += &self.counts_table();
        page += "\n## Figures\n\n| | |\n|---|---|\n";
        for (name, value) in self.figures() {
            page += &format!("| {name} | {value} |\n");
        }
        page += &self.arrivals_table();
        page += "\n## Timeline\n\n| UTC | after | |\n|---|---|---|\n";
        for moment in &self.timeline {
            page += &format!(
                "| {} | {} | {} |\n",
                time_of_day(moment.at),
                after(record.started_at, moment.at),
                text(&moment.text)
            );
        }
        page += &self.refusals_table();
        page += &self.people_tables();
        page + &format!(
            "\nReport of `{}`, revision {}, made {} by Lifeboat.\n",
            record.id,
            record.revision,
            day_and_time(self.made_at)
        )
    }

    fn counts_table(&self) -> String {
        let counts = &self.record.counts;
        let row = [
            counts.present,
            counts.told,
            counts.placed,
            counts.landed,
            counts.refused,
            counts.left,
            counts.pending,
        ]
        .map(number)
        .join(" | ");
        format!(
            "\n| present | told | placed | landed | refused | left | pending |\n\
             |---:|---:|---:|---:|---:|---:|---:|\n| {row} |\n"
        )
    }

    fn arrivals_table(&self) -> String {
        let landed = &self.landed_ms;
        if landed.is_empty() {
            return String::new();
        }
        let mut table =
            "\n## Arrivals\n\n| of those who landed | within |\n|---:|---:|\n".to_owned();
        for percent in [10, 25, 50, 75, 90, 99, 100] {
            let rank = (landed.len() * percent).div_ceil(100).max(1);
            table += &format!("| {percent} % ({}) | {} |\n", number(rank), span(landed[rank - 1]));
        }
        table
    }

    fn refusals_table(&self) -> String {
        if self.record.refusals.is_empty() {
            return String::new();
        }
        let mut table = "\n## Refused, by reason\n\n| | people |\n|---|---:|\n".to_owned();
        for (code, count) in &self.record.refusals {
            table += &format!("| {} (`{code}`) | {} |\n", code.title(), number(*count));
        }
        table
    }

    fn people_tables(&self) -> String {
        let mut tables = String::new();
        for (heading, people) in
            [("Stragglers", &self.stragglers), ("Refused", &self.refused), ("Left", &self.left)]
        {
            if people.is_empty() {
                continue;
            }
            tables += &format!("\n## {heading}, by name\n\n| user | session | |\n|---|---|---|\n");
            for person in people.iter().take(NAMED_MAX) {
                tables += &format!(
                    "| {} | `{}` | {} |\n",
                    text(person.user.as_str()),
                    person.session,
                    fate(person)
                );
            }
            if people.len() > NAMED_MAX {
                let more = number(people.len() - NAMED_MAX);
                tables += &format!("\nAnd {more} more; the list of clients has them all.\n");
            }
        }
        tables
    }
}

/// What became of somebody who did not land.
pub(super) fn fate(person: &Person) -> String {
    match (person.code, person.settled_at) {
        (Some(code), _) => code.title().to_owned(),
        (None, Some(at)) => format!("left at {}", time_of_day(at)),
        (None, None) => person.last_known.to_owned(),
    }
}

/// How long after the beginning something happened; before it with a minus.
pub(super) fn after(began: Timestamp, at: Timestamp) -> String {
    if at < began {
        format!("−{}", span(super::words::ms_between(at, began)))
    } else {
        format!("+{}", span(super::words::ms_between(began, at)))
    }
}

/// A text that is nothing but text in Markdown, and stays in its cell of a table.
pub(super) fn text(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for char in visible(raw).chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '|' | '!' | '~' => {
                safe.extend(['\\', char]);
            }
            char => safe.push(char),
        }
    }
    safe
}
