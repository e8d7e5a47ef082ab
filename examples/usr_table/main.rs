//! Gives every dynamic ELF file below a directory a longer run-time path and tells how many survived, next to patchelf.
//!
//! `usr_table [DIR] [--limit N]`: DIR is `/usr` unless given; with a limit N files are taken, evenly spread. The files
//! themselves are only read. Copies of them are run with `--version`, so this belongs into a sandbox without network and
//! privileges, such as `unshare --net --pid --fork --mount-proc setpriv --reuid=65534 --regid=65534 --clear-groups`.
//! The table goes to standard output in Markdown; it has no times in it and does not depend on the number of threads.

mod files;
mod process;
mod table;
mod trial;
mod wish;

use rayon::prelude::*;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// No copy is longer, and no program that ignores `--version` may print more.
const LONGEST_FILE: u64 = 1 << 30;

/// What was asked for.
struct Arguments {
    dir: PathBuf,
    limit: usize,
}

fn main() -> io::Result<()> {
    let arguments = arguments().ok_or_else(|| io::Error::other("usage: usr_table [DIR] [--limit N]"))?;
    setrlimit(Resource::Fsize, Rlimit { current: Some(LONGEST_FILE), maximum: Some(LONGEST_FILE) })?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    let tools = trial::tools()?;
    let found = files::below(&arguments.dir);
    let step = found.dynamic.len().div_ceil(arguments.limit.max(1)).max(1);
    let chosen: Vec<_> = found.dynamic.iter().step_by(step).collect();
    let done = AtomicUsize::new(0);
    let trials: Vec<_> = chosen
        .par_iter()
        .map(|path| {
            let trial = trial::trial(path);
            report(done.fetch_add(1, Ordering::Relaxed) + 1, chosen.len());
            trial
        })
        .collect::<io::Result<_>>()?;
    io::stdout().lock().write_all(table::render(&found, &trials, &tools).as_bytes())
}

fn arguments() -> Option<Arguments> {
    let mut found = Arguments { dir: PathBuf::from("/usr"), limit: usize::MAX };
    let mut words = std::env::args_os().skip(1);
    while let Some(word) = words.next() {
        if word == "--limit" {
            found.limit = words.next()?.to_str()?.parse().ok()?;
        } else {
            found.dir = PathBuf::from(word);
        }
    }
    Some(found)
}

/// Says how far it is, now and then; a terminal that is gone is no reason to stop.
fn report(done: usize, of: usize) {
    if done.is_multiple_of(100) || done == of {
        let _ = writeln!(io::stderr(), "{done} of {of}");
    }
}
