//! The arrivals curve as an SVG that is legible on light and on dark pages.

use std::fmt::Write as _;

use super::Report;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 48.0;

const STYLE: &str = "
  svg { font: 13px system-ui, sans-serif; --ink: #1d2733; --faint: #c3ccd6; --told: #b4530a;
        --landed: #0b6bcb; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6ebf0; --faint: #46525f; --told: #f5a04c; --landed: #6db3ff; }
  }
  text { fill: var(--ink); } .grid { stroke: var(--faint); stroke-width: 1; }
  .told, .landed { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
  .told { stroke: var(--told); stroke-dasharray: 6 4; } .landed { stroke: var(--landed); }
  .end { text-anchor: end; } .middle { text-anchor: middle; }";

impl Report {
    /// The arrivals curve.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    pub fn figure(&self) -> String {
        let (told, landed) = self.curves();
        let seconds = (told.len().max(landed.len()) as f64 / 10.0).ceil().max(1.0);
        let people = self.people().max(1) as f64;
        let x = |second: f64| LEFT + (WIDTH - LEFT - RIGHT) * second / seconds;
        let y = |count: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * count / people;
        let mut svg = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             role=\"img\" aria-label=\"Clients told and landed over time\">\n<style>{STYLE}\n</style>"
        );
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"20\">{} clients on {} gateways: told and landed after the \
             failover's commit</text>",
            grouped(self.people()),
            self.plan.gateways
        );
        for part in 0..=4 {
            let count = people * f64::from(part) / 4.0;
            let at = y(count);
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text class=\"end\" x=\"{}\" y=\"{:.1}\">{}k</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                at + 4.0,
                (count / 1_000.0).round()
            );
        }
        let step = (seconds / 6.0).ceil();
        let mut second = 0.0;
        while second <= seconds {
            let _ = writeln!(
                svg,
                "<text class=\"middle\" x=\"{:.1}\" y=\"{}\">{second} s</text>",
                x(second),
                HEIGHT - BOTTOM + 20.0
            );
            second += step;
        }
        for (class, curve) in [("told", &told), ("landed", &landed)] {
            let mut points = format!("{:.1},{:.1}", x(0.0), y(0.0));
            for (tenth, count) in curve.iter().enumerate() {
                let second = (tenth + 1) as f64 / 10.0;
                let _ = write!(points, " {:.1},{:.1}", x(second), y(*count as f64));
            }
            let _ = write!(
                points,
                " {:.1},{:.1}",
                x(seconds),
                y(curve.last().map_or(0.0, |last| *last as f64))
            );
            let _ = writeln!(svg, "<polyline class=\"{class}\" points=\"{points}\"/>");
        }
        legend(&mut svg);
        svg.push_str("</svg>\n");
        svg
    }
}

fn legend(svg: &mut String) {
    let right = WIDTH - RIGHT - 130.0;
    for (row, (class, text)) in
        [("told", "told to leave"), ("landed", "in the standby")].into_iter().enumerate()
    {
        let y = HEIGHT - BOTTOM - 40.0 + if row == 0 { 0.0 } else { 22.0 };
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{right}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/>\
             <text x=\"{}\" y=\"{}\">{text}</text>",
            right + 28.0,
            right + 36.0,
            y + 4.0
        );
    }
}

/// A number with its thousands apart.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
