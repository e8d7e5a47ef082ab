//! What kind of text a file is, and which characters a path in it may have.
//!
//! Told from its name and first bytes, for a path that is written into it as it stands: nothing is quoted, because what
//! surrounds the path is not understood. So a kind holds what is safe wherever such a file may have a path: inside quotes
//! and outside.

use super::shebang::shebang;
use crate::base::path::RelPath;

/// A kind of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Shell scripts.
    Shell,
    /// Python source.
    Python,
    /// Perl source, where `@` and `$` in a string are variables.
    Perl,
    /// Ruby source.
    Ruby,
    /// Tcl source.
    Tcl,
    /// C and C++ source and headers.
    C,
    /// Makefiles and their fragments.
    Make,
    /// CMake package files.
    Cmake,
    /// JSON.
    Json,
    /// XML, such as fonts.conf.
    Xml,
    /// Documentation: nothing reads a path there but a person.
    Prose,
    /// The file list of a package in pkgsrc's package database.
    PackageList,
    /// Anything else: taken for configuration.
    Config,
}

/// Which kind goes with the end of a name.
const ENDINGS: &[(&[&str], Kind)] = &[
    (&["sh", "bash", "ksh", "zsh", "csh", "fish"], Kind::Shell),
    (&["py", "pyi"], Kind::Python),
    (&["pl", "pm", "ph", "t"], Kind::Perl),
    (&["rb", "gemspec"], Kind::Ruby),
    (&["tcl", "tm"], Kind::Tcl),
    (&["c", "h", "cc", "cpp", "hpp", "hh", "hxx", "inc"], Kind::C),
    (&["mk", "make", "am", "in", "m4"], Kind::Make),
    (&["cmake"], Kind::Cmake),
    (&["json"], Kind::Json),
    (&["xml", "xsl", "xsd", "svg", "ui", "plist"], Kind::Xml),
    (&["html", "htm", "txt", "md", "rst", "info", "pod", "ps", "tex", "texi", "log", "roff", "man"], Kind::Prose),
];

/// Directories below which texts are documentation.
const DOCUMENTS: [&[u8]; 5] = [b"man", b"doc", b"docs", b"info", b"gtk-doc"];

/// Which kind goes with the name of an interpreter, by how it begins.
const INTERPRETERS: &[(&str, Kind)] = &[
    ("python", Kind::Python),
    ("perl", Kind::Perl),
    ("ruby", Kind::Ruby),
    ("tclsh", Kind::Tcl),
    ("wish", Kind::Tcl),
    ("make", Kind::Make),
    ("sh", Kind::Shell),
    ("bash", Kind::Shell),
    ("dash", Kind::Shell),
    ("ksh", Kind::Shell),
    ("zsh", Kind::Shell),
];

impl Kind {
    /// Tells the kind of a text.
    pub fn of(path: &RelPath, bytes: &[u8]) -> Self {
        if path.name() == b"+CONTENTS" {
            return Self::PackageList;
        }
        if let Some(kind) = shebang(bytes).and_then(|shebang| by_interpreter(shebang.interpreter, shebang.argument)) {
            return kind;
        }
        if bytes.starts_with(b"<?xml") {
            return Self::Xml;
        }
        if path.name().eq_ignore_ascii_case(b"makefile") {
            return Self::Make;
        }
        let ending = path.name().rsplit(|byte| *byte == b'.').next().unwrap_or_default();
        let named = |endings: &&(&[&str], Self)| endings.0.iter().any(|named| named.as_bytes() == ending);
        if let Some((_, kind)) = ENDINGS.iter().find(named) {
            return *kind;
        }
        let documents = path.parent().is_some_and(|parent| parent.parts().any(|part| DOCUMENTS.contains(&part)));
        if documents { Self::Prose } else { Self::Config }
    }

