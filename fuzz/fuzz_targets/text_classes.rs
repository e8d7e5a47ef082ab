//! Any text: every class may see it under a name it knows. None panics; what is rewritten and names no prefix any more is
//! done with; a class that promises to leave nothing leaves nothing.
//!
//! The first byte of the input chooses the path, the second the permission bits. The rest is the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use relocate::base::path::{Prefix, RelPath};
use relocate::text::class::{Around, Sort, Subject};
use relocate::text::ledger::Fate;
use relocate::text::occurrence::{Names, Reading};
use relocate::text::rewrite::{LEDGERS, Outcome, rewrite};

const PATHS: &[&str] = &[
    "bin/script",
    "libexec/tool/deep/script",
    "bin/x-config",
    "lib/python3.11/_sysconfigdata__linux.py",
    "lib/python3.11/config-3.11/Makefile",
    "bin/python3.11-config",
    "env/pyvenv.cfg",
    "env/bin/activate",
    "env/bin/activate.csh",
    "env/bin/activate.fish",
    "lib/site-packages/a.pth",
    "lib/site-packages/a.egg-link",
    "lib/site-packages/__editable___a_finder.py",
    "lib/site-packages/a.dist-info/RECORD",
    "lib/pkgconfig/a.pc",
    "lib/liba.la",
    "lib/cmake/a/a-config.cmake",
    "pkgdb/a-1/+CONTENTS",
    "share/a.pl",
    "etc/fonts/fonts.conf",
    "lib/ruby/rbconfig.rb",
];
const MODES: &[u32] = &[0o755, 0o644, 0o4755];

/// A tree in which every path is a file of its own, but for the interpreters of virtual environments.
struct Anything;

impl Around for Anything {
    fn leads_to(&self, path: &RelPath) -> Option<(RelPath, Sort)> {
        let end = if path.name() == b"python" { RelPath::new(b"bin/python3.11")? } else { path.clone() };
        Some((end, Sort::File { mode: 0o755 }))
    }

    fn names(&self, path: &RelPath) -> Vec<RelPath> {
        vec![path.clone()]
    }

    fn within(&self, _: &RelPath) -> Vec<RelPath> {
        Vec::new()
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&[path, mode], bytes)) = input.split_first_chunk() else { return };
    let prefixes = [b"/p/old".as_slice(), b"/p/old/opt"].map(|path| Prefix::new(path).expect("it is absolute"));
    let names = Names::new(&prefixes);
    let path = RelPath::new(PATHS[usize::from(path) % PATHS.len()].as_bytes()).expect("it is relative");
    let mode = MODES[usize::from(mode) % MODES.len()];
    let file = Subject { path: &path, mode, bytes, prefixes: &prefixes, names: &names, around: &Anything };
    for ledger in LEDGERS {
        let _ = ledger.speaks_of(&file);
        let _ = ledger.rewrite(&file, &|_| Fate::Removed);
        let _ = ledger.rewrite(&file, &|_| Fate::Link(b"x".to_vec()));
    }
    let Outcome::New(new) = rewrite(&file, &[]) else { return };
    assert!(!new.changes.is_empty(), "what is new was changed");
    let left = names.any(&new.bytes, Reading::Text);
    if !left {
        let again = rewrite(&file.with(&new.bytes), &[]);
        assert!(new.refused.is_some() || !matches!(again, Outcome::New(_)), "it is done with");
    }
    let whole = ["venv", "python-"];
    let whole = new.changes.iter().any(|change| whole.iter().any(|name| change.class.starts_with(name)));
    assert!(!(whole && left), "nothing is left");
});
