//! The page: the table of ratios beside their targets, everybody's medians, and what is needed to do it again.
//!
//! Both files are written beside their places and renamed when everything is measured, so that a run cut short leaves none.

use crate::corpus::Corpus;
use crate::lab::Lab;
use crate::numbers::{Spread, bytes, grouped, short};
use crate::plot;
use crate::rounds::{Measured, Sample};
use crate::scale::Limit;
use crate::tools::Tool;
use crate::work::{Compared, Row};
use std::fs;
use std::path::Path;

const INTRODUCTION: &str = "\
# Benchmarks

Written by `cargo bench -- scale` (`benches/setup` brings the peers first), not by hand; without `scale` it leaves out the generated trees. Everybody who does the same
work takes turns, round by round, after one round that does not count. A ratio is relocate's time divided by the peer's of the same round: the median, and in brackets the
least and the largest; below 1 relocate is faster. Processor time is that of all processes, user and system together: it says more than the clock on a machine
that has other work. Peak memory is the largest resident set of any one process, pages of files included; where it says anonymous, they are not (`RssAnon`, looked at every 5 ms).

relocate always does the whole job: it reads every file, searches it for the old path in all spellings, rewrites, proves that every library is found, and packs a record with a digest of
every file. The peers rewrite, pack or search, and prove nothing. So that sizes are of the same files, libtool archives are kept (`--keep-la`) and the program itself is left out (`--no-tool`);
libraries that the prefix takes from the machine are allowed by name. chrpath, patchelf and `relocate elf` are told which files to change and how.

The generated trees (`benches/tree/mod.rs`) have sizes, depths and kinds as measured in a real prefix; their ELF files are built by the C compiler and need each other's libraries.
";

/// All the page tells.
pub(crate) struct Page<'a> {
    /// Names and values of the machine.
    pub(crate) machine: Vec<(&'static str, String)>,
    /// The peers' versions.
    pub(crate) tools: &'a [Tool],
    /// Where it was measured.
    pub(crate) lab: &'a Lab,
    /// What was measured with.
    pub(crate) corpus: &'a Corpus,
    /// The results.
    pub(crate) measured: &'a [Measured],
    /// What was tried at the limits.
    pub(crate) limits: &'a [Limit],
}

/// A row of the first table with its numbers.
pub(crate) struct Line<'a> {
    /// What is compared with what.
    pub(crate) row: &'a Row,
    /// By the clock.
    pub(crate) clock: Spread,
    /// By processor time; none for a gain.
    pub(crate) processor: Option<Spread>,
    /// What both wrote, divided.
    pub(crate) size: Option<f64>,
}

impl Line<'_> {
    /// Whether the target is met; none where there is none.
    pub(crate) fn met(&self) -> Option<bool> {
        let target = self.row.target?;
        let time = match self.row.compared {
            Compared::Time(..) => self.clock.median <= target,
            Compared::Gain(..) => self.clock.median >= target,
        };
        let size = self.row.size_target.zip(self.size).is_none_or(|(target, size)| size <= target);
        Some(time && size)
    }
}

/// The rows of one work with their numbers; a row about somebody who did not run is a mistake of ours.
fn lines(measured: &Measured) -> impl Iterator<Item = Result<Line<'_>, String>> {
    measured.work.rows.iter().map(|row| {
        compare(measured, row)
            .ok_or_else(|| format!("the row '{}' beside '{}' names nobody who ran", row.label, row.peer))
    })
}

fn compare<'a>(measured: &Measured, row: &'a Row) -> Option<Line<'a>> {
    Some(match &row.compared {
        Compared::Time(ours, peer) => Line {
            row,
            clock: measured.ratio(ours, peer, |sample| sample.cost.clock)?,
            processor: measured.ratio(ours, peer, |sample| sample.cost.processor),
            size: measured.size_ratio(ours, peer),
        },
        Compared::Gain(ours, peer) => Line { row, clock: measured.gain(*ours, *peer)?, processor: None, size: None },
    })
}

