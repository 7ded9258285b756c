//! The drawings of the report, as SVG within the page.

use maud::{Markup, html};

use super::Report;
use super::words::{number, percent, span};

/// The drawing area of a chart, in units of its own.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 252.0;
/// Where the plot stands in it.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 708.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 210.0;
/// Points of a curve.
const CURVE_POINTS: u32 = 240;
/// Bars of the histogram, about.
const BARS: u64 = 24;
/// Spans that read well on an axis, in milliseconds.
const STEPS_MS: [u64; 20] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000,
    120_000, 300_000, 600_000, 1_800_000,
];

/// An axis from 0 in steps that read well.
struct Axis {
    step: u64,
    end: u64,
}

impl Axis {
    /// Of times: at least one step, about `steps` of them.
    fn of_ms(max: u64, steps: u64) -> Self {
        let wanted = max.div_ceil(steps).max(1);
        let hours = wanted.div_ceil(3_600_000) * 3_600_000;
        let step = STEPS_MS.into_iter().find(|step| *step >= wanted).unwrap_or(hours);
        Self { step, end: max.div_ceil(step).max(1) * step }
    }

    /// Of numbers of people.
    fn of_people(max: u64) -> Self {
        let wanted = max.div_ceil(4).max(1);
        let mut power = 1;
        while power * 10 <= wanted {
            power *= 10;
        }
        let step = [1, 2, 5, 10].map(|one| one * power).into_iter().find(|step| *step >= wanted);
        let step = step.unwrap_or(wanted);
        Self { step, end: max.div_ceil(step).max(1) * step }
    }

    fn ticks(&self) -> impl Iterator<Item = u64> + use<> {
        let step = self.step;
        (0..=self.end / step).map(move |tick| tick * step)
    }
}

#[expect(clippy::cast_precision_loss, reason = "places on a drawing need no more than 53 bits")]
fn along(value: u64, axis: &Axis, from: f64, to: f64) -> f64 {
    from + (to - from) * (value as f64 / axis.end as f64)
}

fn grid(across: &Axis, up: &Axis, across_label: &str) -> Markup {
    html! {
        g.grid {
            @for tick in up.ticks() {
                @let y = along(tick, up, BOTTOM, TOP);
                line x1=(LEFT) x2=(RIGHT) y1=(y) y2=(y) {}
                text x=(LEFT - 8.0) y=(y + 4.0) text-anchor="end" { (number_of(tick)) }
            }
            @for tick in across.ticks() {
                @let x = along(tick, across, LEFT, RIGHT);
                text x=(x) y=(BOTTOM + 18.0) text-anchor="middle" { (axis_span(tick)) }
            }
            text.axis x=(RIGHT) y=(HEIGHT - 7.0) text-anchor="end" { (across_label) }
        }
    }
}

fn number_of(value: u64) -> String {
    number(usize::try_from(value).unwrap_or(usize::MAX))
}

/// A span on an axis, where whole seconds need no fraction.
fn axis_span(ms: u64) -> String {
    match ms {
        0 => "0".to_owned(),
        1_000..60_000 if ms.is_multiple_of(1_000) => format!("{} s", ms / 1_000),
        _ => span(ms),
    }
}

/// How many of `times` are not after a moment, as a line over the plot.
fn curve(times: &[u64], across: &Axis, up: &Axis) -> String {
    let points = (0..=CURVE_POINTS).map(|point| {
        let at = across.end * u64::from(point) / u64::from(CURVE_POINTS);
        let count = times.partition_point(|time| *time <= at);
        let x = along(at, across, LEFT, RIGHT);
        let y = along(count as u64, up, BOTTOM, TOP);
        format!("{x:.1},{y:.1}")
    });
    points.collect::<Vec<_>>().join(" ")
}

/// How many were told, placed and landed, over time.
pub(super) fn arrivals(report: &Report) -> Markup {
    let last = [&report.told_ms, &report.placed_ms, &report.landed_ms].map(|times| times.last());
    let last = last.into_iter().flatten().copied().max().unwrap_or(0);
    let across = Axis::of_ms(last, 8);
    let up = Axis::of_people(report.record.counts.present.max(1) as u64);
    let landed = curve(&report.landed_ms, &across, &up);
    let label = format!("{} landed over time", number(report.landed_ms.len()));
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(label) {
            (grid(&across, &up, "after it began"))
            polygon.landed points={ (LEFT) "," (BOTTOM) " " (landed) " " (RIGHT) "," (BOTTOM) } {}
            polyline.told points=(curve(&report.told_ms, &across, &up)) {}
            polyline.placed points=(curve(&report.placed_ms, &across, &up)) {}
            polyline.landed points=(landed) {}
        }
        p.legend {
            span.key.told { "told to leave" }
            span.key.placed { "placed" }
            span.key.landed { "landed" }
        }
    }
}

