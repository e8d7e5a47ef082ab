//! `cargo bench --bench delivery`: one update by relocate, rsync, ostree, casync and zsync, side by side in one run; writes
//! `docs/delivery-benchmark.md` and `docs/delivery-benchmark.svg`.
//!
//! Takes one prefix at two versions (`--old DIR --new DIR`), which are read and never changed; everything else lies below one
//! directory. Everybody delivers the same two trees from the same nginx (rsync from its own daemon) through a proxy that
//! counts bytes. A tool that is missing ends it before anything is measured, a tool that delivers another tree ends it too,
//! and a run that is cut short leaves no page.

#![expect(clippy::print_stderr, reason = "this program's talk")]

mod arguments;
mod disk;
mod entrant;
mod lab;
#[path = "../peers/machine.rs"]
#[expect(dead_code, reason = "the other benchmark asks for more")]
mod machine;
#[path = "../peers/measure.rs"]
#[expect(dead_code, reason = "peak memory is measured along")]
mod measure;
mod meter;
#[path = "../peers/numbers.rs"]
mod numbers;
mod page;
mod plot;
mod prepare;
mod rounds;
mod servers;
mod tools;

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = measure::as_the_witness() {
        return code;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let Some(asked) = arguments::read(std::env::args().skip(1))? else {
        eprint!("{}", arguments::HELP);
        return Ok(());
    };
    let tools = tools::find()?;
    let mut lab = lab::Lab::new(&asked)?;
    let prepared = prepare::all(&lab, &asked)?;
    lab.serve()?;
    let measured = rounds::contest(&lab, entrant::all(), asked.rounds)?;
    page::Page { asked: &asked, tools: &tools, lab: &lab, prepared: &prepared, measured: &measured }.write(&asked.out)
}