impl Page<'_> {
    /// Writes `benchmarks.md` and `benchmarks.svg` into a directory.
    pub(crate) fn write(&self, out: &Path) -> Result<(), String> {
        let lines = self.measured.iter().flat_map(lines).collect::<Result<Vec<Line>, String>>()?;
        let failed = |error: std::io::Error| format!("{}: {error}", out.display());
        fs::create_dir_all(out).map_err(failed)?;
        for (name, text) in [("benchmarks.svg", plot::draw(&lines)), ("benchmarks.md", self.text(&lines))] {
            let beside = out.join(format!(".{name}.new"));
            fs::write(&beside, text).and_then(|()| fs::rename(&beside, out.join(name))).map_err(failed)?;
        }
        Ok(())
    }

    fn text(&self, lines: &[Line]) -> String {
        let mut text = vec![
            INTRODUCTION.to_owned(),
            "![ratios](benchmarks.svg)".to_owned(),
            String::new(),
            "| work | beside | target | by the clock | by processor time | size | target of size | met |".to_owned(),
            "|---|---|---|---|---|---|---|---|".to_owned(),
        ];
        text.extend(lines.iter().map(line));
        text.extend([
            String::new(),
            "A gain is what the program gains by more threads, divided by what the peer gains; there, more is better."
                .to_owned(),
        ]);
        text.extend(limits(self.limits));
        text.extend(self.measured.iter().flat_map(medians));
        text.extend(self.commands());
        text.extend(self.surroundings());
        text.join("\n") + "\n"
    }

    fn commands(&self) -> Vec<String> {
        let mut text = vec![
            String::new(),
            "## Commands".to_owned(),
            String::new(),
            "In bash, with `pipefail`. What is above a command was done before each of its runs, unmeasured."
                .to_owned(),
            String::new(),
            "```bash".to_owned(),
        ];
        text.extend(self.lab.variables.iter().map(|(name, value)| format!("export {name}='{}'", hide(value))));
        for measured in self.measured {
            text.extend([String::new(), format!("# {}", measured.work.title)]);
            text.extend((!measured.work.before.is_empty()).then(|| measured.work.before.clone()));
            for entrant in &measured.work.entrants {
                text.push(format!("# {}", entrant.name));
                text.extend((!entrant.before.is_empty()).then(|| entrant.before.clone()));
                text.push(entrant.command.clone());
            }
        }
        text.push("```".to_owned());
        text
    }

    fn surroundings(&self) -> Vec<String> {
        let corpus = self.corpus;
        let mut text = vec![
            String::new(),
            "## Where and with what".to_owned(),
            String::new(),
            "| | |".to_owned(),
            "|---|---|".to_owned(),
        ];
        let mut say = |name: &str, value: String| text.push(format!("| {name} | {value} |"));
        for (name, value) in &self.machine {
            say(name, value.clone());
        }
        say("relocate", self.lab.version.clone());
        for tool in self.tools {
            say(tool.name, tool.version.clone());
        }
        say(
            "tree",
            format!(
                "{} files, {} symlinks, {}; {} dynamic ELF files, {} of which need another run-time path",
                grouped(corpus.files),
                grouped(corpus.symlinks),
                bytes(corpus.bytes),
                grouped(corpus.elf),
                grouped(corpus.needy)
            ),
        );
        say("built for", format!("`{}`", self.lab.prefix));
        text
    }
}

fn line(line: &Line) -> String {
    let show = |spread: Option<Spread>| spread.map_or_else(String::new, |spread| spread.show());
    let target = line.row.target.map_or_else(String::new, |target| match line.row.compared {
        Compared::Time(..) => format!("<= {target}"),
        Compared::Gain(..) => format!(">= {target}"),
    });
    let size = line.size.map_or_else(String::new, |size| format!("{size:.3}"));
    let size_target = line.row.size_target.map_or_else(String::new, |target| format!("<= {target}"));
    let met = line.met().map_or("", |met| if met { "yes" } else { "no" });
    format!(
        "| {} | {} | {target} | {} | {} | {size} | {size_target} | {met} |",
        cell(line.row.label),
        cell(line.row.peer),
        line.clock.show(),
        show(line.processor)
    )
}

fn medians(measured: &Measured) -> Vec<String> {
    let mut text = vec![
        String::new(),
        format!("## {}", measured.work.title),
        String::new(),
        "| program | seconds | seconds of processor time | peak memory | size |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    for (entrant, samples) in measured.work.entrants.iter().zip(&measured.samples) {
        let spread = |value: fn(&Sample) -> f64| Spread::of(samples.iter().map(value));
        let clock = spread(|sample| sample.cost.clock).map_or_else(String::new, |spread| spread.show());
        let processor = spread(|sample| sample.cost.processor).map_or_else(String::new, |spread| short(spread.median));
        let resident = samples.iter().map(|sample| sample.cost.resident).max().unwrap_or(0);
        let size = samples.first().and_then(|sample| sample.size).map_or_else(String::new, bytes);
        text.push(format!("| {} | {clock} | {processor} | {} | {size} |", cell(entrant.name), bytes(resident)));
    }
    text
}

fn limits(limits: &[Limit]) -> Vec<String> {
    if limits.is_empty() {
        return Vec::new();
    }
    let mut text: Vec<String> = ["", "## At the limits", "", "| what | target | measured | met |", "|---|---|---|---|"]
        .map(str::to_owned)
        .into();
    text.extend(limits.iter().map(|limit| {
        format!("| {} | {} | {} | {} |", limit.what, limit.target, limit.found, if limit.met { "yes" } else { "no" })
    }));
    text
}

fn cell(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

/// A path as another reader would have it.
fn hide(value: &str) -> String {
    let home = std::env::var("HOME").unwrap_or_default();
    let value = value.replace(env!("CARGO_MANIFEST_DIR"), ".");
    if home.len() > 1 { value.replace(&home, "~") } else { value }
}