/// How many were without a world for how long.
pub(super) fn dark_times(report: &Report) -> Markup {
    let dark = &report.dark_ms;
    let max = dark.last().copied().unwrap_or(0);
    let width = Axis::of_ms(max, BARS).step;
    let across = Axis::of_ms((max / width + 1) * width, 8);
    let bars: Vec<(u64, u64)> = (0..=max / width)
        .map(|bar| {
            let (from, to) = (bar * width, (bar + 1) * width);
            let below = |limit: u64| dark.partition_point(|one| *one < limit) as u64;
            (from, below(to) - below(from))
        })
        .collect();
    let most = bars.iter().map(|(_, count)| *count).max().unwrap_or(0);
    // A quarter more than the highest bar, so that the marks have room above it.
    let up = Axis::of_people((most * 5).div_ceil(4).max(1));
    let marks = [("half", report.record.dark_ms.p50), ("99 of 100", report.record.dark_ms.p99)];
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label="Time without a world" {
            (grid(&across, &up, "without a world"))
            @for (from, count) in bars {
                @let x = along(from, &across, LEFT, RIGHT) + 1.0;
                @let end = along(from + width, &across, LEFT, RIGHT) - 1.0;
                @let y = along(count, &up, BOTTOM, TOP);
                rect.dark x=(x) y=(y) width=((end - x).max(1.0)) height=(BOTTOM - y) rx="2" {
                    title { (span(from)) " to " (span(from + width)) ": " (number_of(count)) }
                }
            }
            @for (index, (name, ms)) in marks.into_iter().enumerate() {
                @let x = along(ms, &across, LEFT, RIGHT);
                @let is_late = x > (LEFT + RIGHT) / 2.0;
                line.mark x1=(x) x2=(x) y1=(TOP) y2=(BOTTOM) {}
                text.mark x=(if is_late { x - 6.0 } else { x + 6.0 })
                    y=(TOP + 12.0 + 16.0 * index as f64)
                    text-anchor=(if is_late { "end" } else { "start" })
                    { (name) ": " (span(ms)) }
            }
        }
    }
}

/// What became of everyone, as one bar.
pub(super) fn outcome(report: &Report) -> Markup {
    let counts = &report.record.counts;
    let parts = [
        ("landed", counts.landed),
        ("refused", counts.refused),
        ("left", counts.left),
        ("pending", counts.pending),
    ];
    let pending = if report.record.phase.is_open() { "still to land" } else { "stragglers" };
    html! {
        div.outcome {
            @for (name, count) in parts.iter().filter(|(_, count)| *count > 0) {
                span class=(name) style={ "flex-grow:" (count) } {}
            }
        }
        p.legend {
            @for (name, count) in parts {
                span.key.(name) {
                    @if name == "pending" { (pending) } @else { (name) }
                    " " b { (number(count)) }
                    @if count > 0 { " (" (share(count, counts.present)) ")" }
                }
            }
        }
    }
}

fn share(part: usize, whole: usize) -> String {
    match percent(part, whole) {
        0 => "under 1 %".to_owned(),
        percent => format!("{percent} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_go_in_steps_that_read_well_and_hold_the_largest() {
        for (max, step, end) in [
            (0, 1, 1),
            (7, 1, 7),
            (4_700, 1_000, 5_000),
            (9_000, 2_000, 10_000),
            (119_000, 15_000, 120_000),
            (86_400_000, 10_800_000, 86_400_000),
        ] {
            let axis = Axis::of_ms(max, 8);
            assert_eq!((axis.step, axis.end), (step, end), "{max}");
        }
        for (max, step, end) in [(1, 1, 1), (3, 1, 3), (480, 200, 600), (5_000, 2_000, 6_000)] {
            let axis = Axis::of_people(max);
            assert_eq!((axis.step, axis.end), (step, end), "{max}");
        }
    }
}
