//! What holds for every class, whatever bytes a file of its name has.

use crate::alone::Alone;
use proptest::prelude::*;
use relocate::base::path::{Prefix, RelPath};
use relocate::text::class::{Answer, Subject, package_list::PackageList};
use relocate::text::ledger::{Fate, Ledger};
use relocate::text::occurrence::{Names, Reading};
use relocate::text::rewrite::{Outcome, rewrite};

/// A name for each class, how such a file begins, and what its language is made of.
const FILES: &[(&str, &str, &[&str])] = &[
    ("lib/pkgconfig/x.pc", "Name: x\n", &["prefix=", "${prefix}", "Libs: -L", "#", "opt/greet", "exec_prefix =", "\\"]),
    ("lib/x.la", "# x.la - a libtool library file\n", &["libdir='", "'"]),
    (
        "lib/cmake/x/x.cmake",
        "",
        &["set(x ", ")", "\"", "[[", "]]", "#", "#[=[", "]=]", "function(f)", "endfunction()", "\\"],
    ),
    ("etc/fonts/fonts.conf", "\"urn:fontconfig:fonts.dtd\"", &["<dir>", "</dir>", "<!--", "-->", "<dir prefix=\"x\">"]),
    (
        "lib/ruby/rbconfig.rb",
        "TOPDIR = File.dirname(__FILE__).chomp!(\"x\")\n",
        &["  CONFIG[\"x\"] = \"", "  CONFIG[\"prefix\"] = \"", "\"", "'", "#"],
    ),
    (
        "share/x.pl",
        "#!/usr/bin/perl\n",
        &["my $x = ", "'", "\"", ";", "<<E", "E", "=pod", "=cut", "#", "||", "__END__"],
    ),
    (
        "bin/x",
        "#!/bin/sh\n",
        &["'", "\"", "`", "$(", ")", "${x:-", "}", "<<E", "E", "#", "case x in", "esac", ";", "\\", "$(("],
    ),
    ("bin/y", "#!/bin/bash\n", &["'", "\"", "$'", "((", "))", "<<-'E'", "E", "\t", "&", "|", ">", "<(", "\\"]),
    (
        "pkgdb/x-1/+CONTENTS",
        "@name x-1\n",
        &["@cwd ", "@cwd .", "bin/x", "@comment MD5:", "@comment Symlink:", "@ignore", "@exec "],
    ),
];

fn text(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => proptest::sample::select(words).prop_map(str::to_owned),
        4 => Just("/old/place".to_owned()),
        1 => Just("/old/place/lib".to_owned()),
        2 => Just("\n".to_owned()),
        1 => Just(" ".to_owned()),
        1 => "[a-z/.$ ]{0,4}",
    ];
    // A directory of the prefix's own name below the prefix is named after the rewriting too.
    proptest::collection::vec(word, 0..30)
        .prop_map(|words| words.concat().replace("e/old", "e /old").replace("b/old", "b /old"))
}

fn count(names: &Names, bytes: &[u8]) -> usize {
    names.find(bytes, Reading::Text).len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rewritten_file_names_less_and_has_nothing_left_to_rewrite(
        (file, body) in (0..FILES.len()).prop_flat_map(|file| (Just(file), text(FILES[file].2))),
        executable in any::<bool>(),
    ) {
        let (path, beginning, _) = FILES[file];
        let bytes = [beginning, &body].concat().into_bytes();
        let prefixes = [Prefix::new(b"/old/place").unwrap()];
        let (names, name) = (Names::new(&prefixes), RelPath::new(path.as_bytes()).unwrap());
        let mode = if executable { 0o755 } else { 0o644 };
        let subject = Subject { path: &name, mode, bytes: &bytes, prefixes: &prefixes, names: &names, around: &Alone };
        if let Outcome::New(new) = rewrite(&subject, &[]) {
            prop_assert!(count(&names, &new.bytes) < count(&names, &bytes), "{}", String::from_utf8_lossy(&new.bytes));
            prop_assert!(!new.changes.is_empty());
            let again = rewrite(&subject.with(&new.bytes), &[]);
            prop_assert!(!matches!(again, Outcome::New(_)), "{again:?}");
        }
        let gone = PackageList.rewrite(&subject, &|_| Fate::Removed);
        if let Answer::New(new) = gone {
            prop_assert!(new.bytes.len() < bytes.len());
        }
    }

    #[test]
    fn any_bytes_are_survived(file in 0..FILES.len(), mut bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..200) {
        let (path, beginning, _) = FILES[file];
        let at = at.min(bytes.len());
        bytes.splice(at..at, b"/old/place".iter().copied());
        let bytes = [beginning.as_bytes(), &bytes].concat();
        let prefixes = [Prefix::new(b"/old/place").unwrap(), Prefix::new(b"/old").unwrap()];
        let (names, name) = (Names::new(&prefixes), RelPath::new(path.as_bytes()).unwrap());
        let subject = Subject { path: &name, mode: 0o755, bytes: &bytes, prefixes: &prefixes, names: &names, around: &Alone };
        let _ = rewrite(&subject, &[]);
        let _ = PackageList.speaks_of(&subject);
    }
}
