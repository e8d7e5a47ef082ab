//! The picture: one bar for each row, from 1 (as fast as the peer) to the ratio, on an axis of powers of ten.

use crate::numbers::short;
use crate::page::Line;
use crate::work::Compared;
use std::fmt::Write;

const LEFT: f64 = 420.0;
const WIDTH: f64 = 500.0;
const STEP: f64 = 26.0;
const TOP: f64 = 52.0;

const STYLE: &str = "\
  svg { --ink: #1f2328; --faint: #d0d7de; --good: #1a7f37; --bad: #bc4c00; --plain: #57606a }
  @media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --faint: #3d444d; --good: #3fb950; --bad: #f0883e; --plain: #9198a1 } }
  text { font: 12px system-ui, sans-serif; fill: var(--ink) } .end { text-anchor: end } .mid { text-anchor: middle }
  .grid { stroke: var(--faint) } .one { stroke: var(--ink) } .spread { stroke: var(--ink); stroke-width: 1.5 }
  .good { fill: var(--good) } .bad { fill: var(--bad) } .plain { fill: var(--plain) } .target { stroke: var(--ink); stroke-width: 2.5 }
";

/// The axis: powers of ten that hold all values.
struct Axis {
    least: i32,
    most: i32,
}

impl Axis {
    fn of(lines: &[Line]) -> Axis {
        let values = lines.iter().flat_map(|line| [line.clock.least, line.clock.most, line.row.target.unwrap_or(1.0)]);
        let logs: Vec<f64> = values.filter(|value| *value > 0.0).map(f64::log10).collect();
        #[expect(clippy::cast_possible_truncation, reason = "a handful of powers of ten")]
        Axis {
            least: logs.iter().fold(-1.0, |least: f64, log| least.min(*log)).floor() as i32,
            most: logs.iter().fold(0.3, |most: f64, log| most.max(*log)).ceil() as i32,
        }
    }

    fn at(&self, value: f64) -> f64 {
        let (least, most) = (f64::from(self.least), f64::from(self.most));
        LEFT + (value.max(1e-9).log10() - least) / (most - least) * WIDTH
    }
}

/// The picture of all rows, as SVG.
pub(crate) fn draw(lines: &[Line]) -> String {
    let axis = Axis::of(lines);
    let rows: f64 = lines.iter().map(|_| STEP).sum();
    let (width, height) = (LEFT + WIDTH + 70.0, TOP + rows + 12.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <title>relocate's time divided by its peers'</title>\n<style>\n{STYLE}</style>\n\
         <text x=\"{LEFT}\" y=\"16\">time divided by the peer's, left of 1 relocate is faster; thick mark: target; green: met, orange: missed</text>\n"
    );
    for power in axis.least..=axis.most {
        let value = 10f64.powi(power);
        let x = axis.at(value);
        let class = if power == 0 { "one" } else { "grid" };
        let _ = writeln!(
            out,
            "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{:.1}\"/>",
            TOP - 12.0,
            TOP + rows
        );
        let _ = writeln!(out, "<text class=\"mid\" x=\"{x:.1}\" y=\"{}\">{value}</text>", TOP - 18.0);
    }
    let mut y = TOP;
    for line in lines {
        out.push_str(&bar(&axis, line, y));
        y += STEP;
    }
    out + "</svg>\n"
}

fn bar(axis: &Axis, line: &Line, y: f64) -> String {
    let class = line.met().map_or("plain", |met| if met { "good" } else { "bad" });
    let (one, end) = (axis.at(1.0), axis.at(line.clock.median));
    let (x, width) = (one.min(end), (one - end).abs());
    let middle = y + STEP / 2.0;
    let gain = if matches!(line.row.compared, Compared::Gain(..)) { " (gain: more is better)" } else { "" };
    let mut out = format!(
        "<text class=\"end\" x=\"{}\" y=\"{:.1}\">{}</text>\n",
        LEFT - 10.0,
        middle + 4.0,
        escape(&format!("{} / {}{gain}", line.row.label, line.row.peer))
    );
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{}\"/>",
        y + 5.0,
        width.max(1.0),
        STEP - 10.0
    );
    let (least, most) = (axis.at(line.clock.least), axis.at(line.clock.most));
    let _ = writeln!(
        out,
        "<line class=\"spread\" x1=\"{least:.1}\" x2=\"{most:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>"
    );
    if let Some(target) = line.row.target {
        let x = axis.at(target);
        let _ = writeln!(
            out,
            "<line class=\"target\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
            y + 2.0,
            y + STEP - 2.0
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{:.1}\">{}</text>",
        LEFT + WIDTH + 12.0,
        middle + 4.0,
        short(line.clock.median)
    );
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
