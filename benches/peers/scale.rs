//! Generated trees from 1,000 to 200,000 files, packed and proven in turns: time for each file, and memory; then once each, a tree of
//! 20 GB (or what the disk has room for, and the page says so) and a file of 5 GB, whose bytes are real.

#![expect(clippy::print_stderr, reason = "a run takes long and says where it is")]

use crate::arguments::Asked;
use crate::lab::{self, Lab};
use crate::machine;
use crate::numbers::{bytes, grouped, short};
use crate::rounds::{self, Measured};
use crate::tree::Wanted;
use crate::work::{Entrant, Work, row};

/// What was tried once, and whether it did what it should.
pub(crate) struct Limit {
    /// What was tried.
    pub(crate) what: String,
    /// What it should do.
    pub(crate) target: &'static str,
    /// What it did.
    pub(crate) found: String,
    /// Whether that is what it should do.
    pub(crate) met: bool,
}

/// Files of the trees; a tenth of the real sizes, so that all lie side by side and in memory.
const SERIES: [(u64, &str); 4] =
    [(1_000, "1,000 files"), (10_000, "10,000 files"), (50_000, "50,000 files"), (200_000, "200,000 files")];
const PERCENT: u64 = 10;
const MEMORY: u64 = 150_000_000;
const GB: u64 = 1_000_000_000;
/// What the real distribution gives on average, in bytes for each file, at 100 percent.
const MEAN: u64 = 33_000;

/// Measures the series into `measured`; gives what was tried at the limits.
pub(crate) fn measure(lab: &Lab, asked: &Asked, measured: &mut Vec<Measured>) -> Result<Vec<Limit>, String> {
    let mut limits = Vec::new();
    if asked.wants("series") {
        let series = series(lab, asked.rounds)?;
        limits.push(memory(&series));
        measured.push(series);
    }
    if asked.wants("large-tree") {
        limits.push(large_tree(lab)?);
    }
    if asked.wants("large-file") {
        limits.push(large_file(lab)?);
    }
    Ok(limits)
}

fn memory(series: &Measured) -> Limit {
    let (files, name) = SERIES[SERIES.len() - 1];
    let anonymous = series.anonymous(name).unwrap_or(0);
    Limit {
        what: format!("peak anonymous memory, {} files", grouped(files)),
        target: "<= 150 MB",
        found: bytes(anonymous),
        met: anonymous > 0 && anonymous <= MEMORY,
    }
}

fn series(lab: &Lab, rounds: usize) -> Result<Measured, String> {
    for (files, _) in SERIES {
        generate(lab, &format!("tree-{files}"), |wanted| Wanted { files, percent: PERCENT, ..wanted })?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of files")]
    let entrants = SERIES.map(|(files, name)| pack(name, &format!("tree-{files}")).doing(files as f64));
    let first = SERIES[0].1;
    let rows = SERIES[1..].iter().map(|(_, name)| row(name, name, first, Some(1.3)));
    let work = Work {
        word: "scale",
        title: "Generated trees, files of a tenth of the real sizes, to a .tar.zst (ratios are of the time for each file)",
        before: String::new(),
        registry: false,
        conda: false,
        entrants: entrants.into(),
        rows: rows.collect(),
    };
    rounds::contest(lab, work, rounds)
}

fn pack(name: &'static str, tree: &str) -> Entrant {
    let command = format!("\"$RELOCATE\" \"$WORK/{tree}\" -o \"$WORK/out.tar.zst\" --keep-la --no-tool -q");
    Entrant::new(name, &command).writing("out.tar.zst")
}

fn generate(lab: &Lab, name: &str, wish: impl FnOnce(Wanted) -> Wanted) -> Result<u64, String> {
    let at = lab.work.join(name);
    let wanted = wish(Wanted::of(0, &at));
    eprintln!("generating {} files, seed {}", grouped(wanted.files), wanted.seed);
    lab::generate(&at, &wanted)
}

/// A tree of 20 GB: 150,000 files, four times as large as real ones; a smaller one where there is no room for it.
fn large_tree(lab: &Lab) -> Result<Limit, String> {
    let room = machine::free(&lab.work)?;
    let size = (20 * GB).min(room.saturating_sub(4 * GB));
    let files = size / (4 * MEAN);
    let made = generate(lab, "large", |wanted| Wanted { files, percent: 400, ..wanted })?;
    let what = format!("a tree of {}: {} files", bytes(made), grouped(files));
    let enough = made >= 18 * GB;
    let found = once(lab, "large", "-o -")?;
    let note = if enough { String::new() } else { format!(" (the disk has no room for 20 GB: {} free)", bytes(room)) };
    Ok(Limit { what, target: "a tree of 20 GB completes", found: format!("{found}{note}"), met: enough })
}

/// A file of 5 GB among a hundred others; the archive is read back and compared with its own record.
fn large_file(lab: &Lab) -> Result<Limit, String> {
    let room = machine::free(&lab.work)?;
    if room < 10 * GB {
        return Ok(limit_without_room(room));
    }
    generate(lab, "single", |wanted| Wanted { files: 100, large: Some(5 * GB), ..wanted })?;
    let found = once(lab, "single", "-o \"$WORK/out.tar.zst\"")?;
    lab.prepare("\"$RELOCATE\" verify \"$WORK/out.tar.zst\" -q")?;
    lab.clear()?;
    Ok(Limit {
        what: "one file of 5 GB".to_owned(),
        target: "completes",
        found: format!("{found}; verified"),
        met: true,
    })
}

fn limit_without_room(room: u64) -> Limit {
    let found = format!("not tried: needs 10 GB of the disk, {} are free", bytes(room));
    Limit { what: "one file of 5 GB".to_owned(), target: "completes", found, met: false }
}

/// Packs a tree once (a pipe ends in /dev/null, as all that measured programs print), removes it, and says what that cost.
fn once(lab: &Lab, tree: &str, output: &str) -> Result<String, String> {
    let command = format!("\"$RELOCATE\" \"$WORK/{tree}\" {output} --keep-la --no-tool -q");
    let cost = lab.measure(&command)?;
    if cost.exit != 0 {
        return Err(format!("exit {}: {command}\n{}", cost.exit, lab.said()));
    }
    lab.prepare(&format!("rm -rf \"$WORK/{tree}\""))?;
    Ok(format!(
        "completed in {} s, {} s of processor time, {} of anonymous memory",
        short(cost.clock),
        short(cost.processor),
        bytes(cost.anonymous)
    ))
}
