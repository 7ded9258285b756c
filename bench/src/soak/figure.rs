//! The memory curve as an SVG that is legible on light and on dark pages.

use std::fmt::Write as _;

use super::watch::Sample;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 40.0;
const STYLE: &str = "
  svg { font: 13px system-ui, sans-serif; --ink: #1d2733; --faint: #c3ccd6; --curve: #0b6bcb; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6ebf0; --faint: #46525f; --curve: #6db3ff; }
  }
  text { fill: var(--ink); } .grid { stroke: var(--faint); stroke-width: 1; }
  .curve { fill: none; stroke: var(--curve); stroke-width: 2; stroke-linejoin: round; }
  .end { text-anchor: end; } .middle { text-anchor: middle; }";

/// Memory over time.
pub(crate) fn draw(title: &str, samples: &[Sample]) -> String {
    let end = samples.last().map_or(1.0, |sample| sample.at.as_secs_f64().max(1.0));
    let mib = |sample: &Sample| sample.memory / 1_048_576.0;
    let most = samples.iter().map(mib).fold(1.0, f64::max) * 1.2;
    let x = |seconds: f64| LEFT + (WIDTH - LEFT - RIGHT) * seconds / end;
    let y = |mib: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * mib / most;
    // Writing to a String cannot fail.
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Resident memory over time\">\n<style>{STYLE}\n</style>\n\
         <text x=\"{LEFT}\" y=\"20\">Resident memory of the control plane: {title}</text>"
    );
    for part in 0..=4 {
        let value = most * f64::from(part) / 4.0;
        let at = y(value);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"end\" x=\"{}\" y=\"{:.1}\">{value:.0} MiB</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0
        );
    }
    for part in 0..=5 {
        let seconds = end * f64::from(part) / 5.0;
        let _ = writeln!(
            svg,
            "<text class=\"middle\" x=\"{:.1}\" y=\"{}\">{:.1} min</text>",
            x(seconds).min(WIDTH - RIGHT - 20.0),
            HEIGHT - BOTTOM + 20.0,
            seconds / 60.0
        );
    }
    let point =
        |sample: &Sample| format!("{:.1},{:.1}", x(sample.at.as_secs_f64()), y(mib(sample)));
    let points: Vec<String> = samples.iter().map(point).collect();
    let _ = writeln!(svg, "<polyline class=\"curve\" points=\"{}\"/>\n</svg>", points.join(" "));
    svg
}
