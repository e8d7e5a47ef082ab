//! `cargo bench`: measures relocate beside its peers in one run and writes `docs/benchmarks.md` and `docs/benchmarks.svg`.
//!
//! Takes a prefix (`--root DIR`), which is read and never changed; everything else lies below one cache directory. The
//! programs take turns, round by round, after one round that does not count. A tool that is missing ends it before
//! anything is measured, and a run that is cut short leaves no table. `docs/benchmarks.md` tells how to read the result.

#![expect(clippy::print_stderr, reason = "this program's talk")]

mod arguments;
mod conda;
mod corpus;
mod lab;
mod machine;
mod measure;
mod numbers;
mod page;
mod plot;
mod rounds;
mod scale;
mod tools;
#[path = "../tree/mod.rs"]
mod tree;
mod work;

use arguments::Task;
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
    let asked = arguments::read(std::env::args().skip(1))?;
    match &asked.task {
        Task::Help => {
            eprint!("{}", arguments::HELP);
            Ok(())
        }
        Task::Peers => peers(&asked),
    }
}

/// Measures every work asked for and writes the page.
fn peers(asked: &arguments::Asked) -> Result<(), String> {
    let tools = tools::find(work::all().iter().any(|work| work.registry && asked.wants(work.word)))?;
    let lab = lab::Lab::new(asked)?;
    let corpus = corpus::Corpus::look(&lab)?;
    let mut measured = Vec::new();
    for work in work::all().into_iter().filter(|work| asked.wants(work.word)) {
        measured.push(rounds::contest(&lab, work, asked.rounds)?);
    }
    let limits = if asked.scale { scale::measure(&lab, asked, &mut measured)? } else { Vec::new() };
    let page = page::Page {
        machine: machine::look(&lab.work),
        tools: &tools,
        lab: &lab,
        corpus: &corpus,
        measured: &measured,
        limits: &limits,
    };
    page.write(&asked.out)
}
