//! The map of the sources, as a test: each row names a module, the rows above it that it may import, and the words its
//! code may not contain. A row may name only rows above it, so there is no cycle.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One module: its path below `src/`, what it may import, the words it must not contain.
struct Row {
    module: &'static str,
    may_import: &'static [&'static str],
    never: &'static [&'static str],
}

/// A module that touches no file system, environment, clock, thread or terminal.
const PURE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::thread",
    "std::net",
    "std::process",
    "SystemTime",
    "Instant",
    "rayon",
    "println!",
    "eprintln!",
    "walkdir",
    "rustix",
    "nix::",
    "tempfile",
];
/// Prints nothing and ends nothing.
const SILENT: &[&str] = &["println!", "eprintln!", "process::exit", "std::env", "SystemTime", "Instant"];

/// What only `tuf` knows of: how metadata is spelt and verified could be done otherwise one day.
const OF_TUF: &[&str] = &["tough", "tokio", "aws_lc_rs"];

const MAP: &[Row] = &[
    Row { module: "base", may_import: &[], never: &["println!", "eprintln!", "process::exit"] },
    Row { module: "loader", may_import: &["base"], never: PURE },
    Row {
        module: "elf",
        may_import: &["base", "loader"],
        never: &["goblin", "std::fs", "std::env", "rayon", "println!"],
    },
    Row { module: "text", may_import: &["base"], never: PURE },
    Row { module: "manifest", may_import: &["base"], never: PURE },
    Row { module: "recipe", may_import: &["base"], never: PURE },
    Row { module: "fill", may_import: &["base", "text", "manifest"], never: PURE },
    Row { module: "ledger", may_import: &["base", "manifest", "fill"], never: PURE },
    Row { module: "delta", may_import: &[], never: PURE },
    Row { module: "release", may_import: &["base"], never: PURE },
    Row { module: "scan", may_import: &["base", "loader", "elf", "text"], never: SILENT },
    Row { module: "plan", may_import: &["base", "loader", "elf", "text", "scan"], never: PURE },
    Row { module: "remains", may_import: &["base", "loader", "elf", "text", "manifest"], never: PURE },
    Row {
        module: "verify",
        may_import: &["base", "loader", "manifest"],
        never: &["object::", "crate::elf", "crate::plan", "println!", "eprintln!"],
    },
    Row {
        module: "pack",
        may_import: &["base", "manifest", "fill", "ledger", "verify"],
        never: &["goblin", "object::", "crate::elf", "println!", "eprintln!"],
    },
    Row { module: "web", may_import: &["base"], never: SILENT },
    Row { module: "objects", may_import: &["base", "web"], never: SILENT },
    Row { module: "wrapper", may_import: &["base", "web"], never: SILENT },
    Row { module: "tuf", may_import: &["base", "web", "objects"], never: SILENT },
    Row { module: "client", may_import: &["base", "release", "objects", "tuf"], never: SILENT },
    Row { module: "build", may_import: &["base", "text", "recipe", "pack", "web", "objects"], never: SILENT },
    Row { module: "install", may_import: &["base", "text", "manifest", "fill", "ledger", "pack"], never: SILENT },
    Row {
        module: "parcel",
        may_import: &["base", "text", "manifest", "fill", "ledger", "delta", "release", "pack", "install"],
        never: SILENT,
    },
    Row {
        module: "publish",
        may_import: &[
            "base", "text", "manifest", "fill", "ledger", "pack", "delta", "parcel", "release", "objects", "tuf",
            "verify", "install", "web",
        ],
        never: SILENT,
    },
    Row { module: "live", may_import: &["base", "release"], never: SILENT },
    Row { module: "preflight", may_import: &["base", "loader"], never: SILENT },
    Row {
        module: "update",
        may_import: &[
            "base",
            "loader",
            "manifest",
            "release",
            "web",
            "objects",
            "tuf",
            "client",
            "pack",
            "install",
            "live",
            "preflight",
            "parcel",
        ],
        never: SILENT,
    },
    Row {
        module: "own",
        may_import: &["base", "release", "web", "objects", "tuf", "client", "wrapper"],
        never: SILENT,
    },
    Row {
        module: "deploy",
        may_import: &["base", "manifest", "release", "tuf", "pack", "live", "preflight", "parcel", "update"],
        never: SILENT,
    },
    Row { module: "contents", may_import: &["base"], never: SILENT },
    Row {
        module: "pipeline",
        may_import: &[
            "base", "loader", "elf", "text", "manifest", "fill", "ledger", "scan", "plan", "remains", "verify", "pack",
            "install", "contents",
        ],
        never: SILENT,
    },
    Row {
        module: "cli",
        may_import: &[
            "base",
            "loader",
            "elf",
            "text",
            "manifest",
            "recipe",
            "fill",
            "ledger",
            "scan",
            "plan",
            "remains",
            "verify",
            "pack",
            "release",
            "web",
            "objects",
            "tuf",
            "client",
            "build",
            "install",
            "publish",
            "live",
            "preflight",
            "update",
            "own",
            "parcel",
            "deploy",
            "contents",
            "pipeline",
            "wrapper",
        ],
        never: &["process::exit"],
    },
    Row { module: "main", may_import: &["cli"], never: &["println!"] },
    Row { module: "carried", may_import: &["cli"], never: &["println!"] },
];

fn sources(module: &str) -> Vec<PathBuf> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(module);
    let mut found = Vec::new();
    let mut dirs = vec![base.clone()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let single = base.with_extension("rs");
    if single.exists() {
        found.push(single);
    }
    found.sort();
    found
}

/// The code without comments; words in a comment are no import.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether the code names `word` itself: `unix::` is no `nix::`, and the module `loader::object` is no crate `object`.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = &code[..at];
        !before.ends_with("loader::") && !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// The top modules of this crate that a source names.
fn imports(code: &str) -> BTreeSet<String> {
    let named = code.split("crate::").skip(1).chain(code.split("relocate::").skip(1));
    named
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>())
        .filter(|word| !word.is_empty())
        .collect()
}

#[test]
fn a_row_names_only_rows_above_it() {
    for (at, row) in MAP.iter().enumerate() {
        for name in row.may_import {
            assert!(MAP[..at].iter().any(|above| above.module == *name), "{}: {name} is not above it", row.module);
        }
    }
}

#[test]
fn every_source_keeps_to_its_row() {
    let mut problems = Vec::new();
    for row in MAP {
        for path in sources(row.module) {
            let code = code(&path);
            for import in imports(&code) {
                if import != row.module && !row.may_import.contains(&import.as_str()) {
                    problems.push(format!("{}: imports {import}", path.display()));
                }
            }
            let of_tuf = if row.module == "tuf" { &[][..] } else { OF_TUF };
            for word in row.never.iter().chain(of_tuf).filter(|word| names(&code, word)) {
                problems.push(format!("{}: contains {word}", path.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_source_has_a_row() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let known = name == "lib" || MAP.iter().any(|row| row.module == name);
        assert!(known, "{name} has no row in the map");
    }
}

#[test]
fn no_source_outgrows_its_idea() {
    for row in MAP {
        for path in sources(row.module) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 600, "{}: {lines} lines; 600 is the end", path.display());
        }
    }
}
