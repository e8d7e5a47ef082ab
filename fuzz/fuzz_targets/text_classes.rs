//! Any text under the name of each class: rewritten, and what was rewritten is not rewritten again.
//!
//! The first byte of the input says which name the file has, the second its mode. The rest is the file, in which each `@` is
//! the old prefix.

#![no_main]

use libfuzzer_sys::fuzz_target;
use relocate::base::path::{Prefix, RelPath};
use relocate::text::class::{Around, Sort, Subject};
use relocate::text::ledger::Fate;
use relocate::text::occurrence::{Names, Reading};
use relocate::text::rewrite::{LEDGERS, Outcome, rewrite};

/// A tree with nothing else in it.
struct Alone;

impl Around for Alone {
    fn leads_to(&self, _: &RelPath) -> Option<(RelPath, Sort)> {
        None
    }

    fn names(&self, path: &RelPath) -> Vec<RelPath> {
        vec![path.clone()]
    }

    fn within(&self, _: &RelPath) -> Vec<RelPath> {
        Vec::new()
    }
}

const NAMES: &[&str] = &[
    "bin/x",
    "lib/pkgconfig/x.pc",
    "lib/cmake/x/x.cmake",
    "etc/fonts/fonts.conf",
    "lib/ruby/rbconfig.rb",
    "share/x.pl",
    "pkgdb/x-1/+CONTENTS",
    "lib/python3.11/_sysconfigdata_x.py",
    "lib/python3.11/config-3.11/Makefile",
    "lib/python3.11/site-packages/x-1.dist-info/RECORD",
    "pyvenv.cfg",
    "bin/activate",
];

fuzz_target!(|input: &[u8]| {
    let Some((&[name, mode], text)) = input.split_first_chunk() else { return };
    let bytes: Vec<u8> = text.split(|byte| *byte == b'@').collect::<Vec<_>>().join(&b"/old/place"[..]);
    let path = RelPath::new(NAMES[usize::from(name) % NAMES.len()].as_bytes()).expect("the names are paths");
    let prefixes = [Prefix::new(b"/old/place").expect("the prefix is one")];
    let names = Names::new(&prefixes);
    let mode = if mode & 1 == 0 { 0o755 } else { 0o644 };
    let subject = Subject { path: &path, mode, bytes: &bytes, prefixes: &prefixes, names: &names, around: &Alone };
    if let Outcome::New(new) = rewrite(&subject, &[]) {
        // A prefix behind a prefix is a directory below it, and becomes a name of its own.
        let doubled = bytes.windows(16).any(|window| window[1..11] == b"/old/place"[..] && window[0].is_ascii_alphanumeric());
        let left = names.find(&new.bytes, Reading::Text).len();
        assert!(doubled || left < names.find(&bytes, Reading::Text).len(), "something was rewritten");
        assert!(doubled || !matches!(rewrite(&subject.with(&new.bytes), &[]), Outcome::New(_)), "nothing is rewritten twice");
    }
    for ledger in LEDGERS {
        if ledger.speaks_of(&subject).is_some() {
            let _ = ledger.rewrite(&subject, &|_| Fate::Removed);
        }
    }
});
