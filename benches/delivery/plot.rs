//! The picture: for every tool three bars on axes of powers of ten: bytes, requests and seconds of one update.

use crate::entrant::Kind;
use crate::numbers::{bytes, short};
use crate::rounds::{Measured, Sample};
use std::fmt::Write;

const LEFT: f64 = 200.0;
const WIDTH: f64 = 190.0;
const APART: f64 = 75.0;
const STEP: f64 = 26.0;
const TOP: f64 = 50.0;

const STYLE: &str = "\
  svg { --ink: #1f2328; --faint: #d0d7de; --ours: #1a7f37; --plain: #57606a }
  @media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --faint: #3d444d; --ours: #3fb950; --plain: #9198a1 } }
  text { font: 12px system-ui, sans-serif; fill: var(--ink) } .end { text-anchor: end }
  .axis { stroke: var(--faint) } .ours { fill: var(--ours) } .plain { fill: var(--plain) }
";

/// One of the three columns.
struct Column {
    title: &'static str,
    value: fn(&Sample) -> f64,
    show: fn(f64) -> String,
}

const COLUMNS: [Column; 3] = [
    Column { title: "bytes, both ways", value: Sample::bytes, show: shown_bytes },
    Column { title: "HTTP requests", value: requests, show: shown_requests },
    Column { title: "seconds", value: seconds, show: short },
];

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes were counted")]
fn shown_bytes(value: f64) -> String {
    bytes(value as u64)
}

fn shown_requests(value: f64) -> String {
    if value == 0.0 { "none: a connection of its own".to_owned() } else { format!("{value}") }
}

#[expect(clippy::cast_precision_loss, reason = "for the eye")]
fn requests(sample: &Sample) -> f64 {
    sample.carried.requests as f64
}

fn seconds(sample: &Sample) -> f64 {
    sample.cost.clock
}

/// The picture of all updates over the network, as SVG.
pub(crate) fn draw(measured: &[Measured]) -> String {
    let rows: Vec<_> =
        measured.iter().filter(|one| matches!(one.entrant.kind, Kind::Ours | Kind::Peer | Kind::Told)).collect();
    let count: f64 = rows.iter().map(|_| 1.0).sum();
    let (width, height) = (LEFT + 3.0 * (WIDTH + APART), TOP + count * STEP + 10.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <title>One update: bytes, requests and seconds of each tool</title>\n<style>\n{STYLE}</style>\n\
         <text x=\"{LEFT}\" y=\"16\">one update from the first release to the second; axes are powers of ten, less is better</text>\n"
    );
    let mut y = TOP;
    for row in &rows {
        let _ = writeln!(
            out,
            "<text class=\"end\" x=\"{}\" y=\"{:.1}\">{}</text>",
            LEFT - 10.0,
            y + STEP / 2.0 + 4.0,
            row.entrant.name
        );
        y += STEP;
    }
    let mut x = LEFT;
    for column in &COLUMNS {
        out.push_str(&bars(column, &rows, x));
        x += WIDTH + APART;
    }
    out + "</svg>\n"
}

fn bars(column: &Column, rows: &[&Measured], x: f64) -> String {
    let values: Vec<f64> = rows.iter().map(|row| row.median(|sample| Some((column.value)(sample)))).collect();
    let logs = values.iter().filter(|value| **value > 0.0).map(|value| value.log10());
    let least = logs.clone().fold(f64::INFINITY, f64::min).floor();
    let most = logs.fold(f64::NEG_INFINITY, f64::max).ceil().max(least + 1.0);
    let mut out = format!("<text x=\"{x}\" y=\"{}\">{}</text>\n", TOP - 10.0, column.title);
    let mut y = TOP;
    for (row, value) in rows.iter().zip(values) {
        let class = if row.entrant.kind == Kind::Ours { "ours" } else { "plain" };
        // The least power of ten would be no bar at all.
        let length = if value > 0.0 { (value.log10() - least + 0.1) / (most - least + 0.1) * WIDTH } else { 0.0 };
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{:.1}\" width=\"{length:.1}\" height=\"{}\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            y + 5.0,
            STEP - 10.0,
            x + length + 6.0,
            y + STEP / 2.0 + 4.0,
            (column.show)(value)
        );
        y += STEP;
    }
    let _ = writeln!(out, "<line class=\"axis\" x1=\"{x}\" x2=\"{x}\" y1=\"{TOP}\" y2=\"{y}\"/>");
    out
}