    /// Its stable word, for the record and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Python => "python",
            Self::Perl => "perl",
            Self::Ruby => "ruby",
            Self::Tcl => "tcl",
            Self::C => "c",
            Self::Make => "make",
            Self::Cmake => "cmake",
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Prose => "documentation",
            Self::PackageList => "package-list",
            Self::Config => "configuration",
        }
    }

    /// The kind with this word; `None` for what is no kind of text.
    pub fn named(word: &str) -> Option<Self> {
        let every = [
            Self::Shell,
            Self::Python,
            Self::Perl,
            Self::Ruby,
            Self::Tcl,
            Self::C,
            Self::Make,
            Self::Cmake,
            Self::Json,
            Self::Xml,
            Self::Prose,
            Self::PackageList,
            Self::Config,
        ];
        every.into_iter().find(|kind| kind.name() == word)
    }

    /// The first byte of a path that this kind cannot hold, if any.
    pub fn cannot_hold(self, path: &[u8]) -> Option<u8> {
        let utf8 = std::str::from_utf8(path).is_ok();
        let holds = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || b"/._-+,=~".contains(&byte)
                || (byte >= 0x80 && utf8)
                || self.also_holds().contains(&byte)
        };
        path.iter().copied().find(|byte| !holds(*byte))
    }

    /// What it holds besides letters, digits and `/._-+,=~`.
    fn also_holds(self) -> &'static [u8] {
        match self {
            Self::Shell | Self::Make | Self::Config => b"@",
            Self::Perl | Self::Tcl | Self::Cmake => b"%",
            Self::Python | Self::C | Self::Json => b" @%()[]{};!#$&*?<>^|",
            Self::Ruby => b" @%()[]{};!&*?<>^|",
            Self::Xml => b" @%()[]{};!#$*?^|",
            Self::Prose => b" @%()[]{};!#$&*?<>^|'\"`\\:",
            Self::PackageList => b" @%()[]{};!#&*?<>^|'",
        }
    }

    /// Whether only people read a path there.
    pub fn is_for_people(self) -> bool {
        self == Self::Prose
    }
}

fn by_interpreter(interpreter: &[u8], argument: &[u8]) -> Option<Kind> {
    let base = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
    let mut name = base(interpreter);
    if name == b"env" {
        let word = argument.split(u8::is_ascii_whitespace).find(|word| !word.starts_with(b"-"))?;
        name = base(word);
    }
    INTERPRETERS.iter().find(|(start, _)| name.starts_with(start.as_bytes())).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(path: &str, bytes: &[u8]) -> Kind {
        Kind::of(&RelPath::new(path.as_bytes()).unwrap(), bytes)
    }

    #[test]
    fn a_kind_is_told_from_name_and_first_line() {
        assert_eq!(kind("bin/x", b"#!/usr/bin/env python3\n"), Kind::Python);
        assert_eq!(kind("bin/x", b"#!/bin/sh\n"), Kind::Shell);
        assert_eq!(kind("lib/perl5/Config.pm", b"package Config;"), Kind::Perl);
        assert_eq!(kind("share/man/man1/x.1", b".TH"), Kind::Prose);
        assert_eq!(kind("etc/nginx/nginx.conf", b"user x;"), Kind::Config);
        assert_eq!(kind("etc/fonts/fonts.conf", b"<?xml version"), Kind::Xml);
        assert_eq!(kind("pkgdb/x-1.0/+CONTENTS", b"@name x"), Kind::PackageList);
    }

    #[test]
    fn every_kind_names_the_byte_it_cannot_hold() {
        assert_eq!(Kind::Shell.cannot_hold(b"/srv/my app"), Some(b' '));
        assert_eq!(Kind::Python.cannot_hold(b"/srv/my app"), None);
        assert_eq!(Kind::Perl.cannot_hold(b"/srv/a@b"), Some(b'@'));
        assert_eq!(Kind::Json.cannot_hold(b"/srv/a\"b"), Some(b'"'));
        assert_eq!(Kind::Prose.cannot_hold(b"/srv/\xff"), Some(0xff));
        assert_eq!(Kind::Config.cannot_hold("/srv/\u{e9}".as_bytes()), None);
        for word in ["shell", "documentation", "package-list"] {
            assert_eq!(Kind::named(word).unwrap().name(), word);
            assert!(Kind::named(word).unwrap().cannot_hold(b"/a\nb").is_some());
        }
    }
}
