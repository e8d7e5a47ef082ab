//! Classes of text rewriting, on real programs: a tree is built at one path, rewritten into another, the old one is
//! removed, and the programs run.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod ledgers;
#[path = "../program/mod.rs"]
mod program;
mod properties;
mod python_files;
mod python_scripts;
mod scripts;
mod tree;
mod venvs;
