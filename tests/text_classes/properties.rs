//! What holds for any bytes.

use super::tree::rel;
use proptest::prelude::*;
use relocate::base::path::{Prefix, RelPath};
use relocate::text::class::{Around, Sort, Subject};
use relocate::text::ledger::Fate;
use relocate::text::occurrence::{Names, Reading};
use relocate::text::rewrite::{LEDGERS, Outcome, rewrite};

/// A tree in which every path is a file of its own.
struct Anything;

impl Around for Anything {
    fn leads_to(&self, path: &RelPath) -> Option<(RelPath, Sort)> {
        let end = if path.name() == b"python" { rel("bin/python3.11") } else { path.clone() };
        Some((end, Sort::File { mode: 0o755 }))
    }

    fn names(&self, path: &RelPath) -> Vec<RelPath> {
        vec![path.clone()]
    }

    fn within(&self, _: &RelPath) -> Vec<RelPath> {
        Vec::new()
    }
}

const PATHS: &[&str] = &[
    "bin/script",
    "lib/python3.11/_sysconfigdata__linux.py",
    "lib/python3.11/config-3.11/Makefile",
    "bin/python3.11-config",
    "env/pyvenv.cfg",
    "env/bin/activate",
    "env/bin/activate.csh",
    "lib/site-packages/a.pth",
    "lib/site-packages/a.egg-link",
    "lib/site-packages/__editable___a_finder.py",
    "lib/site-packages/a.dist-info/RECORD",
];

/// The classes of this directory that leave no place that names the prefix.
const WHOLE: &[&str] = &[
    "python-sysconfig",
    "python-makefile",
    "python-config",
    "python-path",
    "python-editable",
    "venv",
    "venv-activate",
];

/// Classes that have their own tests.
const OTHERS: &[&str] = &["shell", "cmake", "pkg-config", "libtool"];

/// Pieces that the classes look for, and noise.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(b"/p/old/bin/python3".to_vec()),
        2 => Just(b"/p/old".to_vec()),
        1 => Just(b"#!/p/old/bin/".to_vec()),
        1 => prop::sample::select(vec!["perl", "ruby", "bash", "node", "lua", "tclsh", "awk", "python"]).prop_map(Vec::from),
        1 => Just(b"#!/usr/bin/env ".to_vec()),
        1 => Just(b"#!/bin/sh\n".to_vec()),
        1 => Just(b"'''exec' ".to_vec()),
        1 => Just(b"\"$0\" \"$@\"".to_vec()),
        1 => Just(b"build_time_vars = {".to_vec()),
        1 => Just(b"prefix_real=$(installed_prefix \"$0\")".to_vec()),
        1 => Just(b"home = ".to_vec()),
        1 => Just(b"version = 3.11\n".to_vec()),
        1 => Just(b",sha256=x,1\n".to_vec()),
        3 => prop::sample::select(&b"\n\n\n  \"\"'''#,=\\/-$(){}[]\r\tarx\xff"[..]).prop_map(|byte| vec![byte]),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    let start = prop_oneof![3 => Just(b"#!/p/old/bin/".to_vec()), 1 => Just(Vec::new())];
    (start, prop::collection::vec(piece, 0..14)).prop_map(|(start, pieces)| [start, pieces.concat()].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rewritten_file_is_done_with(
        bytes in text(),
        path in prop::sample::select(PATHS),
        mode in prop::sample::select(&[0o755, 0o644, 0o4755][..]),
    ) {
        let prefixes = [Prefix::new(b"/p/old").unwrap()];
        let names = Names::new(&prefixes);
        let path = rel(path);
        let subject = Subject { path: &path, mode, bytes: &bytes, prefixes: &prefixes, names: &names, around: &Anything };
        for ledger in LEDGERS {
            let _ = ledger.speaks_of(&subject);
            let _ = ledger.rewrite(&subject, &|_| Fate::Removed);
        }
        if let Outcome::New(new) = rewrite(&subject, OTHERS) {
            prop_assert!(!new.changes.is_empty());
            let again = rewrite(&subject.with(&new.bytes), OTHERS);
            // What a class refuses for its first line's sake, it may know by the next one.
            let done = new.refused.is_some() || !matches!(again, Outcome::New(_));
            prop_assert!(done, "{}", String::from_utf8_lossy(&new.bytes));
            let first = new.bytes.split(|byte| *byte == b'\n').next().unwrap();
            prop_assert!(!names.any(first, Reading::Text));
            if new.refused.is_none() && new.changes.iter().any(|change| WHOLE.contains(&change.class)) {
                prop_assert!(!names.any(&new.bytes, Reading::Text));
            }
        }
    }
}
